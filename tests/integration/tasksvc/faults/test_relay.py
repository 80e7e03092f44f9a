"""Events reach the stream once and in order, whoever dies, freezes or is away. Real processes."""

import asyncio
from collections.abc import Callable

from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1 import tasks_pb2 as pb

from devstack.process import Process
from tasksvc.ownership import LEASE
from tests.integration.tasksvc.conftest import Newcomer, Person, StartReplica
from tests.integration.tasksvc.faults.writing import write, writing
from tests.integration.tasksvc.outbox import Outbox

At = Callable[[Person, Process], Person]


async def test_every_change_is_published_once_and_in_order_by_several_replicas(
    ann: Person, at: At, start_replica: StartReplica, replica: Process, outbox: Outbox
) -> None:
    others = [await start_replica(), await start_replica()]
    people = [ann, *(at(ann, other) for other in others)]
    await asyncio.gather(*(write(person) for person in people for _ in range(5)))
    await outbox.check()
    async with writing(*people):
        await asyncio.sleep(1)
    await outbox.check()
    for other in others:
        await other.stop()


async def test_an_event_tells_of_the_task_as_its_caller_got_it(ann: Person, outbox: Outbox) -> None:
    task = pb.Task(title="dig", labels=["garden", "outside"], priority=pb.Task.HIGH, queue="spades", assignee_id=ann.id)
    task.payload.update({"depth": 2.5, "where": {"bed": ["left", None]}})
    task.due_time.seconds = 4_000_000_000
    task.due_time.nanos = 123_456_000
    created = await ann.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))
    started = await ann.api.tasks.StartTask(pb.StartTaskRequest(id=created.id))
    await outbox.emptied()
    first, second = [event for _, event in await outbox.published() if event.task_id == created.id]
    assert (first.type, first.task, first.task_version) == ("task.created", created, 1)
    assert (second.type, second.task, second.task_version) == ("task.started", started, 2)
    assert list(second.changed_fields) == ["status"]
    assert (second.actor_id, second.project_id) == (ann.id, created.project_id)
    assert second.time == started.update_time


async def test_members_and_credentials_have_their_events(ann: Person, newcomer: Newcomer, outbox: Outbox) -> None:
    bob = await newcomer()
    project = await ann.api.projects.CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="shared"))
    )
    member = projects.Member(user_id=bob.id, role=projects.Member.EDITOR)
    await ann.api.projects.AddMember(projects.AddMemberRequest(project_id=project.id, member=member))
    member.role = projects.Member.VIEWER
    changed = await ann.api.projects.UpdateMember(projects.UpdateMemberRequest(project_id=project.id, member=member))
    await ann.api.projects.RemoveMember(projects.RemoveMemberRequest(project_id=project.id, user_id=bob.id))
    await bob.api.accounts.LogOut(accounts.LogOutRequest())
    await outbox.check()
    about_bob = [
        event for _, event in await outbox.published() if bob.id in {event.member.user_id, event.credential.user_id}
    ]
    membership = [event for event in about_bob if event.HasField("member")]
    assert [event.type for event in membership] == ["member.added", "member.updated", "member.removed"]
    assert membership[1].member == changed
    assert [event.type for event in about_bob if event.HasField("credential")] == ["session.ended"]


async def test_what_a_replica_committed_before_it_was_killed_is_published_by_another(
    ann: Person, at: At, start_replica: StartReplica, outbox: Outbox
) -> None:
    silent = await start_replica(relay="off")
    await write(at(ann, silent))
    silent.crash()
    await outbox.check()


async def test_replicas_killed_in_mid_traffic_lose_and_double_nothing(
    ann: Person, at: At, start_replica: StartReplica, outbox: Outbox
) -> None:
    victims = [await start_replica(), await start_replica()]
    await outbox.shared(6, 5, 5)
    async with writing(ann, *(at(ann, victim) for victim in victims)):
        for victim in victims:
            await asyncio.sleep(0.4)
            victim.crash()
            await victim.ended()
        await asyncio.sleep(0.5)
    await outbox.check()


async def test_a_publication_whose_mark_was_lost_is_not_published_again(ann: Person, outbox: Outbox) -> None:
    await write(ann)
    await outbox.emptied()
    before = await outbox.published()
    await outbox.pool.execute("UPDATE events SET stream_sequence = NULL WHERE type LIKE 'task.%'")
    await outbox.check()
    assert await outbox.published() == before


async def test_a_bus_killed_in_mid_traffic_loses_and_doubles_nothing(
    ann: Person, bus_server: Process, outbox: Outbox
) -> None:
    async with writing(ann):
        for _ in range(2):
            await asyncio.sleep(0.5)
            await bus_server.kill()
            await asyncio.sleep(0.3)
            await bus_server.start()
    await outbox.check()


async def test_while_the_bus_is_away_calls_go_on_and_their_events_follow_when_it_is_back(
    ann: Person, at: At, start_replica: StartReplica, bus_server: Process, outbox: Outbox
) -> None:
    await bus_server.stop()
    newborn = await start_replica()
    await write(ann)
    await write(at(ann, newborn))
    assert await outbox.pool.fetchval("SELECT count(*) FROM events WHERE stream_sequence IS NULL") >= 10
    await bus_server.start()
    await outbox.check()
    await newborn.stop()


async def test_an_owner_that_was_frozen_past_its_lease_does_no_harm_when_it_wakes(
    ann: Person, at: At, start_replica: StartReplica, outbox: Outbox
) -> None:
    zombie = await start_replica()
    await outbox.shared(8, 8)
    async with writing(ann):
        await asyncio.sleep(0.3)
        zombie.freeze()
        await outbox.shared(16, within=LEASE + 5)
        await asyncio.sleep(0.5)
        zombie.thaw()
        await outbox.shared(8, 8)
        await asyncio.sleep(0.5)
    await outbox.check()
    await zombie.stop()


async def test_partitions_are_shared_fairly_and_move_within_seconds(
    replica: Process, start_replica: StartReplica, outbox: Outbox
) -> None:
    await outbox.shared(16)
    second, third = await start_replica(), await start_replica()
    await outbox.shared(6, 5, 5)
    await second.stop()
    await outbox.shared(8, 8, within=LEASE)  # given back, not waited for
    third.crash()
    await outbox.shared(16, within=LEASE + 5)
