"""Who may work on queues, read them and change them, and for how long."""

import asyncio
from collections.abc import Callable

import pytest
from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.queues.v1 import queues_pb2 as pb

from chassis.errors import LeaseLost, ProjectNotFound, RoleTooLow, ScopeMissing, ServiceError
from devstack.process import Process
from tests.integration.tasksvc.conftest import Dial, Newcomer, Person
from tests.integration.tasksvc.queue.conftest import PATIENCE, Bench, Stream, work


@pytest.fixture
async def shared(ann: Person, bench: Bench) -> Bench:
    """A queue of a project that others can be members of."""
    project = await ann.api.projects.CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="house"))
    )
    return Bench(ann, bench.queue, project.id)


async def join(bench: Bench, person: Person, role: "projects.Member.Role.ValueType") -> Bench:
    """The queue, as a new member of its project sees it."""
    member = projects.Member(user_id=person.id, role=role)
    await bench.person.api.projects.AddMember(projects.AddMemberRequest(project_id=bench.project_id, member=member))
    return bench.by(person)


async def remove(bench: Bench, person: Person) -> None:
    await bench.person.api.projects.RemoveMember(
        projects.RemoveMemberRequest(project_id=bench.project_id, user_id=person.id)
    )


async def test_editors_work_on_each_other_s_leases(shared: Bench, bob: Person) -> None:
    of_bob = await join(shared, bob, projects.Member.EDITOR)
    await shared.add()
    await of_bob.complete(await shared.lease_one())


async def test_viewers_read_and_do_nothing(shared: Bench, bob: Person) -> None:
    of_bob = await join(shared, bob, projects.Member.VIEWER)
    await shared.add()
    lease = await shared.lease_one()
    assert (await of_bob.show()).depth.running == 1
    for refused in (of_bob.lease(), of_bob.set(max_concurrency=1), of_bob.pause(), of_bob.resume()):
        with pytest.raises(RoleTooLow):
            await refused
    with pytest.raises(LeaseLost):
        await of_bob.complete(lease)
    with pytest.raises(RoleTooLow):
        async with work(of_bob):
            pass


async def test_strangers_find_nothing(shared: Bench, bob: Person) -> None:
    await shared.add()
    lease = await shared.lease_one()
    of_bob = shared.by(bob)
    for refused in (of_bob.lease(), of_bob.show(), of_bob.set(max_concurrency=1), of_bob.pause()):
        with pytest.raises(ProjectNotFound):
            await refused
    with pytest.raises(LeaseLost):
        await of_bob.complete(lease)


async def test_a_worker_s_token_works_and_changes_nothing_else(bench: Bench, dial: Dial, replica: Process) -> None:
    await bench.add()
    token = await bench.person.api.accounts.CreateToken(
        accounts.CreateTokenRequest(token=accounts.Token(name="worker", scopes=["queues:work"]))
    )
    api = dial(replica, token.secret)
    (lease,) = (await api.queues.LeaseTasks(pb.LeaseTasksRequest(queue=bench.queue))).leases
    await api.queues.CompleteLease(pb.CompleteLeaseRequest(lease_id=lease.lease_id))
    for refused in (
        api.queues.GetQueue(pb.GetQueueRequest(queue=bench.queue)),
        api.queues.PauseQueue(pb.PauseQueueRequest(queue=bench.queue)),
    ):
        with pytest.raises(ScopeMissing):
            await refused


async def ended(stream: Stream) -> str:
    """Why the stream ends."""
    with pytest.raises(ServiceError) as raised:
        await stream.hear("going_away")
    return raised.value.reason


async def test_who_is_removed_from_the_project_loses_the_stream_and_its_tasks(shared: Bench, bob: Person) -> None:
    of_bob = await join(shared, bob, projects.Member.EDITOR)
    await shared.add()
    async with work(of_bob, credit=1) as stream:
        await stream.lease_one()
        await remove(shared, bob)
        assert await ended(stream) == "PROJECT_NOT_FOUND"
        assert (await shared.lease_one(wait=PATIENCE)).attempt == 1


async def test_who_is_removed_while_waiting_gets_nothing(shared: Bench, bob: Person) -> None:
    of_bob = await join(shared, bob, projects.Member.EDITOR)
    waiting = asyncio.ensure_future(of_bob.lease(wait=PATIENCE))
    await shared.set()
    await shared.until(lambda queue: bool(queue.workers))
    await remove(shared, bob)
    with pytest.raises(ProjectNotFound):
        await waiting


async def test_a_revoked_token_ends_its_streams(bench: Bench, dial: Dial, replica: Process) -> None:
    await bench.add()
    token = await bench.person.api.accounts.CreateToken(
        accounts.CreateTokenRequest(token=accounts.Token(name="worker", scopes=["queues:work"]))
    )
    stream = Stream(dial(replica, token.secret).queues.Work())
    await stream.say(hello=pb.WorkHello(queues=[bench.queue], credit=1))
    await stream.lease_one()
    await bench.person.api.accounts.DeleteToken(accounts.DeleteTokenRequest(id=token.id))
    assert await ended(stream) == "TOKEN_INVALID"
    assert (await bench.lease_one(wait=PATIENCE)).attempt == 1


async def test_a_session_that_ends_ends_its_streams(
    newcomer: Newcomer, bench: Bench, at: Callable[[Person, Process], Person], replica: Process
) -> None:
    eve = bench.by(at(await newcomer(), replica))
    async with work(eve) as stream:
        await eve.person.api.accounts.LogOut(accounts.LogOutRequest())
        assert await ended(stream) == "SESSION_ENDED"
