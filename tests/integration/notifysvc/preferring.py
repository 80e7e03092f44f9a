"""Somebody who says what they want to be told, and what became of their mails."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.notifications.v1.preferences_pb2_grpc import PreferenceServiceStub

from chassis.errors import from_rpc_error
from tests.integration.notifysvc.peer import Person

HELD = """
SELECT m.state, m.hold, m.next_time FROM notifysvc.mails AS m JOIN notifysvc.notifications AS n USING (id)
WHERE n.user_id = $1 ORDER BY n.id
"""


class Preferring:
    """The preferences' methods, as people call them."""

    def __init__(self, channel: grpc.aio.Channel, rows: asyncpg.Pool | asyncpg.Connection) -> None:
        self.stub: Any = PreferenceServiceStub(channel)
        self._rows = rows

    async def get(self, person: Person) -> pb.Preferences:
        said: pb.Preferences = await self.stub.GetPreferences(pb.GetPreferencesRequest(), metadata=person.metadata)
        return said

    async def set(self, person: Person, request_id: str = "", **said: Any) -> pb.Preferences:
        request = pb.UpdatePreferencesRequest(
            preferences=pb.Preferences(**said),
            update_mask=FieldMask(paths=[name for name in said if name != "etag"]),
            request_id=request_id,
        )
        try:
            after: pb.Preferences = await self.stub.UpdatePreferences(request, metadata=person.metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return after

    async def mails(self, person: Person, count: int) -> list[asyncpg.Record]:
        """The rows of a person's mails, once there are so many."""
        async with asyncio.timeout(60):
            while len(rows := await self._rows.fetch(HELD, UUID(person.id))) < count:  # noqa: ASYNC110 - another process writes them
                await asyncio.sleep(0.05)
        return list(rows)

    async def held(self, person: Person, why: int) -> asyncpg.Record:
        """The row of a person's only mail, once it waits for this reason."""
        async with asyncio.timeout(60):
            while (row := (await self.mails(person, 1))[0])["hold"] != why:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.05)
        return row

    async def left(self, person: Person) -> None:
        """Waits until it is noted that they left a project."""
        departed = "SELECT bool_or(gone) FROM notifysvc.departures WHERE user_id = $1"
        async with asyncio.timeout(60):
            while not await self._rows.fetchval(departed, UUID(person.id)):  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.05)


def rule(
    reason: Notification.Reason.ValueType, *, inbox: bool = True, email: Any = pb.PreferenceRule.INSTANT
) -> pb.PreferenceRule:
    return pb.PreferenceRule(reason=reason, inbox=inbox, email=email)
