"""Etags: short opaque strings that change with the resource."""

from base64 import b32encode
from hashlib import blake2b

from chassis.errors import EtagMismatch


def etag(*identity: object) -> str:
    """The etag of a resource in one state, from what tells that state from any other: `etag(task.id, task.version)`."""
    text = "\0".join(map(str, identity))
    return b32encode(blake2b(text.encode(), digest_size=10).digest()).decode().lower()


def check_etag(given: str, current: str) -> None:
    """Raises EtagMismatch if the caller named a state and the resource is in another one. Empty names none."""
    if given and given != current:
        raise EtagMismatch(
            f"The etag {given[:64]!r} is not the current one: the resource changed since you read it. Read it again.",
            metadata={"etag": current},
        )
