"""What of an address tells one subscriber from another."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

_REMEMBERED: Final = 10_000
_GIVEN_OUT: Final = 64
"""Bits of an IPv6 address: whoever has one has all that begin alike."""


@lru_cache(_REMEMBERED)
def address_block(address: str) -> str:
    """An IPv4 address itself, of an IPv6 one the network; what is no address stays as it is."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip), _GIVEN_OUT), strict=False))
