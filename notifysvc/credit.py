"""How many events a client lets us send: none without its leave, once it has named a number."""

import asyncio


class Allowance:
    """One stream's. Without a limit until `grant` is called first."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._granted: asyncio.Event | None = None
        """Whether some are left; there is none for those who don't count, as most don't."""

    @property
    def limited(self) -> bool:
        """Whether the client has named a number."""
        return self._left is not None

    def grant(self, events: int) -> None:
        """Allows for so many more; 0 only begins to count."""
        self._left = (self._left or 0) + events
        self._granted = self._granted or asyncio.Event()
        if self._left:
            self._granted.set()
        else:
            self._granted.clear()

    async def take(self, most: int) -> int:
        """Waits until something may be sent; how many of these, which then count as sent."""
        if self._left is None or self._granted is None:  # nobody counts
            return most
        while not self._granted.is_set():
            await self._granted.wait()
        taken = min(most, self._left)
        self._left -= taken
        if not self._left:
            self._granted.clear()
        return taken
