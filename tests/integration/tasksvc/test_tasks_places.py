"""Where a task may be: in which project, under which task, with whom."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import InvalidField, ProjectNotFound, RoleTooLow
from tests.integration.tasksvc.conftest import Newcomer, Person

NOWHERE = "00000000-0000-7000-8000-000000000000"


async def new_project(owner: Person, *editors: Person) -> str:
    request = projects.CreateProjectRequest(project=projects.Project(title="house"))
    project = await owner.api.projects.CreateProject(request)
    for editor in editors:
        member = projects.Member(user_id=editor.id, role=projects.Member.EDITOR)
        await owner.api.projects.AddMember(projects.AddMemberRequest(project_id=project.id, member=member))
    return project.id


async def create(person: Person, title: str = "task", **values: Any) -> pb.Task:
    return await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title=title, **values)))


async def update(person: Person, task: pb.Task, *mask: str, **values: Any) -> pb.Task:
    request = pb.UpdateTaskRequest(task=pb.Task(id=task.id, **values), update_mask=FieldMask(paths=mask))
    return await person.api.tasks.UpdateTask(request)


@pytest.fixture(scope="module")
async def carla(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def house(ann: Person, bob: Person) -> str:
    """A project of Ann's and Bob's."""
    return await new_project(ann, bob)


@pytest.fixture(scope="module")
async def garden(ann: Person, carla: Person) -> str:
    """A project of Ann's and Carla's."""
    return await new_project(ann, carla)


async def test_who_is_to_do_a_task_is_a_member(ann: Person, bob: Person, carla: Person, house: str) -> None:
    task = await create(ann, project_id=house, assignee_id=bob.id)
    assert task.assignee_id == bob.id
    for stranger in (carla.id, NOWHERE):
        with pytest.raises(InvalidField) as refusal:
            await update(ann, task, assignee_id=stranger)
        assert refusal.value.violations[0].field == "task.assignee_id"
        with pytest.raises(InvalidField):
            await create(ann, project_id=house, assignee_id=stranger)
    assert (await update(ann, task, "assignee_id")).assignee_id == ""


async def test_a_task_moves_where_its_mover_may_edit_and_its_assignee_is_at_home(
    ann: Person, bob: Person, house: str, garden: str
) -> None:
    task = await create(ann, project_id=house, assignee_id=bob.id)
    with pytest.raises(InvalidField) as refusal:
        await update(ann, task, project_id=garden)
    assert refusal.value.violations[0].field == "task.assignee_id"
    with pytest.raises(ProjectNotFound):
        await update(bob, task, project_id=garden)
    moved = await update(ann, task, "project_id", "assignee_id", project_id=garden, assignee_id=ann.id)
    assert (moved.project_id, moved.assignee_id, moved.version) == (garden, ann.id, 2)
    history = await ann.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=task.id))
    assert list(history.history[0].changed_fields) == ["project_id", "assignee_id"]


async def test_moving_takes_an_editor_on_the_far_side(ann: Person, bob: Person, house: str) -> None:
    theirs = await new_project(ann)
    member = projects.Member(user_id=bob.id, role=projects.Member.VIEWER)
    await ann.api.projects.AddMember(projects.AddMemberRequest(project_id=theirs, member=member))
    task = await create(bob, project_id=house)
    with pytest.raises(RoleTooLow):
        await update(bob, task, project_id=theirs)


async def test_a_parent_is_a_task_of_the_same_project_that_is_there(ann: Person, house: str, garden: str) -> None:
    parent, elsewhere, gone = [await create(ann, project_id=place) for place in (house, garden, house)]
    await ann.api.tasks.DeleteTask(pb.DeleteTaskRequest(id=gone.id))
    child = await create(ann, project_id=house, parent_id=parent.id.upper())
    assert child.parent_id == parent.id
    for wrong in (elsewhere.id, gone.id, NOWHERE):
        with pytest.raises(InvalidField) as refusal:
            await create(ann, project_id=house, parent_id=wrong)
        assert refusal.value.violations[0].field == "task.parent_id"
        with pytest.raises(InvalidField):
            await update(ann, child, parent_id=wrong)
    assert (await update(ann, child, "parent_id")).parent_id == ""


async def test_no_task_is_a_part_of_itself(ann: Person) -> None:
    top = await create(ann)
    middle = await create(ann, parent_id=top.id)
    bottom = await create(ann, parent_id=middle.id)
    for own in (top, middle, bottom):
        with pytest.raises(InvalidField) as refusal:
            await update(ann, top, parent_id=own.id)
        assert refusal.value.violations[0].field == "task.parent_id"
    assert (await update(ann, bottom, parent_id=top.id)).parent_id == top.id


async def test_a_task_leaves_neither_parent_nor_subtasks_behind(ann: Person, house: str, garden: str) -> None:
    top = await create(ann, project_id=house)
    part = await create(ann, project_id=house, parent_id=top.id)
    with pytest.raises(InvalidField) as refusal:
        await update(ann, part, project_id=garden)
    assert refusal.value.violations[0].field == "task.parent_id"
    with pytest.raises(InvalidField) as refusal:
        await update(ann, top, project_id=garden)
    assert refusal.value.violations[0].field == "task.project_id"
    requests = [pb.UpdateTaskRequest(task=pb.Task(id=task.id, project_id=garden)) for task in (top, part)]
    moved = await ann.api.tasks.BatchUpdateTasks(pb.BatchUpdateTasksRequest(requests=requests))
    assert {task.project_id for task in moved.tasks} == {garden}
    alone = await update(ann, part, "project_id", "parent_id", project_id=house)
    assert (alone.project_id, alone.parent_id) == (house, "")
