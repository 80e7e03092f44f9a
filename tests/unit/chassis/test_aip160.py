from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.aip160 import And, Compare, Fields, Like, Node, Not, Op, Or, Pattern, Present, Word, matches, parse
from chassis.errors import InvalidFilter

ME = "0190b6a4-0000-7000-8000-00000000000a"
OTHER = "0190b6a4-0000-7000-8000-00000000000b"
FIELDS = Fields.of(
    Task.DESCRIPTOR,
    [
        "status",
        "priority",
        "labels",
        "assignee_id",
        "creator_id",
        "project_id",
        "title",
        "queue",
        "due_time",
        "version",
    ],
    words="title",
    people=["assignee_id", "creator_id"],
    ordered=["priority"],
)
TITLE = FIELDS.by_name["title"]


def word(text: str) -> Word:
    return Word(TITLE, Pattern((text,)))


def compare(name: str, op: str, value: str | int | datetime) -> Compare:
    return Compare(FIELDS.by_name[name], Op(op), value)


A, B, C, D = word("a"), word("b"), word("c"), word("d")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", And(())),
        (" \t\n", And(())),
        ("*", And(())),
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a OR b", Or((A, B))),
        ("a b OR c d", And((A, Or((B, C)), D))),
        ("a AND b OR c", And((A, Or((B, C))))),
        ("a OR b AND c OR d", And((Or((A, B)), Or((C, D))))),
        ("a b AND c d", And((And((A, B)), And((C, D))))),
        ("(a AND b) OR c", Or((And((A, B)), C))),
        ("NOT a", Not(A)),
        ("-a", Not(A)),
        ("NOT(a b)", Not(And((A, B)))),
        ("a -b", And((A, Not(B)))),
        ("a-b", word("a-b")),
        ("NOTE", word("NOTE")),
        ("and", word("and")),
        ('"a b"', word("a b")),
        ("don't", word("don't")),
        ("v1.2", word("v1.2")),
        (r'"say \"hi\" \\ \*"', word('say "hi" \\ *')),
        ("mi*", Word(TITLE, Pattern(("mi", "")))),
        ("status = PENDING", compare("status", "=", 1)),
        ("status=PENDING", compare("status", "=", 1)),
        ("status:PENDING", compare("status", "=", 1)),
        ('status = "PENDING"', compare("status", "=", 1)),
        ("status != PENDING", Not(compare("status", "=", 1))),
        ("status = (PENDING OR FAILED)", Or((compare("status", "=", 1), compare("status", "=", 4)))),
        ("priority >= HIGH", compare("priority", ">=", 3)),
        ("version > -3", compare("version", ">", -3)),
        ("assignee = me", compare("assignee_id", "=", ME)),
        ("assigneeId = me", compare("assignee_id", "=", ME)),
        (f"assignee_id = {OTHER.upper()}", compare("assignee_id", "=", OTHER)),
        ("assignee:*", Present(FIELDS.by_name["assignee"])),
        ('assignee = ""', Not(Present(FIELDS.by_name["assignee"]))),
        ('title = "a*b"', Like(TITLE, Pattern(("a", "b")))),
        (r'title = "a\*b"', compare("title", "=", "a*b")),
        ("dueTime < 2026-12-01T00:00:00Z", compare("due_time", "<", datetime(2026, 12, 1, tzinfo=UTC))),
        (
            'due_time<"2026-12-01T03:00:00.25+03:00"',
            compare("due_time", "<", datetime(2026, 12, 1, 0, 0, 0, 250000, UTC)),
        ),
        (
            "due_time > 2026-12-01T00:00:00Z AND a",
            And((compare("due_time", ">", datetime(2026, 12, 1, tzinfo=UTC)), A)),
        ),
    ],
)
def test_a_filter_means_what_the_grammar_says(text: str, meaning: Node) -> None:
    assert parse(text, FIELDS, ME) == meaning


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("statu = PENDING", 1, "status, priority, labels, assignee"),
        ("a AND colour = red", 7, "'colour'"),
        ("status = DONE", 10, "PENDING, IN_PROGRESS, COMPLETED, FAILED, CANCELLED"),
        ("status = pending", 10, "PENDING"),
        ("status = STATUS_UNSPECIFIED", 10, "PENDING"),
        ("status > PENDING", 1, "no order"),
        ("title < a", 1, "no order"),
        ("version = many", 11, "whole number"),
        ("version = 99999999999999999999", 11, "whole number"),
        ("version = ٣", 11, "whole number"),
        ("due_time < tomorrow", 12, "RFC 3339"),
        ("due_time < 2026-13-01T00:00:00Z", 12, "RFC 3339"),
        ("due_time < 0001-01-01T00:00:00+05:00", 12, "RFC 3339"),
        ("due_time < 2026-12-01", 12, "RFC 3339"),
        ("assignee = bob", 12, "UUID or me"),
        ("project = me", 11, "UUID"),
        ("labels = home", 10, "labels:'home'"),
        ("a AND", 6, "ends"),
        ("AND", 1, "keyword"),
        ("a OR OR b", 6, "keyword"),
        ("NOT NOT a", 5, "keyword"),
        ("status =", 9, "ends"),
        ("(a", 1, "not closed"),
        ("a)", 2, "')'"),
        ("()", 2, "')'"),
        ('a "b', 3, "not closed"),
        ("- a", 1, "'-'"),
        ("f(x)", 2, "functions"),
        ("status = = PENDING", 10, "'='"),
        ("status != (PENDING OR FAILED)", 11, "one value"),
        ("progress.percent > 3", 1, "'progress.percent'"),
        ("a*b*c", 1, "once inside"),
        ('title = "' + "*a" * 17 + '"', 9, "wildcards"),
        ("(" * 33 + "a" + ")" * 33, 33, "nested"),
        ("a " * 129, 257, "128 terms"),
        ("a" * 5000, 4097, "longer than 4096"),
        ("a\0b", 2, "NUL"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_its_column(text: str, column: int, told: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse(text, FIELDS, ME)
    assert refusal.value.metadata["position"] == str(column)
    assert told in str(refusal.value)
    assert [violation.field for violation in refusal.value.violations] == ["filter"]


def a_task() -> Task:
    task = Task(
        status=Task.PENDING,
        priority=Task.HIGH,
        labels=["home", "10%"],
        assignee_id=ME,
        title="Купить Молоко и C++ book",
        version=3,
    )
    task.due_time.FromJsonString("2026-12-01T00:00:00.000001Z")
    return task


@pytest.mark.parametrize(
    "text",
    [
        "молоко",
        "купить OR продать",
        "мол*",
        "*локо",
        "м*ко",
        "c++",
        '"молоко и"',
        "-хлеб",
        "title:локо",
        'title:"КУПИТЬ"',
        'title:"куп*book"',
        "title = Купить*book",
        "title = *",
        "title != Купить",
        "labels:home",
        "labels:h*e",
        "labels:(work OR home)",
        "NOT labels:work",
        "priority > NORMAL",
        "priority <= HIGH",
        "assignee = me",
        "-creator:*",
        "creator != me",
        "due_time < 2026-12-01T00:00:01Z",
        "due_time = 2026-12-01T00:00:00.000001Z",
        "due_time:*",
        "NOT queue:*",
        'queue = ""',
        "version >= 3 version < 4",
    ],
)
def test_a_message_matches(text: str) -> None:
    node = parse(text, FIELDS, ME)
    assert matches(node, a_task())
    assert not matches(Not(node), a_task())


@pytest.mark.parametrize(
    "text",
    ["олоко", "мол", "Молоко*x", "title = молоко", "title = Купить", "labels:hom", "labels:Home", "version > 3"],
)
def test_a_message_does_not_match(text: str) -> None:
    assert not matches(parse(text, FIELDS, ME), a_task())


@pytest.mark.parametrize("op", ["=", "<", "<=", ">", ">="])
def test_an_absent_time_fits_no_comparison(op: str) -> None:
    node = parse(f"due_time {op} 2026-12-01T00:00:00Z", FIELDS)
    assert not matches(node, Task())
    assert matches(Not(node), Task())


PIECES = st.sampled_from(
    [
        *(
            " ",
            "(",
            ")",
            "AND",
            " OR ",
            "NOT ",
            "-",
            "*",
            '"',
            "'",
            "\\",
            "<",
            ">=",
            "!=",
            "=",
            ":",
            ".",
            ",",
            "a",
            "Ж",
        ),
        *(
            "status",
            "PENDING",
            "title",
            "labels",
            "due_time",
            "2026-12-01T00:00:00Z",
            "assignee",
            "me",
            "1",
            "\0",
            "\n",
        ),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_a_filter_or_an_invalid_one(text: str) -> None:
    try:
        node = parse(text, FIELDS, ME)
    except InvalidFilter as refusal:
        assert 1 <= int(refusal.metadata["position"]) <= len(text) + 1  # noqa: PT017  # either end is fine
    else:
        assert matches(node, a_task()) in {True, False}


def test_many_wildcards_take_no_time() -> None:
    node = parse('title = "' + "*a" * 15 + '*b"', FIELDS)
    assert not matches(node, Task(title="a" * 16000))
