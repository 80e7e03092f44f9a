"""What a client would like best, by its Accept headers (RFC 9110, section 12.5): `text/event-stream, */*;q=0.1`."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

_WEIGHT: Final = re.compile(r"[Qq]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


@lru_cache(256)
def weights(header: str) -> Mapping[str, float]:
    """What the header names, each with its weight; 0 is what the client does not take."""
    found: dict[str, float] = {}
    for part in header.split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        if name:
            given = [match for each in parameters if (match := _WEIGHT.fullmatch(each))]
            found[name.lower()] = float(given[0][1]) if given else 1.0
    return found


def best(header: str, offers: Iterable[str]) -> str | None:
    """The offer that the client likes best, of equals the first; None if it takes none of them."""
    named = weights(header)
    weighed = [(_weight(offer, named), offer) for offer in offers]
    weight, offer = max(weighed, key=lambda each: each[0])
    return offer if weight else None


def _weight(offer: str, named: Mapping[str, float]) -> float:
    for name in (offer, f"{offer.partition('/')[0]}/*", "*/*", "*"):
        if name in named:
            return named[name]
    return 0.0
