"""In which order a list comes (AIP-132), and where its next page begins: right after an item, whatever else comes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.aip160.sql import Parameters
from chassis.errors import InvalidOrderBy
from chassis.positions import read, tell

_KEY: Final = re.compile(r"(\w+)(?:\s+(asc|desc))?", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z])[A-Z]")


@dataclass(frozen=True, slots=True)
class Key:
    """One field to sort by. Items without a value come last, in either direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Sortable:
    """What the rows of a table can be sorted by."""

    table: str
    """As the statement calls it."""
    columns: Mapping[str, str]
    """The SQL types of the fields, which are named as their columns and as an item's attributes."""
    nullable: frozenset[str]
    """Those that an item may have no value of."""
    default: Sequence[Key]
    last: str = "id"
    """The field that no two items share: it ends every order, and so makes it unambiguous."""

    def order(self, order_by: str) -> "Order":
        """The order that `priority desc, create_time` means. Raises InvalidOrderBy."""
        if not order_by.strip():
            return Order(self, tuple(self.default))
        keys: list[Key] = []
        for text in order_by.split(","):
            found = _KEY.fullmatch(text.strip())
            if found is None:
                raise self._refusal(text.strip(), "is not a field, maybe followed by asc or desc")
            field = _CAMEL.sub(lambda letter: f"_{letter[0].lower()}", found[1])
            field = field if field in self.columns else f"{field}_id"
            if field not in self.columns:
                raise self._refusal(found[1], "can't be sorted by")
            if any(key.field == field for key in keys):
                raise self._refusal(found[1], "comes twice")
            keys.append(Key(field, (found[2] or "").lower() == "desc"))
        if all(key.field != self.last for key in keys):
            keys.append(Key(self.last, keys[-1].descending))
        return Order(self, tuple(keys))

    def _refusal(self, name: str, why: str) -> InvalidOrderBy:
        allowed = ", ".join(self.columns)
        return InvalidOrderBy(
            f"order_by: {name[:64]!r} {why}. These can be: {allowed}.",
            metadata={"field": name[:64], "allowed": allowed},
        )


@dataclass(frozen=True, slots=True)
class Order:
    """An order of some rows."""

    sortable: Sortable
    keys: tuple[Key, ...]

    @property
    def sql(self) -> str:
        """The ORDER BY clause's content."""
        return ", ".join(map(self._sql, self.keys))

    def position(self, item: object) -> list[Any]:
        """Where the item stands, as JSON: what a page token carries."""
        return [tell(getattr(item, key.field)) for key in self.keys]

    def read(self, position: Any) -> list[Any]:
        """The values of a position, which may have been made up. Raises ValueError."""
        match position:
            case [*values]:
                return [self._read(key, value) for key, value in zip(self.keys, values, strict=True)]
        raise ValueError(f"no position: {position!r}")

    def after(self, where: Sequence[Any], parameters: Parameters) -> str:
        """The condition for what comes after a position, of which these are the values."""
        condition = "false"
        for key, value in reversed(list(zip(self.keys, where, strict=True))):
            column = f"{self.sortable.table}.{key.field}"
            if value is None:
                condition = f"{column} IS NULL AND ({condition})"
                continue
            place = self._add(key, value, parameters)
            beyond = f"{column} {'<' if key.descending else '>'} {place}"
            absent = f" OR {column} IS NULL" if key.field in self.sortable.nullable else ""
            condition = f"{beyond}{absent} OR ({column} = {place} AND ({condition}))"
        first = self.keys[0]
        if first.field in self.sortable.nullable:
            return condition
        # Says nothing new, but an index can begin there.
        place = self._add(first, where[0], parameters)
        return f"{self.sortable.table}.{first.field} {'<=' if first.descending else '>='} {place} AND ({condition})"

    def _read(self, key: Key, value: Any) -> Any:
        if value is None and key.field in self.sortable.nullable:
            return None
        return read(self.sortable.columns[key.field], value)

    def _add(self, key: Key, value: Any, parameters: Parameters) -> str:
        return parameters.add(value, self.sortable.columns[key.field])

    def _sql(self, key: Key) -> str:
        last = " NULLS LAST" if key.descending and key.field in self.sortable.nullable else ""
        return f"{self.sortable.table}.{key.field}{' DESC' if key.descending else ''}{last}"


def newest_first(order_by: str, field: str, *, unless_said: bool) -> bool:
    """Of a list that has one order, by this time: whether it comes from its end. Raises InvalidOrderBy."""
    asked = " ".join(_CAMEL.sub(lambda letter: f"_{letter[0].lower()}", order_by).split())
    if not asked:
        return unless_said
    if asked not in (field, f"{field} asc", f"{field} desc"):
        raise InvalidOrderBy(
            f"order_by: {order_by[:64]!r} is no order of this list. These are: {field}, {field} desc.",
            metadata={"field": order_by[:64], "allowed": field},
        )
    return asked.endswith(" desc")
