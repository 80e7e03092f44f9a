"""What can be filtered by: a message's fields under the names that callers may use for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Self

from google.protobuf.descriptor import Descriptor, FieldDescriptor

_TIMESTAMP: Final = "google.protobuf.Timestamp"
_INTEGERS: Final = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64)


class Kind(Enum):
    """How a field's values are written and compared."""

    TEXT = auto()
    TEXTS = auto()
    ID = auto()
    """A UUID; of a person `me` too."""
    INTEGER = auto()
    ENUM = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """One field, under its name in the proto."""

    name: str
    kind: Kind
    values: Mapping[str, int] = field(default_factory=dict, hash=False)
    """An enum's values but its zero."""
    ordered: bool = False
    """Whether less and more mean something."""
    person: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """A message's fields that can be filtered by."""

    by_name: Mapping[str, Field]
    words: Field
    """Where a bare word is looked for."""

    @property
    def names(self) -> list[str]:
        """Each field once, as an error tells them."""
        return list(dict.fromkeys(known.name.removesuffix("_id") for known in self.by_name.values()))

    @classmethod
    def of(
        cls,
        message: Descriptor,
        names: Iterable[str],
        *,
        words: str,
        people: Iterable[str] = (),
        ordered: Iterable[str] = (),
        within: Sequence[Descriptor] = (),
    ) -> Self:
        """Those `names` of the message, also in camelCase, and without `_id`.

        `people` are the ids for which `me` may stand, `ordered` the enums whose values grow. A field that the message
        doesn't have is one of the messages `within` it.
        """
        people, ordered = set(people), set(ordered)
        by_name: dict[str, Field] = {}
        for name in names:
            declared = next(each for each in (message, *within) if name in each.fields_by_name).fields_by_name[name]
            found = _field(declared, person=name in people, ordered=name in ordered)
            by_name[name] = found
            by_name[declared.json_name] = found
            by_name[name.removesuffix("_id")] = found
        return cls(by_name, by_name[words])


def _field(declared: FieldDescriptor, *, person: bool, ordered: bool) -> Field:
    name = declared.name
    if declared.type == FieldDescriptor.TYPE_STRING:
        if declared.is_repeated:
            return Field(name, Kind.TEXTS)
        if name == "id" or name.endswith("_id"):
            return Field(name, Kind.ID, person=person)
        return Field(name, Kind.TEXT)
    if declared.type in _INTEGERS:
        return Field(name, Kind.INTEGER, ordered=True)
    if declared.enum_type:
        values = {value.name: value.number for value in declared.enum_type.values if value.number}
        return Field(name, Kind.ENUM, values=values, ordered=ordered)
    if declared.message_type and declared.message_type.full_name == _TIMESTAMP:
        return Field(name, Kind.TIME, ordered=True)
    raise TypeError(f"{declared.full_name} is of a type that filters don't know")
