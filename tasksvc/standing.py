"""Whether who made a call that lasts may still work in its project."""

import asyncio
from time import monotonic
from typing import Final

import structlog

from chassis.caller import authorization
from chassis.errors import Unavailable
from tasksvc.access import Role
from tasksvc.authentication import Authentication
from tasksvc.memberships import project_not_found, require_role

RECHECK: Final = 3.0
"""Seconds until it is asked again: with a slow answer still within the five that are promised."""
TRUST: Final = 60.0
"""Seconds for which a call goes on while nobody can be asked."""
_log = structlog.get_logger("tasksvc.standing")


class Standing:
    """Of the call at hand, which was let in a moment ago."""

    def __init__(self, authentication: Authentication, project_id: str) -> None:
        self._authentication = authentication
        self._token = authorization().partition(" ")[2]
        self._project_id = project_id
        self._checked = monotonic()

    async def watch(self) -> None:
        """Raises why the caller has to go, as soon as that is so."""
        while True:
            await asyncio.sleep(max(self._checked + RECHECK - monotonic(), 0))
            await self.check()

    async def check(self) -> None:
        """The same, at once."""
        if monotonic() - self._checked < RECHECK:
            return
        try:
            known = await self._authentication.authenticate(self._token)
        except Unavailable:
            if monotonic() - self._checked > TRUST:
                raise
            _log.warning("rights not checked")
            await asyncio.sleep(RECHECK / 3)
            return
        role = known.access.roles.get(self._project_id) if known.access else None
        if role is None:
            raise project_not_found(self._project_id)
        require_role(role, Role.EDITOR)
        self._checked = monotonic()
