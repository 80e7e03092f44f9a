import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidCursor
from notifysvc.cursor import Cursor, trace_of

NUMBERS = st.integers(0, 2**32 - 1)


@given(stream=NUMBERS, sequence=st.integers(0, 2**64 - 1), trace=NUMBERS)
def test_a_cursor_is_read_as_it_was_written(stream: int, sequence: int, trace: int) -> None:
    cursor = Cursor(stream, sequence, trace)
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text())
def test_whatever_else_is_said_is_an_invalid_cursor(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except InvalidCursor:
        return
    assert str(cursor) == text


@pytest.mark.parametrize("text", ["", "garbage", "A" * 21, "A" * 23, "A" * 21 + "B", "=" * 22, "ä" * 22])
def test_garbage_is_an_invalid_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(text)


def test_the_trace_of_an_event_is_never_that_of_no_event() -> None:
    assert trace_of("", 0) != 0
