import pytest

from chassis.errors import InvalidOrderBy
from tasksvc.ordering import DEFAULT, Key, order_sql, read_order


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
    assert read_order(order_by) == keys


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
        read_order(order_by)
    assert named in str(refusal.value)
    assert "create_time" in str(refusal.value)


def test_absent_values_come_last_either_way() -> None:
    assert order_sql(read_order("due_time")) == "task.due_time, task.id"  # PostgreSQL's default
    assert order_sql(read_order("due_time desc")) == "task.due_time DESC NULLS LAST, task.id DESC"
