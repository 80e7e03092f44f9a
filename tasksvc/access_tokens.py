"""Access tokens: JWTs signed with Ed25519 (RFC 8037), which every service can check by itself."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from uuid_utils.compat import uuid7

from chassis.errors import TokenExpired, TokenInvalid

ISSUER: Final = "taskbell"
AUDIENCE: Final = "taskbell"
_ALGORITHM: Final = "EdDSA"
_REMEMBERED: Final = 10_000
_CLAIMS: Final = ["iss", "aud", "sub", "sid", "exp", "iat", "jti"]


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


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    user_id: str
    session_id: str
    expire_time: float


class AccessTokens:
    """Signs with the first key, checks with any of them."""

    def __init__(self, keys: Sequence[SigningKey], lifetime: float) -> None:
        self.keys: Final = tuple(keys)
        self.lifetime: Final = lifetime
        self._public = {key.kid: key.private.public_key() for key in keys}
        # Checking a signature costs more than all the rest of most calls; its outcome doesn't change.
        self._checked = lru_cache(_REMEMBERED)(self._claims)

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
        return jwt.encode(claims, key.private, _ALGORITHM, headers={"kid": key.kid})

    def check(self, token: str) -> Claims:
        """What the token says. Raises TokenInvalid if nobody of us said so, TokenExpired if that was too long ago."""
        claims = self._checked(token)
        if claims.expire_time <= time.time():
            raise TokenExpired("The access token has expired: refresh the session.")
        return claims

    def _claims(self, token: str) -> Claims:
        try:
            key = self._public[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                [_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Its end is asked for on every call; its beginning may lie ahead by another replica's clock.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            return Claims(claims["sub"], claims["sid"], float(claims["exp"]))
        except (jwt.InvalidTokenError, KeyError, ValueError):
            raise TokenInvalid("This is no access token of Taskbell.") from None


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
