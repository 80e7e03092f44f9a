"""What webhooks are signed with, after Standard Webhooks (standardwebhooks.com), and their receivers are told.

A secret follows from a key of the service and a name: nothing is stored, every replica knows it, and who learns one of
them knows no other.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SHORTEST_KEY: Final = 16
_SECRET_BYTES: Final = 32


def read_webhook_keys(text: str) -> list[bytes]:
    """The keys of a setting, separated by white space. Raises ValueError."""
    keys = text.split()
    if not keys or min(map(len, keys)) < SHORTEST_KEY:
        raise ValueError(f"must be one or more keys of at least {SHORTEST_KEY} characters, with spaces in between")
    return [key.encode() for key in keys]


class WebhookSecrets:
    """The secrets of all names. Every key signs, so that one can be replaced without a moment of mistrust."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def secret(self, name: bytes) -> str:
        """What the receiver is given, as Standard Webhooks writes it."""
        return "whsec_" + base64.b64encode(_derived(self._keys[0], name)).decode()

    def headers(self, names: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
        """The headers of a message, which is signed with the secrets of all of these names."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        digests = [hmac.digest(_derived(key, name), signed, hashlib.sha256) for name in names for key in self._keys]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join("v1," + base64.b64encode(digest).decode() for digest in digests),
        }


def _derived(key: bytes, name: bytes) -> bytes:
    return HKDF(SHA256(), _SECRET_BYTES, salt=None, info=b"taskbell webhook secret of " + name).derive(key)
