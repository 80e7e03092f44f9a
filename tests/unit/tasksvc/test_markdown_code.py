import pytest

from tasksvc.domain.markdown_code import without_code


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a `b` c", "a   c"),
        ("a ``b ` c`` d", "a   d"),
        ("a `b\\` c` d", "a   c` d"),  # a backslash means nothing in code
        ("`a` `b` c", "    c"),
        ("a\n```\nb\n```\nc", "a\n\n\n\nc"),
        ("a\n~~~ python\nb\n```\nc\n~~~~\nd", "a\n\n\n\n\n\nd"),
        ("````\n```\na\n````\nb", "\n\n\n\nb"),
        ("a\n  ```js\n  b", "a\n\n"),
        ("> ```\n> a\n> ```\n> b", "\n\n\n> b"),
        ("> ```\n> a\nb", "\n\nb"),
        ("- a\n\n      ```\n      b\n      ```\n- c", "- a\n\n\n\n\n- c"),
        ("```\n`a` b\n``` c\nd", "\n\n\n"),  # what has more than a fence closes none
    ],
)
def test_code_is_left_out(text: str, rest: str) -> None:
    assert without_code(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no code",
        "a ` b",
        "a `` b ` c",
        "a \\`b` c",
        "a `b\nc` d",
        "~~gone~~ and ~ tilde",
        "a ``` b",
    ],
)
def test_what_only_looks_like_code_stays(text: str) -> None:
    assert without_code(text) == text


def test_a_fence_and_a_span_of_three_are_told_apart() -> None:
    assert without_code("```a``` b\nc") == "  b\nc"


def test_a_text_full_of_backticks_is_read_at_once() -> None:
    runs = " ".join("`" * length for length in range(1, 180))
    assert without_code(runs) == runs
    assert without_code("`" * 16_000 + "\n" + "`a" * 8_000) == "\n"
    assert without_code("`a` " * 4_000) == "  " * 4_000
