import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidField
from tasksvc.search_query import Alternative, Term, read_query

MILK, BREAD, TEA = (Term(word, phrase=False) for word in ("milk", "bread", "tea"))
PHRASE = Term("green tea", phrase=True)


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("milk", [Alternative((MILK,), ())]),
        ("milk bread", [Alternative((MILK, BREAD), ())]),
        ("milk or bread", [Alternative((MILK,), ()), Alternative((BREAD,), ())]),
        ("milk bread OR tea", [Alternative((MILK, BREAD), ()), Alternative((TEA,), ())]),
        ("milk -bread", [Alternative((MILK,), (BREAD,))]),
        ('milk "green tea"', [Alternative((MILK, PHRASE), ())]),
        ('milk -"green tea', [Alternative((MILK,), (PHRASE,))]),
        ("-milk", [Alternative((), (MILK,))]),
        ("", []),
        ('or - "" !!! or', []),
    ],
)
def test_a_query_is_read_as_web_searches_are(text: str, alternatives: list[Alternative]) -> None:
    assert list(read_query(text).alternatives) == alternatives


def test_corrections_swap_neighbours_and_leave_out_letters() -> None:
    assert Term("mlik", phrase=False).corrections == ("'lmik' | 'milk' | 'mlki' | 'lik' | 'mik' | 'mlk' | 'mli'")


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("tea", 0),
        ("milk", 1),
        ("bread", 1),
        ("kitchen", 2),
        ("everything", 3),
        ("e-mail", 0),
        ("v1.25", 0),
        ("x" * 41, 0),
    ],
)
def test_longer_words_may_have_more_errors_and_compounds_none(text: str, errors: int) -> None:
    assert Term(text, phrase=False).errors == errors


def test_a_query_has_a_limit() -> None:
    assert read_query("w " * 32)
    with pytest.raises(InvalidField, match="33 words"):
        read_query("w " * 33)


@given(st.text(max_size=80))
def test_any_text_is_a_query_or_refused_by_field(text: str) -> None:
    try:
        query = read_query(text)
    except InvalidField as refusal:
        assert refusal.violations[0].field == "query"  # noqa: PT017  # either end is fine
    else:
        for term in query.wanted:
            assert term.lexemes
