from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chassis.errors import TaskNotDeleted, TaskNotFound
from tasksvc.domain.change import create, delete, restore, update
from tasksvc.domain.task import MOMENT, Priority, Task

THEN = datetime(2026, 11, 1, tzinfo=UTC)
TASK = Task(id="t", project_id="p", title="title", creator_id="c", create_time=THEN, update_time=THEN)
DELETED = replace(TASK, delete_time=THEN)


def test_a_new_task_tells_what_was_set() -> None:
    change = create(Task(id="t", project_id="p", title="title", creator_id="c", labels=("a",)))
    assert (change.type, change.fields) == ("task.created", ("project_id", "title", "labels"))
    assert (change.task.version, change.task.create_time) == (1, MOMENT)


def test_an_update_is_the_next_version_with_these_values() -> None:
    change = update(TASK, {"title": "other", "priority": Priority.HIGH, "description": ""})
    assert change is not None
    assert change.task == replace(TASK, title="other", priority=Priority.HIGH, version=2, update_time=MOMENT)
    assert (change.type, change.fields) == ("task.updated", ("title", "priority"))
    assert not change.rehomes


def test_an_update_that_changes_nothing_is_none() -> None:
    assert update(TASK, {"title": "title"}) is None
    assert update(TASK, {}) is None


def test_a_move_and_a_new_parent_rehome_and_no_parent_does_not() -> None:
    moved = update(TASK, {"project_id": "q"})
    under = update(TASK, {"parent_id": "u"})
    freed = update(replace(TASK, parent_id="u"), {"parent_id": None})
    assert moved is not None
    assert under is not None
    assert freed is not None
    assert (moved.rehomes, under.rehomes, freed.rehomes) == (True, True, False)


def test_deleting_and_restoring_are_versions_too() -> None:
    gone = delete(TASK)
    assert gone is not None
    assert (gone.type, gone.fields, gone.task.delete_time) == ("task.deleted", ("delete_time",), MOMENT)
    back = restore(replace(gone.task, delete_time=THEN))
    assert back is not None
    assert (back.type, back.task.version, back.task.delete_time) == ("task.restored", 3, None)


def test_what_is_deleted_is_not_there_and_what_is_there_is_not_restored() -> None:
    with pytest.raises(TaskNotFound):
        update(DELETED, {"title": "x"})
    with pytest.raises(TaskNotFound):
        delete(DELETED)
    with pytest.raises(TaskNotDeleted):
        restore(TASK)
