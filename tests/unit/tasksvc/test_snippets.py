from hypothesis import given
from hypothesis import strategies as st
from taskbell.tasks.v1.tasks_pb2 import Snippet

from tasksvc.snippets import snippet, words_of

TEXTS = st.text(st.sampled_from("aжё1_ <>&;\n\ue000\ue001\0😀-\u0301"), max_size=600)


def pieces(found: Snippet) -> list[tuple[str, bool]]:
    return [(piece.text, piece.hit) for piece in found.title]


@given(TEXTS, TEXTS, st.integers(0, 3))
def test_the_pieces_are_the_text(title: str, description: str, every: int) -> None:
    hits = sorted(words_of([title, description]))[:: every + 1]
    found = snippet(title, description, hits)
    assert "".join(piece.text for piece in found.title) == title
    assert "".join(piece.text for piece in found.description) in description
    assert all(piece.text for piece in [*found.title, *found.description])


def test_hits_are_whole_words_in_any_case() -> None:
    found = snippet("Milk, milkshake <b>MILK</b>", "", {"milk"})
    assert pieces(found) == [("Milk", True), (", milkshake <b>", False), ("MILK", True), ("</b>", False)]


def test_a_long_description_is_cut_around_its_first_hit() -> None:
    description = "word " * 400 + "milk " + "more " * 400
    text = "".join(piece.text for piece in snippet("", description, {"milk"}).description)
    assert "word milk more" in text
    assert len(text) <= 240
    assert text.startswith("word")
    assert text.endswith("more")


def test_a_long_description_without_a_hit_is_shown_from_its_beginning() -> None:
    description = "first " + "word " * 400
    assert snippet("", description, {"milk"}).description[0].text.startswith("first word")
