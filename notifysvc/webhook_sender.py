"""Sends webhooks what they are to be told: each event until it is taken, or given up after three days.

An event comes into the table in the transaction of its other effects, once for each webhook. It is claimed under a
lease, sent, and its end noted. Who dies in between leaves it to be sent again: a receiver knows it by `webhook-id`.

Many are sent at once, but only a few of each webhook: one that answers slowly, or never, holds up no other.
"""

import asyncio
import random
from collections import Counter as Bag
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC
from time import time
from typing import Any, Final
from uuid import UUID

import aiohttp
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import ServiceError
from chassis.outgoing import NotAnswered, http_url, post
from chassis.postgres import Executor, Pool
from chassis.race import race
from chassis.tracing import Followers
from chassis.webhook_secrets import WebhookSecrets
from notifysvc.effects import Arrival, Work
from notifysvc.statements import SQL
from notifysvc.webhook_message import Target, headers_of, message_of
from notifysvc.webhook_upkeep import Notice

PATIENCE: Final = 15.0
"""Seconds that an answer may take."""
LEASE: Final = 60.0
PAUSES: Final = (5.0, 300.0, 1800.0, *(hours * 3600.0 for hours in (2, 5, 10, 14, 20, 24)))
"""Seconds between the attempts, as Standard Webhooks proposes."""
FAILS_FOR: Final = 5 * 86400.0
"""Seconds after which a webhook that has taken nothing is paused."""
_OF_EACH: Final = 4
_AT_ONCE: Final = 64
_POLL: Final = 1.0
_LONGEST_ANSWER: Final = 1024

_ATTEMPTS: Final = Counter("taskbell_webhook_attempts", "Requests to webhooks, by what came of them.", ["outcome"])
_DELIVERED, _AGAIN, _DEAD = map(_ATTEMPTS.labels, ("delivered", "again", "dead"))
_DELAY: Final = Histogram(
    "taskbell_webhook_delay_seconds",
    "From an event's transaction to the moment when a webhook took it.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600, 86400),
)
_log = structlog.get_logger("notifysvc.webhook_sender")


class WebhookSender:
    """A worker, and an effect of events. Replicas share the work."""

    def __init__(
        self, pool: Pool, session: aiohttp.ClientSession, secrets: WebhookSecrets, ended: Callable[[], None]
    ) -> None:
        """`ended` is told when a webhook is paused or disabled by itself."""
        self._pool = pool
        self._session = session
        self._secrets = secrets
        self._ended = ended
        self._woken = asyncio.Event()
        self._at: Bag[UUID] = Bag()
        """How many are being sent, by webhook."""
        self._spans = Followers(SpanKind.CLIENT)

    async def of(self, arrivals: Sequence[Arrival]) -> Work | None:
        """What the webhooks of the events' projects have to be told."""
        told = [arrival.event for arrival in arrivals if arrival.event.project_id]
        projects = {UUID(event.project_id) for event in told}
        listening = {row["project_id"] for row in await self._listening(projects)}
        events = [event for event in told if UUID(event.project_id) in listening]
        if not events:
            return None

        async def keep(db: Executor) -> None:
            await db.execute(
                SQL["add_webhook_deliveries"],
                [UUID(event.event_id) for event in events],
                [UUID(event.project_id) for event in events],
                [event.type for event in events],
                [event.time.ToDatetime(UTC) for event in events],
                [event.SerializeToString() for event in events],
            )

        return keep

    def nudge(self) -> None:
        """There is something to send."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends until the process ends; what is begun is finished."""
        async with asyncio.TaskGroup() as group:
            while not stopping.is_set():
                self._woken.clear()
                try:
                    for row in await self._claim():
                        self._at[row["webhook_id"]] += 1
                        group.create_task(self._attempt(row))
                except ServiceError as error:
                    _log.warning("webhooks have to wait", error=repr(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL):
                        await race(self._woken.wait(), stopping.wait())

    async def _listening(self, projects: set[UUID]) -> Sequence[Any]:
        return await self._pool.fetch(SQL["list_webhook_projects"], list(projects)) if projects else ()

    async def _claim(self) -> Sequence[Any]:
        free = _AT_ONCE - self._at.total()
        if not free:
            return ()
        busy = list(self._at)
        return await self._pool.fetch(SQL["claim_webhook_deliveries"], LEASE, _OF_EACH, busy, free)

    async def _attempt(self, row: Any) -> None:
        try:
            await self._send(row)
        except ServiceError as error:
            # Its end could not be noted: when the lease is over, it is sent again.
            _log.warning("what became of a delivery is not noted", delivery=str(row["id"]), error=repr(error))
        except Exception:  # noqa: BLE001 - whatever it is, the others must be sent
            _log.exception("delivery failed", delivery=str(row["id"]))
        finally:
            self._at[row["webhook_id"]] -= 1
            self._at += Bag()  # lets go of what has come to nothing
            self._woken.set()

    async def _send(self, row: Any) -> None:
        event = Event.FromString(row["event"])
        body = message_of(event)
        target = Target(row["webhook_id"], row["secret_number"], row["former_signs"])
        url = http_url(row["url"])
        with self._spans.begin("send webhook", event.traceparent, {"server.address": url.host or ""}):
            try:
                headers = headers_of(target, event.event_id, body, self._secrets)
                answer = await post(self._session, url, body, headers, patience=PATIENCE)
            except NotAnswered as error:
                await self._failed(row, 0, str(error), pause(row["tries"]))
                return
        if answer.succeeded:
            await self._pool.execute(
                SQL["end_webhook_delivery"], row["id"], row["attempt"], answer.status, answer.said[:_LONGEST_ANSWER]
            )
            _DELIVERED.inc()
            _DELAY.observe(time() - event.time.ToNanoseconds() / 1e9)
            return
        wait = None if answer.gone else pause(row["tries"])
        if wait is not None and answer.retry_after is not None:
            wait = max(wait, answer.retry_after)
        await self._failed(row, answer.status, answer.said or str(answer), wait, gone=answer.gone)

    async def _failed(self, row: Any, status: int, told: str, wait: float | None, *, gone: bool = False) -> None:
        (_DEAD if wait is None else _AGAIN).inc()
        ends = await self._pool.fetchval(
            SQL["fail_webhook_delivery"],
            row["id"],
            row["attempt"],
            status,
            told[:_LONGEST_ANSWER],
            wait,
            FAILS_FOR,
            gone,
        )
        if wait is None:
            _log.warning("delivery given up", delivery=str(row["id"]), webhook=str(row["webhook_id"]), status=status)
        if ends:
            _log.warning("webhook is sent nothing more", webhook=str(row["webhook_id"]), why=Notice(ends).name)
            self._ended()


def pause(tries: int) -> float | None:
    """Seconds to the next attempt after so many before this one; None when there is none."""
    if tries >= len(PAUSES):
        return None
    return PAUSES[tries] * random.uniform(1, 1.1)  # noqa: S311 - spreads repeats
