import pytest

from chassis.errors import InvalidField, TaskNotFound
from tasksvc.places import at


def test_a_violation_names_the_item_of_the_batch() -> None:
    with pytest.raises(InvalidField) as refusal, at("requests[3]"):
        raise InvalidField.named("task.title", "", "must not be blank")
    assert refusal.value.violations[0].field == "requests[3].task.title"
    assert str(refusal.value).startswith("requests[3].task.title: ")


def test_any_other_error_stays_what_it_is_and_names_the_item_first() -> None:
    with pytest.raises(TaskNotFound, match=r"^requests\[3\]: nothing there") as refusal, at("requests[3]"):
        raise TaskNotFound("nothing there", metadata={"id": "x"})
    assert refusal.value.metadata == {"id": "x"}


def test_outside_of_a_batch_nothing_is_added() -> None:
    with pytest.raises(TaskNotFound, match=r"^nothing there"), at(""):
        raise TaskNotFound("nothing there")
