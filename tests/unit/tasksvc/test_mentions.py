import pytest

from tasksvc.mentions import mentioned


def likeliest(text: str) -> list[str]:
    return [spellings[0] for spellings in mentioned([text])]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ann, look", ["ann"]),
        ("ask @ann and @bob-2_x", ["ann", "bob-2_x"]),
        ("(@ann) [@bob] **@cleo**", ["ann", "bob", "cleo"]),
        ("@Ann and @ann", ["ann"]),
        ("спроси @ann, потом @bob", ["ann", "bob"]),
        ("line\n@ann", ["ann"]),
        ("`@property` is for @ann", ["ann"]),
        ("`code`@ann", ["ann"]),
        ("```\n@cached\n```\n@ann", ["ann"]),
        ("a lone ` and @ann", ["ann"]),
        ("@" + "a" * 32, ["a" * 32]),
    ],
)
def test_a_mention_is_a_username_after_an_at_sign(text: str, names: list[str]) -> None:
    assert likeliest(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@example.com",
        "https://example.com/@ann",
        "\\@ann",
        "@@ann",
        "@ ann",
        "@an",
        "@" + "a" * 33,
        "@annи",
        "почта@ann",
        "the decorator `@property`",
        "look:\n```python\n@cached\ndef it(): ...\n```",
    ],
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert mentioned([text]) == ()


def test_a_mark_at_the_end_may_belong_to_the_name_or_to_the_sentence() -> None:
    assert mentioned(["@bob."]) == (("bob.", "bob"),)
    assert mentioned(["thanks @bob-_. Bye"]) == (("bob-_.", "bob-_", "bob-", "bob"),)
    assert mentioned(["@b.."]) == (("b..",),)


def test_of_many_marks_all_belong_to_the_sentence_or_few() -> None:
    assert mentioned(["@bob....."]) == (("bob.....", "bob....", "bob...", "bob"),)
    assert mentioned(["@bob" + "-" * 40]) == (("bob",),)
    assert mentioned(["@" + "." * 16_000]) == ()


def test_of_a_text_full_of_mentions_the_first_names_are_looked_up() -> None:
    named = mentioned([" ".join(f"@user{number}-----" for number in range(2000))])
    assert len(named) == 200
    assert named[-1] == ("user199-----", "user199----", "user199---", "user199")
