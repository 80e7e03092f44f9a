"""What the stream and the database hold that an operator must know of. Each replica reads the same: both are quick."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import nats.errors

from chassis.errors import Unavailable
from chassis.jetstream import STREAM, Bus
from chassis.postgres import Pool
from chassis.readings import Figure, Reading
from notifysvc import consumer
from notifysvc.statements import SQL

_EVENTS: Final = Figure("taskbell_stream_events", "Events that the stream holds.")
_BYTES: Final = Figure("taskbell_stream_bytes", "How large the stream is.")
_LAST: Final = Figure("taskbell_stream_last_sequence", "The sequence of the stream's newest event.")
_READERS: Final = Figure(
    "taskbell_stream_consumers", "Who reads the stream: the inboxes, and each feed and catching-up reader."
)
_PENDING: Final = Figure("taskbell_consumer_pending", "Events whose effect on inboxes nobody has begun yet.")
_UNACKNOWLEDGED: Final = Figure("taskbell_consumer_unacknowledged", "Events whose effect was begun and is not done.")
_REPEATED: Final = Figure("taskbell_consumer_redelivered", "Those of them that were begun more than once.")
_MAILS: Final = Figure("taskbell_mails_waiting", "E-mails to be sent; ten thousand are counted.")
_OLDEST: Final = Figure("taskbell_mails_oldest_waiting_age_seconds", "How long the oldest of them has waited.")

_DELIVERIES: Final = Figure(
    "taskbell_webhook_deliveries_waiting", "Requests to webhooks that are still to be made; ten thousand are counted."
)
_DUE: Final = Figure(
    "taskbell_webhook_oldest_due_age_seconds", "For how long the oldest of them could have been made already."
)
_FAILING: Final = Figure("taskbell_webhooks_failing", "Webhooks that took nothing when they were called last.")


def readings_of_stream(bus: Bus) -> Callable[[], Awaitable[Iterable[Reading]]]:
    """What asks the bus."""

    async def read() -> Iterable[Reading]:
        if not bus.connected:
            return ()
        try:
            stream, inboxes = await asyncio.gather(
                bus.jetstream.stream_info(STREAM), bus.jetstream.consumer_info(STREAM, consumer.NAME)
            )
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"The event bus tells nothing of itself: {error!r}") from error
        return (
            _EVENTS.told(stream.state.messages),
            _BYTES.told(stream.state.bytes),
            _LAST.told(stream.state.last_seq),
            _READERS.told(stream.state.consumer_count),
            _PENDING.told(inboxes.num_pending or 0),
            _UNACKNOWLEDGED.told(inboxes.num_ack_pending or 0),
            _REPEATED.told(inboxes.num_redelivered or 0),
        )

    return read


def readings_of_mails(pool: Pool) -> Callable[[], Awaitable[Iterable[Reading]]]:
    """What asks the database."""

    async def read() -> Iterable[Reading]:
        row = await pool.fetchrow(SQL["read_waiting_mails"])
        return () if row is None else (_MAILS.told(row["waiting"]), _OLDEST.told(row["oldest_age"]))

    return read


def readings_of_webhooks(pool: Pool) -> Callable[[], Awaitable[Iterable[Reading]]]:
    """What asks the database."""

    async def read() -> Iterable[Reading]:
        row = await pool.fetchrow(SQL["read_waiting_webhook_deliveries"])
        if row is None:
            return ()
        return _DELIVERIES.told(row["waiting"]), _DUE.told(row["due_age"]), _FAILING.told(row["failing"])

    return read
