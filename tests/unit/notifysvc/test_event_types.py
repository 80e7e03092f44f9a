import re
from pathlib import Path

import pytest

from notifysvc.event_types import EVENT_TYPES, FAMILIES

PROTO = Path(__file__).parents[3] / "protos" / "taskbell" / "events" / "v1" / "events.proto"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_webhook_can_ask_for_every_type_that_the_api_tells_of(family: str) -> None:
    told = PROTO.read_text().partition("string type = 2")[0].rpartition("// What happened")[2]
    name = family.removesuffix(".*")
    types = set(re.findall(rf"\b{name}\.[a-z_]+", told))
    assert types == {each for each in EVENT_TYPES if each.startswith(f"{name}.")}
