"""Links by which somebody ends e-mails without signing in (RFC 8058): they say whose and which, and are signed.

Who has such a link can end that person's mails, and nothing else. It holds for as long as the key does, since a mail
may be read years later.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from taskbell.notifications.v1.preferences_pb2 import PreferenceRule

from chassis.errors import InvalidField
from notifysvc.concerned import Reason
from notifysvc.preferences import Rule

DIGEST: Final = 0
"""The kind of a digest's link: no reason has this number."""
_MAC: Final = 16


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """What a link is for."""

    user_id: str
    reason: int
    """The kind of the mails, or DIGEST."""

    def covers(self, reason: Reason, rule: Rule) -> bool:
        """Whether mails of this kind, which now go by this rule, are to end."""
        return rule.email == PreferenceRule.DIGEST if self.reason == DIGEST else reason == self.reason


class UnsubscribeLinks:
    """Makes them and reads them."""

    def __init__(self, public_url: str, keys: Sequence[str]) -> None:
        """The first key signs, all are believed."""
        self._url = f"{public_url.rstrip('/')}/unsubscribe?token="
        self._keys = [sha256(f"taskbell unsubscribe {key}".encode()).digest() for key in keys]

    def link(self, user_id: str, reason: int) -> str:
        """The address for a mail's header."""
        said = UUID(user_id).bytes + bytes([reason])
        return self._url + urlsafe_b64encode(said + _mac(self._keys[0], said)).decode().rstrip("=")

    def read(self, token: str) -> Unsubscription:
        """What a link is for. Raises InvalidField for one that isn't ours."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (Error, ValueError):
            raw = b""
        said, mac = raw[:-_MAC], raw[-_MAC:]
        if len(said) != len(UUID(int=0).bytes) + 1 or not any(
            hmac.compare_digest(mac, _mac(key, said)) for key in self._keys
        ):
            raise InvalidField.named("token", token[:8], "is not from a mail of ours, or not all of it")
        return Unsubscription(str(UUID(bytes=said[:-1])), said[-1])


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")[:_MAC]
