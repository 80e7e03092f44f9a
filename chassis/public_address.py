"""Which addresses belong to the internet at large, and not to somebody's own network.

What we are asked to call must be one of the former: else whoever may name an address could speak, from inside, to the
databases, to other services, or to the metadata server of a cloud.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4: Final = 0xFFFFFFFF


def is_public(address: str) -> bool:
    """Whether the IP address, in the notation of socket addresses, is one of the internet's."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return _is_public_ipv4(ip)
    inner = _inside(ip)
    if inner is not None:
        return _is_public_ipv4(inner)
    # Whatever else IPv6 has is local, reserved, or for special purposes.
    return ip in _GLOBAL_UNICAST and ip.is_global


def _is_public_ipv4(ip: IPv4Address) -> bool:
    # Multicast counts as global; 100.64.0.0/10, where clouds have metadata servers too, as neither private nor global.
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _inside(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that this one leads to, if it is such a one."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip in _NAT64:
        return IPv4Address(int(ip) & _IPV4)
    return None
