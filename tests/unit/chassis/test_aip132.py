import pytest

from chassis.aip132 import Key, Sortable
from chassis.errors import InvalidOrderBy

DEFAULT = (Key("create_time", descending=True), Key("id", descending=True))
TASKS = Sortable(
    table="task",
    columns={
        "priority": "smallint",
        "title": "text",
        **dict.fromkeys(("create_time", "due_time"), "timestamptz"),
        **dict.fromkeys(("id", "assignee_id"), "uuid"),
    },
    nullable=frozenset({"due_time", "assignee_id"}),
    default=DEFAULT,
)


@pytest.mark.parametrize(
    ("order_by", "keys"),
    [
        ("", DEFAULT),
        ("  ", DEFAULT),
        ("title", (Key("title"), Key("id"))),
        ("priority desc, create_time", (Key("priority", descending=True), Key("create_time"), Key("id"))),
        ("dueTime desc", (Key("due_time", descending=True), Key("id", descending=True))),
        ("assignee,title DESC", (Key("assignee_id"), Key("title", descending=True), Key("id", descending=True))),
        ("id desc", (Key("id", descending=True),)),
    ],
)
def test_an_order_ends_with_the_id(order_by: str, keys: tuple[Key, ...]) -> None:
    assert TASKS.order(order_by).keys == keys


@pytest.mark.parametrize(
    ("order_by", "named"),
    [
        ("colour", "'colour'"),
        ("labels", "'labels'"),
        ("title up", "'title up'"),
        ("title,", "''"),
        ("title, Title", "'Title'"),
        ("due_time, dueTime desc", "'dueTime'"),
        ("title; drop table", "'title; drop table'"),
    ],
)
def test_what_can_not_be_sorted_by_is_named_with_what_can(order_by: str, named: str) -> None:
    with pytest.raises(InvalidOrderBy) as refusal:
        TASKS.order(order_by)
    assert named in str(refusal.value)
    assert "create_time" in str(refusal.value)


def test_absent_values_come_last_either_way() -> None:
    assert TASKS.order("due_time").sql == "task.due_time, task.id"  # PostgreSQL's default
    assert TASKS.order("due_time desc").sql == "task.due_time DESC NULLS LAST, task.id DESC"
