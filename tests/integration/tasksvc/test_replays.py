"""A repeat of a request that named itself gets the first answer, and changes nothing a second time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from taskbell.accounts.v1 import accounts_pb2
from taskbell.projects.v1 import projects_pb2 as pb

from chassis.errors import InvalidField, ProjectNotFound, RequestIdReused, UsernameTaken
from devstack.process import Process
from tests.integration.tasksvc.conftest import PASSWORD, Api, Person, StartReplica


def creation(request_id: str, title: str = "house") -> pb.CreateProjectRequest:
    return pb.CreateProjectRequest(project=pb.Project(title=title), request_id=request_id)


async def count(sql: Any, title: str) -> int:
    found: int = await sql.fetchval("SELECT count(*) FROM projects WHERE title = $1", title)
    return found


async def test_a_repeat_gets_the_first_answer(ann: Person, sql: Any) -> None:
    first = await ann.api.projects.CreateProject(creation("once", "repeated"))
    assert await ann.api.projects.CreateProject(creation("once", "repeated")) == first
    assert await count(sql, "repeated") == 1


async def test_a_repeat_gets_the_first_answer_even_when_all_has_changed_since(ann: Person) -> None:
    first = await ann.api.projects.CreateProject(creation("before"))
    await ann.api.projects.UpdateProject(
        pb.UpdateProjectRequest(project=pb.Project(id=first.id, title="barn"), request_id="change")
    )
    assert await ann.api.projects.CreateProject(creation("before")) == first


async def test_the_id_of_another_request_is_refused(ann: Person) -> None:
    project = await ann.api.projects.CreateProject(creation("taken"))
    with pytest.raises(RequestIdReused):
        await ann.api.projects.CreateProject(creation("taken", "barn"))
    with pytest.raises(RequestIdReused):
        await ann.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id, request_id="taken"))


async def test_people_do_not_share_their_ids(ann: Person, bob: Person) -> None:
    of_ann = await ann.api.projects.CreateProject(creation("shared"))
    of_bob = await bob.api.projects.CreateProject(creation("shared", "barn"))
    assert of_ann.id != of_bob.id


async def test_twins_that_come_at_once_to_several_replicas_are_one(
    ann: Person, start_replica: StartReplica, at: Callable[[Person, Process], Person], sql: Any
) -> None:
    elsewhere = at(ann, await start_replica())
    answers = await asyncio.gather(
        *(person.api.projects.CreateProject(creation("twins", "twins")) for person in (ann, elsewhere) * 5)
    )
    assert len({answer.id for answer in answers}) == 1
    assert await count(sql, "twins") == 1


async def test_what_failed_may_be_tried_again(ann: Person, sql: Any) -> None:
    with pytest.raises(InvalidField):
        await ann.api.projects.CreateProject(creation("again", " "))
    missing = pb.DeleteProjectRequest(id="00000000-0000-7000-8000-000000000000", request_id="again")
    with pytest.raises(ProjectNotFound):
        await ann.api.projects.DeleteProject(missing)
    await ann.api.projects.CreateProject(creation("again"))


async def test_a_registration_can_be_repeated(anonymous: Api) -> None:
    request = accounts_pb2.RegisterUserRequest(
        username="eve", email="eve@example.com", password=PASSWORD, request_id="register"
    )
    first = await anonymous.accounts.RegisterUser(request)
    assert await anonymous.accounts.RegisterUser(request) == first
    request.password = "another password"
    with pytest.raises(RequestIdReused):
        await anonymous.accounts.RegisterUser(request)
    request.request_id = "register anew"
    with pytest.raises(UsernameTaken):
        await anonymous.accounts.RegisterUser(request)


async def test_who_has_left_or_deleted_may_repeat_it(ann: Person, bob: Person) -> None:
    project = await ann.api.projects.CreateProject(creation("to leave"))
    member = pb.Member(user_id=bob.id, role=pb.Member.VIEWER)
    adding = pb.AddMemberRequest(project_id=project.id, member=member, request_id="add")
    assert await ann.api.projects.AddMember(adding) == await ann.api.projects.AddMember(adding)
    leaving = pb.RemoveMemberRequest(project_id=project.id, user_id=bob.id, request_id="leave")
    for _ in range(2):
        assert await bob.api.projects.RemoveMember(leaving) == Empty()
    deleting = pb.DeleteProjectRequest(id=project.id, request_id="delete")
    assert await ann.api.projects.DeleteProject(deleting) == await ann.api.projects.DeleteProject(deleting)


async def test_no_password_can_be_tried_on_what_is_kept(anonymous: Api, sql: Any) -> None:
    request = accounts_pb2.RegisterUserRequest(username="fay", email="fay@example.com", password=PASSWORD)
    request.request_id = "kept"
    await anonymous.accounts.RegisterUser(request)
    row = await sql.fetchrow("SELECT fingerprint, response FROM replays WHERE request_id = 'kept'")
    assert PASSWORD.encode() not in row["response"]
    assert len(row["fingerprint"]) == 32


async def test_an_id_can_be_used_anew_once_it_has_expired(
    ann: Person, start_replica: StartReplica, at: Callable[[Person, Process], Person]
) -> None:
    forgetful = at(ann, await start_replica(request_id_lifetime="0"))
    first = await forgetful.api.projects.CreateProject(creation("expired"))
    second = await forgetful.api.projects.CreateProject(creation("expired", "barn"))
    assert first.id != second.id


async def test_expired_records_are_removed(
    ann: Person, start_replica: StartReplica, at: Callable[[Person, Process], Person], sql: Any
) -> None:
    await ann.api.projects.CreateProject(creation("old"))
    await ann.api.projects.CreateProject(creation("young"))
    # Time passes.
    await sql.execute("UPDATE replays SET create_time = now() - interval '25 hours' WHERE request_id = 'old'")
    await start_replica()
    until = time.monotonic() + 10
    while await sql.fetchval("SELECT count(*) FROM replays WHERE request_id = 'old'"):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    assert await sql.fetchval("SELECT count(*) FROM replays WHERE request_id = 'young'") == 1
