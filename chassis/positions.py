"""Values of the database as JSON tells them: what a page token's position is made of."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

_BITS: Final = {"smallint": 16, "integer": 32, "bigint": 64}


def tell(value: Any) -> Any:
    """The value as JSON."""
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
    return value


def read(kind: str, value: Any) -> Any:
    """The value of this SQL type that was told so. Raises ValueError or OverflowError: a position may be made up."""
    match kind, value:
        case "boolean", bool():
            return value
        case (("smallint" | "integer" | "bigint"), int()) if not isinstance(value, bool):
            value.to_bytes(_BITS[kind] // 8, signed=True)  # whether it has so many bits
            return value
        case "float8", int() | float() if not isinstance(value, bool):
            return float(value)
        case "text", str() if "\0" not in value:
            value.encode()  # whether it has half a surrogate pair
            return value
        case "uuid", str():
            return UUID(value)
        case "timestamptz", str():
            return datetime.fromisoformat(value).astimezone(UTC)
    raise ValueError(f"no {kind}: {value!r}")


def of_type(kind: str) -> Callable[[Any], Any]:
    """What reads a position that is one value."""
    return partial(read, kind)
