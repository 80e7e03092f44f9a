import pytest
from taskbell.projects.v1.projects_pb2 import ListProjectsRequest, Project

from chassis import pages
from chassis.aip132 import Key, Sortable
from chassis.aip160 import Fields
from chassis.errors import InvalidPageToken
from chassis.listing import Listing

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


def test_the_last_page_has_no_token() -> None:
    asked = PROJECTS.ask(ListProjectsRequest(page_size=2), "me")
    found = [Project(id=str(number), title="x") for number in range(3)]
    assert asked.next_page_token(found, 2)
    assert not asked.next_page_token(found[:2], 2)
    assert not asked.next_page_token([], 0)
    assert asked.next_page_token(found[:2], 1), "one that doesn't fit into the answer is on the next page"
