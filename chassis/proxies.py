"""Whom a connection is for, also behind proxies: what X-Forwarded-For says, as far as it can be believed.

Anybody can send that header. Each proxy appends whom it heard from, so it is read from its end, for as long as whoever
said it is one of ours.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

FORWARDED_FOR: Final = "X-Forwarded-For"


def networks(text: str) -> Networks:
    """Addresses and networks with commas between: `10.0.0.0/8, 192.0.2.7`. Raises ValueError."""
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]


def original_address(peer: str, forwarded_for: Iterable[str], proxies: Networks) -> str:
    """The nearest address that isn't a proxy of ours: the peer's, or one of what its headers say."""
    address = peer
    said = ",".join(forwarded_for).split(",")
    while address and said and within(address, proxies):
        nearer = said.pop().strip()
        if not _is_address(nearer):
            break
        address = nearer
    return address


def within(address: str, proxies: Networks) -> bool:
    """Whether the address is in one of the networks."""
    return _is_address(address) and any(ip_address(address) in network for network in proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
