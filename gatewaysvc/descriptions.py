"""What the protos' comments say of a service, a method, a message, a field or an enum's value."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def described(full_name: str) -> str:
    """The comment, or nothing: descriptors at run time have none, so `make protos` keeps them beside."""
    return _descriptions().get(full_name, "")


@cache
def _descriptions() -> Mapping[str, str]:
    texts: Mapping[str, str] = json.loads(files("taskbell").joinpath("descriptions.json").read_text(encoding="utf-8"))
    return texts
