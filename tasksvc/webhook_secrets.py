"""What a project's webhooks are signed with, after Standard Webhooks (standardwebhooks.com), and its owners are told.

A project's secret follows from a key of the service: nothing is stored, every replica knows it, and who learns one of
them knows no other.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final
from uuid import UUID

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
    """The secrets of all projects. Every key signs, so that one can be replaced without a moment of mistrust."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def secret(self, project_id: str) -> str:
        """What the receiver is given, as Standard Webhooks writes it."""
        return "whsec_" + base64.b64encode(_derived(self._keys[0], project_id)).decode()

    def signature(self, project_id: str, message_id: str, timestamp: int, body: bytes) -> str:
        """The value of the header `webhook-signature`."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        digests = [hmac.digest(_derived(key, project_id), signed, hashlib.sha256) for key in self._keys]
        return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def _derived(key: bytes, project_id: str) -> bytes:
    purpose = b"taskbell webhook secret of project " + UUID(project_id).bytes
    return HKDF(SHA256(), _SECRET_BYTES, salt=None, info=purpose).derive(key)
