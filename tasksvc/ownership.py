"""Single-owner work, shared fairly between replicas: each thing has one owner, for as long as it renews its lease.

The lease stands in PostgreSQL with a term, which grows when the owner changes. A lease alone doesn't keep out an owner
that was frozen and does not know yet that it lost it: whoever acts on ownership carries the term along and lets it be
checked, or does what can be checked otherwise (see tasksvc.relay).
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final

import structlog

from chassis.errors import ServiceError
from chassis.postgres import Pool
from tasksvc.statements import SQL

LEASE: Final = 3.0
RENEW: Final = 0.5

_log = structlog.get_logger("tasksvc.ownership")


class Ownership:
    """The process' share of the things of one kind."""

    def __init__(self, pool: Pool, kind: str, things: Sequence[int]) -> None:
        self._pool = pool
        self._names = {f"{kind}/{thing}": thing for thing in things}
        self._kind = kind
        self.owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._present = f"{kind}-owner/{self.owner}"
        self._terms: dict[str, int] = {}
        self._until = 0.0

    def name(self, thing: int) -> str:
        """Its name among the ownerships."""
        return f"{self._kind}/{thing}"

    @property
    def terms(self) -> Mapping[int, int]:
        """What is owned at this moment, each with its term."""
        if monotonic() >= self._until:
            return {}
        return {self._names[name]: term for name, term in self._terms.items()}

    async def keep(self, able: Callable[[], bool], changed: Callable[[], None]) -> None:
        """Renews what is owned and takes or gives what is fair, until cancelled. While not `able`, owns nothing."""
        while True:
            before = self._terms.keys()
            try:
                await (self._share() if able() else self.leave())
            except ServiceError as error:
                _log.warning("ownership not renewed", kind=self._kind, error=str(error))
            if self._terms.keys() != before:
                _log.info("ownership changed", kind=self._kind, owned=sorted(self.terms))
                changed()
            await asyncio.sleep(RENEW)

    async def leave(self) -> None:
        """Gives everything back, so that others need not wait for the lease to end."""
        mine, self._terms = list(self._terms), {}
        if mine or self._until:
            self._until = 0.0
            await self._pool.execute(SQL["give_ownerships"], self.owner, mine)
            await self._pool.execute(SQL["leave_ownerships"], self._present, f"{self._kind}-owner/%")

    async def _share(self) -> None:
        asked = monotonic()
        names = list(self._names)
        kept = await self._pool.fetch(SQL["keep_ownerships"], self.owner, self._present, LEASE, names)
        self._terms = {row["name"]: row["term"] for row in kept}
        self._until = asked + LEASE
        rows = await self._pool.fetch(SQL["list_owners"], f"{self._kind}-owner/%")
        owners = [row["owner"] for row in rows]
        if self.owner not in owners:
            return  # the lease ended while we asked: once more, soon
        each, left = divmod(len(names), len(owners))
        fair = each + (owners.index(self.owner) < left)
        if len(self._terms) > fair:
            surplus = list(self._terms)[fair:]
            for name in surplus:
                del self._terms[name]
            await self._pool.execute(SQL["give_ownerships"], self.owner, surplus)
        elif len(self._terms) < fair:
            room = fair - len(self._terms)
            taken = await self._pool.fetch(SQL["take_ownerships"], self.owner, room, LEASE, names)
            self._terms |= {row["name"]: row["term"] for row in taken}
