"""Password hashes: argon2id. Some 70 ms of work and 46 MiB each, so never on the event loop and only a few at once."""

import asyncio
import os
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_MOST_AT_ONCE: Final = 4
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)


class Passwords:
    """Hashes and checks, a few at once; the rest waits its turn, and gives it up when its caller goes."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_AT_ONCE), "passwords")
        # Nobody's. Checking it takes as long as checking somebody's.
        self._decoy = _HASHER.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """What to keep of a new password."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _HASHER.hash, _normal(password))

    async def check(self, password: str, kept: str | None) -> bool:
        """Whether it is the password. `None` is the hash of nobody, and takes as long to refuse."""
        decoy_or_kept = self._decoy if kept is None else kept
        matches = await asyncio.get_running_loop().run_in_executor(
            self._threads, _matches, decoy_or_kept, _normal(password)
        )
        return matches and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other costs than today's, and should be made again."""
        return _HASHER.check_needs_rehash(kept)


def _matches(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False


def _normal(password: str) -> str:
    """Keyboards differ in how they compose an accented letter; the password is the same (RFC 8265)."""
    return unicodedata.normalize("NFC", password)
