"""What users are called. A username never changes, so it is looked up once."""

from typing import Final

from chassis.errors import TokenInvalid
from chassis.postgres import Pool
from tasksvc.statements import SQL

_REMEMBERED: Final = 65536


class Usernames:
    """Finds them by id."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[str, str] = {}

    async def of(self, user_id: str) -> str:
        """The user's name."""
        known = self._known.get(user_id)
        if known is None:
            row = await self._pool.fetchrow(SQL["get_user"], user_id)
            if row is None:
                raise TokenInvalid("The token names a user that isn't there.")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[user_id] = str(row["username"])
        return known
