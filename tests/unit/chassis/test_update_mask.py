"""Which fields an update changes."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.projects.v1.projects_pb2 import Project

from chassis.errors import InvalidUpdateMask
from chassis.update_mask import fields_to_change

CHANGEABLE = ("title", "description", "update_time")


@pytest.mark.parametrize(
    ("paths", "fields"),
    [
        ([], {"title"}),
        (["description"], {"description"}),
        (["title", "description"], {"title", "description"}),
        (["updateTime"], {"update_time"}),
        (["update_time"], {"update_time"}),
        (["*"], set(CHANGEABLE)),
        (["id", "etag", "createTime"], set()),
    ],
)
def test_the_mask_says_what_changes(paths: list[str], fields: set[str]) -> None:
    project = Project(id="1", title="house", personal=True)
    assert fields_to_change(FieldMask(paths=paths), project, CHANGEABLE) == fields


@pytest.mark.parametrize("path", ["colour", "title.first", "Title", "", "*.title"])
def test_a_name_that_is_none_is_refused_with_those_that_are(path: str) -> None:
    with pytest.raises(InvalidUpdateMask) as refused:
        fields_to_change(FieldMask(paths=["title", path]), Project(), CHANGEABLE)
    assert repr(path) in refused.value.message
    assert "title, description, update_time" in refused.value.message
