"""Takes each event from the stream and gives it its lasting effect: notifications in inboxes, and e-mails to send.

The durable consumer is shared by all replicas. An event is acknowledged after its effect is committed, and its effect
notes that it happened in the same transaction; so a process that is killed in between, or a doubtful acknowledgement,
leads to a redelivery which changes nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from chassis.caller import Call, as_call
from chassis.errors import ServiceError
from chassis.jetstream import STREAM, TRACEPARENT, Bus
from chassis.tracing import Followers, bus_attributes
from notifysvc.bell import Bell
from notifysvc.effects import Arrival
from notifysvc.event_log import EventLog, entry_of, place_of
from notifysvc.inbox import Inbox, check_readable
from notifysvc.mailer import Mailer
from notifysvc.pull import Pull

NAME: Final = "notifysvc"
_BATCH: Final = 64
_ACK_WAIT: Final = 10.0
"""Seconds after which an event that was taken by a process which died goes to another one."""
_PATIENCE: Final = 0.5
_SILENCE: Final = 5.0
_RETRY: Final = 1.0
_ATTEMPTS: Final = 20

_CONSUMED = Counter("taskbell_consumer_events", "Events taken from the stream, by what became of them.", ["outcome"])
_DONE, _AGAIN, _UNREADABLE, _GIVEN_UP = map(_CONSUMED.labels, ("done", "again", "unreadable", "given_up"))
_DELAY = Histogram(
    "taskbell_consumer_delay_seconds",
    "From an event's transaction to its effect on inboxes.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300),
)
_log = structlog.get_logger("notifysvc.consumer")


class Consumer:
    """A worker."""

    def __init__(self, bus: Bus, log: EventLog, inbox: Inbox, bell: Bell, mailer: Mailer) -> None:
        self._bus = bus
        self._log = log
        self._inbox = inbox
        self._bell = bell
        self._mailer = mailer
        self._spans = Followers(SpanKind.CONSUMER)

    async def run(self, stopping: asyncio.Event) -> None:
        """Takes events until the process ends; what is taken is finished."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(_RETRY):
                    await self._bus.ready()
                stream = await self._declare()
                async with Pull(self._bus.client, NAME, _BATCH, acknowledges=True) as pull:
                    # Silent, it went with a stream that was removed, and is made again with the next one.
                    while not stopping.is_set() and self._bus.connected and pull.silence < _SILENCE:
                        if messages := await pull.take(_PATIENCE):
                            await self._consume(messages, stream)
            except (nats.errors.Error, OSError, ServiceError) as error:
                _log.warning("events are not consumed just now", error=repr(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY):
                        await stopping.wait()

    async def _declare(self) -> int:
        """Makes the consumer if it isn't there; which stream it is of."""
        config = ConsumerConfig(
            name=NAME,
            durable_name=NAME,
            description="notifications and e-mails",
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT,
            max_deliver=-1,
            max_ack_pending=16 * _BATCH,
            filter_subjects=["taskbell.events.task.>", "taskbell.events.member.>", "taskbell.events.account.>"],
        )
        await self._bus.jetstream.add_consumer(STREAM, config)
        return (await self._log.bounds()).stream

    async def _consume(self, messages: list[Msg], stream: int) -> None:
        arrivals, readable = [], []
        for message in messages:
            if arrival := _arrival(message, stream):
                arrivals.append(arrival)
                readable.append(message)
            else:
                await message.term()
                _UNREADABLE.inc()
        try:
            await self._give_effect(arrivals)
        except ServiceError:
            await _give_back(readable)
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it must not hold up the events behind
            _log.exception("effect failed", events=[arrival.event.event_id for arrival in arrivals])
            await self._one_by_one(readable, arrivals)
            return
        await _acknowledge(readable)

    async def _give_effect(self, arrivals: Sequence[Arrival]) -> None:
        begun = time.time_ns()
        changed = await self._inbox.deliver(arrivals)
        done = time.time()
        for arrival in arrivals:
            event = arrival.event
            _DELAY.observe(done - event.time.ToNanoseconds() / 1e9)
            attributes = bus_attributes(event.event_id)
            link = arrival.traceparent
            self._spans.begin(f"process {event.type}", event.traceparent, attributes, link=link, since=begun).end()
        if changed:
            self._mailer.nudge()
            # Again for a repeat: the one who did it may have died before telling.
            await self._bell.ring(changed)

    async def _one_by_one(self, messages: Sequence[Msg], arrivals: Sequence[Arrival]) -> None:
        """So that one event which can't have its effect doesn't hold up the others."""
        for message, arrival in zip(messages, arrivals, strict=True):
            with as_call(Call(traceparent=arrival.event.traceparent)):
                await self._alone(message, arrival)

    async def _alone(self, message: Msg, arrival: Arrival) -> None:
        try:
            await self._give_effect([arrival])
        except ServiceError:
            await _give_back([message])
            raise
        except Exception:  # noqa: BLE001 - likewise
            if message.metadata.num_delivered < _ATTEMPTS:
                await _give_back([message])
                return
            _log.exception("event given up", event_id=arrival.event.event_id, sequence=arrival.sequence)
            await message.term()
            _GIVEN_UP.inc()
        else:
            await _acknowledge([message])


def _arrival(message: Msg, stream: int) -> Arrival | None:
    entry = entry_of(message, stream)
    if entry is None:
        return None
    try:
        check_readable(entry.event)
    except ValueError as error:
        _log.error("unreadable event", sequence=place_of(message)[0], error=str(error))
        return None
    # What is kept for a person is no place for what the task was where the person may not see it.
    entry.event.ClearField("previous")
    return Arrival(entry.cursor.sequence, entry.event, (message.headers or {}).get(TRACEPARENT, ""))


async def _acknowledge(messages: Sequence[Msg]) -> None:
    answers = await asyncio.gather(
        *(message.ack_sync(timeout=_ACK_WAIT / 4) for message in messages), return_exceptions=True
    )
    unsure = [answer for answer in answers if isinstance(answer, BaseException)]
    for answer in unsure:
        if not isinstance(answer, nats.errors.Error | OSError):
            raise answer
    if unsure:
        _log.warning(
            "acknowledgements in doubt: those events will come again", count=len(unsure), error=repr(unsure[0])
        )
    _DONE.inc(len(messages) - len(unsure))


async def _give_back(messages: Sequence[Msg]) -> None:
    _AGAIN.inc(len(messages))
    for message in messages:
        await message.nak(delay=_RETRY)
