"""Each user's personal project: where tasks go that name none. It never changes, so it is looked up once."""

from typing import Final
from uuid import UUID

from chassis.errors import TokenInvalid
from chassis.postgres import Pool
from tasksvc.statements import SQL

_REMEMBERED: Final = 65536


class PersonalProjects:
    """Finds them by user."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[str, str] = {}

    async def of(self, user_id: str) -> str:
        """The project's id."""
        known = self._known.get(user_id)
        if known is None:
            found: UUID | None = await self._pool.fetchval(SQL["personal_project"], user_id)
            if found is None:
                raise TokenInvalid("The token names a user that isn't there.")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[user_id] = str(found)
        return known
