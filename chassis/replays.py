"""Repeats of a request that named a request_id get the first answer, and change nothing a second time.

A service that promises it has the table `replays`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b
from typing import Final, Protocol, TypeVar

import structlog
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from chassis.caller import current_call
from chassis.errors import RequestIdReused, Unavailable
from chassis.postgres import Executor, Pool, queries, transaction

SQL: Final = queries("chassis")
LIFETIME: Final = 86_400
"""Seconds, unless said."""
_SWEEP: Final = 600.0
_log = structlog.get_logger("chassis.replays")


class Repeatable(Protocol):
    """A request that may name itself."""

    request_id: str


Response = TypeVar("Response", bound=Message)


class Replays:
    """The first answers, kept with the changes that they tell of."""

    def __init__(self, pool: Pool, *, key: str, lifetime: float = LIFETIME) -> None:
        self._pool = pool
        # A fingerprint is of the whole request, which may hold a password: nobody shall try passwords on it.
        self._key = blake2b(key.encode()).digest()
        self._lifetime = lifetime

    async def once(
        self, method: str, request: Repeatable, respond: Callable[[Executor], Awaitable[Response]]
    ) -> Response:
        """What `respond` answers, or answered the first time. Raises RequestIdReused if that was to another request.

        Its statements and the record of its answer are one transaction: what fails leaves no record, and may be tried
        again. Without a request_id it is just called, with the pool.
        """
        if not request.request_id:
            return await respond(self._pool)
        who = current_call.get().caller
        place = (who.user_id if who else "", request.request_id)
        fingerprint = self._fingerprint(method, request)
        async with transaction(self._pool) as connection:
            while not await connection.fetchval(SQL["claim_request"], *place, fingerprint, self._lifetime):
                first = await connection.fetchrow(SQL["find_replay"], *place)
                if first is None:
                    continue  # it expired, and was forgotten, between the two statements
                if first["fingerprint"] != fingerprint:
                    raise RequestIdReused(
                        f"The request_id {request.request_id!r} came with another request before: use a new one."
                    )
                return _unpacked(first["response"])
            response = await respond(connection)
            packed = AnyMessage()
            packed.Pack(response)
            await connection.execute(SQL["keep_response"], *place, packed.SerializeToString())
            return response

    async def run(self, stopping: asyncio.Event) -> None:
        """Forgets expired records now and then. Any number of replicas may do so at once."""
        while not stopping.is_set():
            try:
                await self._pool.execute(SQL["forget_replays"], self._lifetime)
            except Unavailable:
                _log.warning("expired replays not removed")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _SWEEP)

    def _fingerprint(self, method: str, request: Repeatable) -> bytes:
        if not isinstance(request, Message):
            raise TypeError("a request is a message")
        unnamed = type(request)()
        unnamed.CopyFrom(request)
        unnamed.ClearField("request_id")
        body = unnamed.SerializeToString(deterministic=True)
        return blake2b(f"{method}\0".encode() + body, key=self._key, digest_size=32).digest()


def _unpacked(raw: bytes) -> Response:  # type: ignore[type-var]  # what was packed under the same method and request
    packed = AnyMessage.FromString(raw)
    kind = descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())
    response: Response = message_factory.GetMessageClass(kind)()  # type: ignore[assignment]
    packed.Unpack(response)
    return response
