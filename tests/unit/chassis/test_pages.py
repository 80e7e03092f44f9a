from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as some
from taskbell.tasks.v1.tasks_pb2 import ListTasksRequest

from chassis.errors import InvalidPageToken
from chassis.pages import _digest, decode, encode, page_size

REQUEST = ListTasksRequest(filter="status = PENDING", order_by="priority desc")
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


def anything(position: object) -> object:
    """Reads whatever JSON told."""
    return position


@pytest.mark.parametrize(("asked", "got"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
def test_a_page_is_as_large_as_asked_within_the_limits(asked, got):
    assert page_size(asked) == got


@given(JSON)
def test_a_token_leads_back_to_its_position(position):
    assert decode(encode(position, REQUEST), REQUEST, anything) == position


def test_the_next_request_may_ask_for_another_page_size(*_):
    token = encode([1, "a"], REQUEST)
    again = ListTasksRequest(filter="status = PENDING", order_by="priority desc", page_size=7, page_token=token)
    assert decode(token, again, anything) == [1, "a"]


def test_a_token_is_good_for_no_other_fields():
    token = encode([1], REQUEST)
    with pytest.raises(InvalidPageToken, match="these fields"):
        decode(token, ListTasksRequest(filter="status = COMPLETED", order_by="priority desc"), anything)


@given(some.text())
def test_what_we_did_not_make_is_refused(token):
    with pytest.raises(InvalidPageToken):
        decode(token, REQUEST, anything)


@given(some.data())
def test_a_token_that_was_changed_is_refused(data):
    token = encode(["2026-11-23T12:00:00Z", "0194e7a4"], REQUEST)
    place = data.draw(some.integers(0, len(token) - 2))
    letter = data.draw(some.sampled_from("ABCDEFGHabcdefgh0123_-").filter(lambda letter: letter != token[place]))
    with pytest.raises(InvalidPageToken):
        decode(token[:place] + letter + token[place + 1 :], REQUEST, anything)


@pytest.mark.parametrize("text", ["", "{", "\xff", "[" * 100_000, "1" * 5_000])
def test_what_is_no_position_is_refused_though_its_digest_is_right(text):
    raw = text.encode("latin-1")
    token = urlsafe_b64encode(_digest(raw, REQUEST) + raw).decode()
    with pytest.raises(InvalidPageToken):
        decode(token, REQUEST, anything)
