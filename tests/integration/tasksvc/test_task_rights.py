"""Who loses a project loses its tasks: on the next call, on every replica, whatever lies in the cache."""

from collections.abc import Callable

import pytest
from taskbell.projects.v1 import projects_pb2
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import ProjectNotFound, RoleTooLow, TaskNotFound
from devstack.process import Process
from tests.integration.tasksvc.conftest import Person, StartReplica

Move = Callable[[Person, Process], Person]


@pytest.fixture(scope="module")
async def other_replica(start_replica: StartReplica, replica: Process) -> Process:
    """A second tasksvc beside the first one."""
    return await start_replica()


@pytest.fixture
async def project(ann: Person, bob: Person) -> projects_pb2.Project:
    """A project of Ann's, in which Bob is an EDITOR."""
    project = await ann.api.projects.CreateProject(
        projects_pb2.CreateProjectRequest(project=projects_pb2.Project(title="house"))
    )
    member = projects_pb2.Member(user_id=bob.id, role=projects_pb2.Member.EDITOR)
    await ann.api.projects.AddMember(projects_pb2.AddMemberRequest(project_id=project.id, member=member))
    return project


@pytest.fixture
async def task(bob: Person, project: projects_pb2.Project) -> pb.Task:
    """A task in it, made by Bob and assigned to him."""
    task = pb.Task(title="paint", project_id=project.id, assignee_id=bob.id)
    return await bob.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))


async def found(person: Person, task: pb.Task) -> bool:
    """Whether the person finds the task, by its id and in a list of their own."""
    listed = await person.api.tasks.ListTasks(pb.ListTasksRequest(user_id="me", page_size=1000))
    in_list = task.id in {each.id for each in listed.tasks}
    try:
        await person.api.tasks.GetTask(pb.GetTaskRequest(id=task.id))
    except TaskNotFound:
        assert not in_list
        return False
    assert in_list
    return True


async def test_of_a_deleted_project(
    ann: Person, bob: Person, project: projects_pb2.Project, task: pb.Task, other_replica: Process, at: Move
) -> None:
    elsewhere = at(bob, other_replica)
    assert await found(bob, task)
    assert await found(elsewhere, task)
    await ann.api.projects.DeleteProject(projects_pb2.DeleteProjectRequest(id=project.id))
    assert not await found(elsewhere, task)
    assert not await found(bob, task)
    with pytest.raises(TaskNotFound):
        await bob.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    with pytest.raises(ProjectNotFound):
        await bob.api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title="more", project_id=project.id)))


async def test_of_a_project_that_one_was_removed_from(
    ann: Person, bob: Person, project: projects_pb2.Project, task: pb.Task, other_replica: Process, at: Move
) -> None:
    elsewhere = at(bob, other_replica)
    assert await found(elsewhere, task)
    await ann.api.projects.RemoveMember(projects_pb2.RemoveMemberRequest(project_id=project.id, user_id=bob.id))
    assert not await found(elsewhere, task)
    assert not await found(bob, task)
    with pytest.raises(TaskNotFound):
        await elsewhere.api.tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id))


async def test_of_a_project_that_one_may_only_read_now(
    ann: Person, bob: Person, project: projects_pb2.Project, task: pb.Task, other_replica: Process, at: Move
) -> None:
    elsewhere = at(bob, other_replica)
    member = projects_pb2.Member(user_id=bob.id, role=projects_pb2.Member.VIEWER)
    await ann.api.projects.UpdateMember(projects_pb2.UpdateMemberRequest(project_id=project.id, member=member))
    assert await found(elsewhere, task)
    with pytest.raises(RoleTooLow):
        await elsewhere.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
