import pytest

from gatewaysvc.path_template import BadEscape, BadTemplate, decoded, parse


@pytest.mark.parametrize(
    ("text", "segments", "variables", "verb"),
    [
        ("/v1/tasks", ("v1", "tasks"), [], ""),
        ("/v1/tasks:search", ("v1", "tasks"), [], "search"),
        ("/v1/tasks/{id}", ("v1", "tasks", "*"), [("id", 2, 3, False)], ""),
        ("/v1/tasks/{id}:start", ("v1", "tasks", "*"), [("id", 2, 3, False)], "start"),
        ("/v1/tasks/{task.id}", ("v1", "tasks", "*"), [("task.id", 2, 3, False)], ""),
        ("/v1/{name=files/*/parts/*}", ("v1", "files", "*", "parts", "*"), [("name", 1, 5, False)], ""),
        ("/v1/{name=files/**}", ("v1", "files", "**"), [("name", 1, 3, True)], ""),
        ("/{a}/x/{b=y/*}:do", ("*", "x", "y", "*"), [("a", 0, 1, False), ("b", 2, 4, False)], "do"),
        ("/v1/*/x/**", ("v1", "*", "x", "**"), [], ""),
        ("/.well-known/jwks.json", (".well-known", "jwks.json"), [], ""),
    ],
)
def test_a_template_is_read_by_the_grammar(text, segments, variables, verb):
    template = parse(text)
    found = [(".".join(each.field_path), each.start, each.end, each.rest) for each in template.variables]
    assert (template.segments, found, template.verb) == (segments, variables, verb)


@pytest.mark.parametrize(
    "text",
    ["", "v1/tasks", "/", "/v1//x", "/v1/{id", "/v1/{}", "/v1/{a={b}}", "/v1/**/x", "/v1/x:", "/v1/a b", "/v1/{a=}"],
)
def test_a_broken_template_is_refused(text):
    with pytest.raises(BadTemplate):
        parse(text)


@pytest.mark.parametrize(
    ("encoded", "text"),
    [("abc", "abc"), ("a%20b", "a b"), ("%D0%BC", "м"), ("a%2Fb", "a/b"), ("a+b", "a+b"), ("100%25", "100%")],
)
def test_a_segment_is_decoded(encoded, text):
    assert decoded(encoded) == text


@pytest.mark.parametrize("encoded", ["%", "%2", "%zz", "%ff", "%D0"])
def test_a_segment_that_is_no_utf_8_is_refused(encoded):
    with pytest.raises(BadEscape):
        decoded(encoded)


def test_an_encoded_slash_is_a_part_of_one_segment_and_stays_encoded_in_many():
    assert parse("/v1/{id}").variables[0].value(["v1", "a%2Fb"]) == "a/b"
    assert parse("/v1/{name=**}").variables[0].value(["v1", "a%2fb", "c%20d"]) == "a%2fb/c d"
