"""How fast a recipient's domain is given mails: large providers turn away who sends too many at once.

Each mail takes the next free slot of its domain, and waits for it: nothing is refused. Slots are kept in the database,
so that all replicas together keep to the pace.
"""

from typing import Final

from chassis.postgres import Pool
from notifysvc.statements import SQL

_AT_ONCE: Final = 1.0
"""Seconds' worth of mails that may go in one go after a rest."""


class MailPace:
    """Slots of domains, so many a minute; 0: as fast as they come."""

    def __init__(self, pool: Pool, per_minute: int) -> None:
        self._pool = pool
        self._per_minute = per_minute

    async def take_slot(self, recipient: str) -> float:
        """The seconds until the mail's turn, which may be none."""
        if not self._per_minute:
            return 0
        domain = recipient.rpartition("@")[2].lower()
        interval = 60 / self._per_minute
        wait: float = await self._pool.fetchval(SQL["take_mail_slot"], domain, interval, _AT_ONCE)
        return max(wait, 0)
