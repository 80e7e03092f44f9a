"""The text of an API token."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chassis.api_tokens import new_api_token, read_api_token
from chassis.errors import TokenInvalid

USER, TOKEN = UUID(int=1), UUID(int=2)


def test_what_was_written_can_be_read() -> None:
    token = new_api_token(USER, TOKEN)
    assert read_api_token(str(token)) == token


def test_no_two_tokens_are_alike() -> None:
    assert new_api_token(USER, TOKEN).hash != new_api_token(USER, TOKEN).hash


@given(some.text() | some.binary().map(lambda raw: raw.decode("latin-1")))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        read_api_token(f"tb_{text}")
