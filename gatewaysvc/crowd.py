"""How much is open at a time: connections or streams, in all and of one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chassis.address_block import address_block
from chassis.errors import TooManyConnections, Unavailable

MOST: Final = 10_000
MOST_OF_AN_ADDRESS: Final = 1_000


class Crowd:
    """Those inside."""

    def __init__(self, most: int = MOST, most_of_an_address: int = MOST_OF_AN_ADDRESS) -> None:
        self._most = most
        self._most_of_an_address = most_of_an_address
        self._inside = 0
        self._alike: Counter[str] = Counter()

    def enter(self, address: str | None) -> None:
        """One more, of this address if that counts. Raises Unavailable or TooManyConnections."""
        if self._inside >= self._most:
            raise Unavailable("There are too many connections just now; try again soon.", retry_after=1)
        block = _block(address)
        if address is not None and self._alike[block] >= self._most_of_an_address:
            raise TooManyConnections(
                f"Your address has {self._most_of_an_address} connections or streams open, as many as one may have:"
                " close some of them.",
                retry_after=1,
            )
        self._inside += 1
        self._alike[block] += 1

    def leave(self, address: str | None) -> None:
        """One less."""
        block = _block(address)
        self._inside -= 1
        self._alike[block] -= 1
        if not self._alike[block]:
            del self._alike[block]

    @contextmanager
    def inside(self, address: str) -> Iterator[None]:
        """One more as long as the block runs. Raises as `enter` does."""
        self.enter(address)
        try:
            yield
        finally:
            self.leave(address)


def _block(address: str | None) -> str:
    return "" if address is None else address_block(address)
