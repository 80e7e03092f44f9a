import pytest
from taskbell.projects.v1.projects_pb2 import ListProjectsRequest, Project

from chassis import pages
from chassis.aip132 import Key, Sortable
from chassis.aip160 import Fields
from chassis.errors import InvalidPageToken
from chassis.listing import Listing
from chassis.positions import read

PROJECTS = Listing(
    Fields.of(Project.DESCRIPTOR, ["id", "title"], words="title"),
    Sortable("project", {"id": "uuid", "title": "text"}, frozenset(), (Key("title"), Key("id"))),
)


@pytest.mark.parametrize("position", ["house", ["house"], ["house", "x", "y"], {"title": "house"}, None])
def test_a_page_token_of_another_version_is_refused(position: object) -> None:
    request = ListProjectsRequest()
    request.page_token = pages.encode(position, request)
    with pytest.raises(InvalidPageToken):
        PROJECTS.ask(request, "me")


ID = "01a00000-0000-7000-8000-000000000000"
TIME = "2026-11-27T07:00:00+00:00"


@pytest.mark.parametrize(
    ("kind", "value", "others"),
    [
        ("uuid", ID, ["house", 1, [], ID + "0"]),
        ("text", "house", [1, True, "no\0"]),
        ("smallint", 1, ["1", 0.5, True, 32_768, -32_769]),
        ("integer", 65_536, ["1", 0.5, True, 2**31]),
        ("bigint", 2**40, ["1", 0.5, True, 2**63, 10**400]),
        ("float8", 0.5, ["1", True, 10**400]),
        ("boolean", True, [1, "true"]),
        ("timestamptz", TIME, ["house", 1, ID, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]),
    ],
)
def test_a_page_token_with_a_value_of_another_type_is_refused(kind: str, value: object, others: list[object]) -> None:
    listing = Listing(PROJECTS.fields, Sortable("x", {"value": kind}, frozenset(), (Key("value"),), last="value"))

    def ask(said: object) -> None:
        request = ListProjectsRequest()
        request.page_token = pages.encode([said], request)
        listing.ask(request, "me")

    ask(value)
    for other in (*others, None, {}):
        with pytest.raises(InvalidPageToken):
            ask(other)


def test_a_text_of_a_page_token_is_one_that_the_database_takes() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        read("text", "half a pair \ud800")


def test_only_what_may_be_absent_is_absent_from_a_page_token() -> None:
    keys = (Key("due"), Key("id"))
    listing = Listing(PROJECTS.fields, Sortable("x", {"due": "timestamptz", "id": "uuid"}, frozenset({"due"}), keys))
    request = ListProjectsRequest()
    request.page_token = pages.encode([None, ID], request)
    assert "x.due IS NULL" in listing.ask(request, "me").where


def test_the_last_page_has_no_token() -> None:
    asked = PROJECTS.ask(ListProjectsRequest(page_size=2), "me")
    found = [Project(id=str(number), title="x") for number in range(3)]
    assert asked.next_page_token(found, 2)
    assert not asked.next_page_token(found[:2], 2)
    assert not asked.next_page_token([], 0)
    assert asked.next_page_token(found[:2], 1), "one that doesn't fit into the answer is on the next page"
