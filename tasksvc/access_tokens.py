"""Signs access tokens, and checks them."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from uuid_utils.compat import uuid7

from chassis.access_tokens import ALGORITHM, AUDIENCE, ISSUER, Verifier


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name that its public half goes by."""

    private: Ed25519PrivateKey
    kid: str
    x: str
    """The public key, as in a JSON Web Key."""

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """The key in a PEM block. Raises ValueError if it is another kind of key, or none."""
        private = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError("the signing key must be an Ed25519 private key in PEM")  # noqa: TRY004  # the text is wrong
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = _base64url(raw)
        thumbprint = sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()  # RFC 7638
        return cls(private, _base64url(thumbprint), x)


class AccessTokens:
    """Signs with the first key, checks with any of them."""

    def __init__(self, keys: Sequence[SigningKey], lifetime: float) -> None:
        self.keys: Final = tuple(keys)
        self.lifetime: Final = lifetime
        self.check = Verifier({key.kid: key.private.public_key() for key in keys}).check

    def sign(self, user_id: UUID, session_id: UUID) -> str:
        """A token for a session, from now on."""
        now = int(time.time())
        key = self.keys[0]
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + int(self.lifetime),
            "jti": str(uuid7()),
        }
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid})


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
