"""Which fields an update changes (AIP-134)."""

import re
from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis.errors import InvalidUpdateMask


def fields_to_change(mask: FieldMask, resource: Message, changeable: Sequence[str]) -> frozenset[str]:
    """The changeable fields that the mask names, in snake_case or camelCase; if it names none, those that are set.

    Fields that the server owns are passed over, so that a client may send back what it read. Raises InvalidUpdateMask
    for a name that the resource doesn't have.
    """
    if not mask.paths:
        return frozenset(field.name for field, _ in resource.ListFields() if field.name in changeable)
    if list(mask.paths) == ["*"]:
        return frozenset(changeable)
    known = resource.DESCRIPTOR.fields_by_name
    names = {_snake_case(path): path for path in mask.paths}
    for name, path in names.items():
        if name not in known:
            raise InvalidUpdateMask(
                f"update_mask names {path!r}; what can be changed is {', '.join(changeable)}.", metadata={"path": path}
            )
    return frozenset(name for name in names if name in changeable)


def _snake_case(path: str) -> str:
    return re.sub(r"([A-Z])", lambda letter: f"_{letter[1].lower()}", path)
