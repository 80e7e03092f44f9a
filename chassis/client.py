"""Who is at the other end of a call, as far as it can be told: which program, at which address.

The gateway calls for others and says for whom, under a seal of the service key: whoever else says so is not believed,
and is told of as itself.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import unquote

from chassis.proxies import FORWARDED_FOR, Networks, original_address

METADATA: Final = "x-taskbell-client-bin"
_SEAL: Final = 32
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Client:
    """What it calls itself, and its IP address."""

    user_agent: str
    address: str


def introduction(client: Client, key: str) -> tuple[str, bytes]:
    """The metadata by which a service says whom it calls for."""
    text = json.dumps(asdict(_short(client))).encode()
    return METADATA, _seal(text, key) + text


@dataclass(frozen=True, slots=True)
class Clients:
    """Tells who calls. Believes who has this key, and proxies that speak gRPC from these addresses."""

    key: str
    proxies: Networks = ()

    def of(self, metadata: Iterable[tuple[str, str | bytes]] | None, peer: str) -> Client:
        """Who made the call with these metadata, from this gRPC peer (`ipv4:192.0.2.7:3333`)."""
        pairs = list(metadata or ())
        known = dict(pairs)
        given = known.get(METADATA)
        if isinstance(given, bytes) and hmac.compare_digest(given[:_SEAL], _seal(given[_SEAL:], self.key)):
            return Client(**json.loads(given[_SEAL:]))
        forwarded = [str(value) for name, value in pairs if name == FORWARDED_FOR.lower()]
        address = original_address(_address(peer), forwarded, self.proxies)
        return _short(Client(str(known.get("user-agent", "")), address))


def _seal(text: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), b"taskbell client " + text, sha256)


def _short(client: Client) -> Client:
    visible = "".join(char for char in client.user_agent if char.isprintable())
    return Client(visible[:_LONGEST], client.address[:_LONGEST])


def _address(peer: str) -> str:
    scheme, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if scheme in {"ipv4", "ipv6"} else ""
