"""What makes a client another one than a user has signed in with before.

It is what the program calls itself, without versions, and the family of its address: a browser that updates itself, or
a phone that moves to another network, is no news. It is a notice, no barrier: who knows a password and imitates the
browser of its owner is not noticed.
"""

import re
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from chassis.client import Client

_VERSION: Final = re.compile(r"[\d._]*\d[\d._]*")


def client_hash(client: Client) -> bytes:
    """The same for clients that are taken for the same."""
    program = _VERSION.sub("", client.user_agent)
    return sha256(f"{_family(client.address)} {program}".encode()).digest()


def _family(address: str) -> int:
    try:
        ip = ip_address(address)
    except ValueError:
        return 0
    mapped = getattr(ip, "ipv4_mapped", None)
    return 4 if mapped else ip.version
