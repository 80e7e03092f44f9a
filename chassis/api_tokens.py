"""The text of an API token: `tb_`, then whose it is, which one, and the secret. Only a hash of the secret is kept."""

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from chassis.errors import TokenInvalid

PREFIX: Final = "tb_"
_SECRET: Final = 32
_LENGTH: Final = 16 + 16 + _SECRET


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as its bearer shows it. The user in it says where to look; the hash says whether it is true."""

    user_id: UUID
    token_id: UUID
    secret: bytes

    @property
    def hash(self) -> bytes:
        """What is kept. A secret of 256 random bits needs no slow hash."""
        return sha256(self.secret).digest()

    def __str__(self) -> str:
        raw = self.user_id.bytes + self.token_id.bytes + self.secret
        return PREFIX + urlsafe_b64encode(raw).decode().rstrip("=")


def new_api_token(user_id: UUID, token_id: UUID) -> ApiToken:
    """A token with a new secret."""
    return ApiToken(user_id, token_id, secrets.token_bytes(_SECRET))


def read_api_token(text: str) -> ApiToken:
    """The parts of a token. Raises TokenInvalid if it is none of ours."""
    encoded = text.removeprefix(PREFIX)
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _LENGTH:
        raise TokenInvalid("This is no API token of Taskbell.")
    return ApiToken(UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), raw[32:])
