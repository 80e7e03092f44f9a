"""Access tokens: JWTs signed with Ed25519 (RFC 8037), which every service can check by itself."""

import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chassis.errors import TokenExpired, TokenInvalid

ISSUER: Final = "taskbell"
AUDIENCE: Final = "taskbell"
ALGORITHM: Final = "EdDSA"
_REMEMBERED: Final = 10_000
_CLAIMS: Final = ["iss", "aud", "sub", "sid", "exp", "iat", "jti"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    user_id: str
    session_id: str
    expire_time: float


class Verifier:
    """Checks tokens against public keys, each of which has a name."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self.keys: Final = keys
        # Checking a signature costs more than all the rest of most calls; its outcome doesn't change.
        self._checked = lru_cache(_REMEMBERED)(self._claims)

    def check(self, token: str) -> Claims:
        """What the token says. Raises TokenInvalid if nobody of us said so, TokenExpired if that was too long ago."""
        claims = self._checked(token)
        if claims.expire_time <= time.time():
            raise TokenExpired("The access token has expired: refresh the session.")
        return claims

    def _claims(self, token: str) -> Claims:
        try:
            claims = jwt.decode(
                token,
                self.keys[key_name(token)],
                [ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Its end is asked for on every call; its beginning may lie ahead by another replica's clock.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            return Claims(claims["sub"], claims["sid"], float(claims["exp"]))
        except (jwt.InvalidTokenError, KeyError, ValueError):
            raise TokenInvalid("This is no access token of Taskbell.") from None


def key_name(token: str) -> str:
    """Which key it says to be signed with; nobody has checked that. Raises TokenInvalid if it is no token at all."""
    try:
        return str(jwt.get_unverified_header(token)["kid"])
    except (jwt.InvalidTokenError, KeyError):
        raise TokenInvalid("This is no access token of Taskbell.") from None


def read_public_key(x: str) -> Ed25519PublicKey:
    """The key of a JSON Web Key. Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(x + "=" * (-len(x) % 4)))
