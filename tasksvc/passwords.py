"""Password hashes: argon2id. Some 70 ms of work and 46 MiB each, so never on the event loop and only a few at once."""

import asyncio
import os
import secrets
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, TypeAlias

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_MOST_AT_ONCE: Final = 4

Hashing: TypeAlias = Literal["strong", "fast"]
_HASHERS: Final[Mapping[Hashing, PasswordHasher]] = {
    "strong": PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1),
    "fast": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
}

_log = structlog.get_logger("tasksvc.passwords")


class Passwords:
    """Hashes and checks, a few at once; the rest waits its turn, and gives it up when its caller goes.

    `fast` is for tests, where many people register: its hashes would soon be guessed.
    """

    def __init__(self, hashing: Hashing = "strong") -> None:
        if hashing != "strong":
            _log.warning("passwords are hashed for tests", hashing=hashing)
        self._hasher = _HASHERS[hashing]
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_AT_ONCE), "passwords")
        # Nobody's, and made before any other. Checking it takes as long as checking somebody's.
        self._decoy = self._threads.submit(self._hasher.hash, secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """What to keep of a new password."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, _normal(password))

    async def check(self, password: str, kept: str | None) -> bool:
        """Whether it is the password. `None` is the hash of nobody, and takes as long to refuse."""
        matches = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, kept, _normal(password)
        )
        return matches and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other costs than today's, and should be made again."""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, kept: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(self._decoy.result() if kept is None else kept, password)
        except VerifyMismatchError:
            return False


def _normal(password: str) -> str:
    """Keyboards differ in how they compose an accented letter; the password is the same (RFC 8265)."""
    return unicodedata.normalize("NFC", password)
