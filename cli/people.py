"""Usernames for ids, so that a table says `ann` and not a UUID. Asked once each; an unknown one stays a short id."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from chassis.errors import ServiceError
from cli import sdk
from cli.names import short

if TYPE_CHECKING:
    from cli.client import Client


class People:
    """The usernames that are known so far."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._names: dict[str, str] = {"": ""}

    async def meet(self, ids: Iterable[str]) -> None:
        """Learns the usernames of these ids."""
        async with asyncio.TaskGroup() as asking:
            for id_ in {*ids} - self._names.keys():
                asking.create_task(self._ask(id_))

    def name(self, id_: str) -> str:
        """The username, or the end of the id."""
        return self._names.get(id_) or short(id_)

    async def _ask(self, id_: str) -> None:
        try:
            user = await self._client.accounts.get_user(sdk.accounts.GetUserRequest(user_id=id_))
        except ServiceError:
            # A nicety only: the command's own answer doesn't hang on it.
            self._names[id_] = short(id_)
        else:
            self._names[id_] = user.username
