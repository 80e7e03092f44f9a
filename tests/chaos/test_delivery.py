"""Everything is killed and frozen all the time, and everybody is told everything: in order, and once."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceStub

from chassis.grpc_client import channel
from cli.client import Client
from devstack.stack import Stack
from tests.chaos import delivery_settings as settings
from tests.chaos.aftermath import Aftermath, Database, heard, mails, settled
from tests.chaos.listeners import Transcript, head, listen_over_grpc, listen_over_sse, listen_over_websocket
from tests.chaos.people import Person, join
from tests.chaos.storm import Storm
from tests.chaos.writers import Writers
from tests.conftest import MakeStack

pytestmark = pytest.mark.timeout(600 + 4 * settings.SECONDS)


@pytest.fixture(scope="module")
async def stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    # Not throw-away: killed, that PostgreSQL loses what it had committed last.
    async with make_stack(
        replicas={"tasksvc": 2, "notifysvc": 2, "gatewaysvc": 1},
        environment={"TASKBELL_ACCESS_TOKEN_LIFETIME": "7200"},
        throwaway=False,
    ) as running:
        yield running


@pytest.fixture(scope="module")
async def ann(stack: Stack) -> Person:
    return await join(stack.tasks_address, "ann")


@pytest.fixture(scope="module")
async def bob(stack: Stack) -> Person:
    return await join(stack.tasks_address, "bob")


@pytest.fixture(scope="module")
async def project(stack: Stack, ann: Person, bob: Person) -> str:
    """One in which both are."""
    async with channel(stack.tasks_address, authorization=f"Bearer {ann.token}") as wire:
        stub = ProjectServiceStub(wire)
        made = await stub.CreateProject(projects.CreateProjectRequest(project=projects.Project(title="stormy")))
        joining = projects.Member(user_id=bob.id, role=projects.Member.EDITOR)
        await stub.AddMember(projects.AddMemberRequest(project_id=made.id, member=joining))
    return made.id


@pytest.fixture(scope="module")
async def aftermath(stack: Stack, ann: Person, bob: Person, project: str) -> AsyncIterator[Aftermath]:
    print(f"TASKBELL_CHAOS_SEED={settings.SEED}")  # noqa: T201 - shown where the test fails
    storm = Storm(stack, random.Random(settings.SEED))  # noqa: S311 - chance, no secret
    writers = Writers(stack.tasks_address, ann.token, project, bob.id)
    database = Database(stack.database_url)
    async with AsyncExitStack() as leaving:
        of_ann, of_bob = [
            await leaving.enter_async_context(
                Client(tasks_address=stack.tasks_address, notify_address=stack.notify_address, token=person.token)
            )
            for person in (ann, bob)
        ]
        http = await leaving.enter_async_context(
            aiohttp.ClientSession(stack.http_url, headers={"Authorization": f"Bearer {ann.token}"})
        )
        cursor = await head(of_ann, project)
        everything = [Transcript(name, cursor) for name in ("gRPC", "WebSocket", "server-sent events")]
        inboxes = {ann.id: Transcript("ann's inbox", cursor), bob.id: Transcript("bob's inbox", cursor)}
        async with asyncio.TaskGroup() as group:
            listening = [
                group.create_task(listen_over_grpc(of_ann, everything[0], project=project)),
                group.create_task(listen_over_websocket(http, everything[1], project=project)),
                group.create_task(listen_over_sse(http, everything[2], project=project)),
                group.create_task(listen_over_grpc(of_ann, inboxes[ann.id], inbox=True)),
                group.create_task(listen_over_grpc(of_bob, inboxes[bob.id], inbox=True)),
            ]
            for transcript in (*everything, *inboxes.values()):
                await transcript.connected.wait()
            over = asyncio.Event()
            raging = group.create_task(storm.rage(over))
            await writers.work()
            over.set()
            await raging
            async with asyncio.timeout(settings.QUIET):
                await settled(stack, database)
            told = await database.ask("told", project)
            concerned = Counter((row["event_id"], row["user_id"]) for row in await database.ask("concerned", project))
            for transcript in everything:
                await heard(transcript, len(told))
            for person, transcript in inboxes.items():
                await heard(transcript, sum(user == person for _, user in concerned))
            for each in listening:
                each.cancel()
        notified = await database.ask("notified")
        found = Aftermath(told, concerned, notified, await mails(stack), writers, everything, inboxes, storm)
        print(found)  # noqa: T201 - for `make chaos`, and where a test fails
        yield found


async def test_the_storm_has_hit_everybody(aftermath: Aftermath) -> None:
    assert aftermath.storm.blows.total() >= settings.SECONDS / settings.BLOWS[1]
    assert sum(each.connections for each in aftermath.everything) > len(aftermath.everything)


async def test_each_answered_change_is_there_once(aftermath: Aftermath) -> None:
    assert Counter(row["task_id"] for row in aftermath.told) == aftermath.writers.answered
    assert set(aftermath.writers.answered.values()) == {settings.CHANGES}


async def test_each_client_is_told_everything_and_nothing_twice_whatever_it_speaks(aftermath: Aftermath) -> None:
    told = Counter(row["event_id"] for row in aftermath.told)
    for transcript in aftermath.everything:
        assert Counter(each.event_id for each in transcript.heard) == told, transcript.name
    for person, transcript in aftermath.inboxes.items():
        mine = Counter(event for event, user in aftermath.concerned if user == person)
        assert Counter(each.event_id for each in transcript.heard) == mine, transcript.name


async def test_each_task_is_told_in_the_order_of_its_versions(aftermath: Aftermath) -> None:
    for transcript in (*aftermath.everything, *aftermath.inboxes.values()):
        versions: dict[str, list[int]] = defaultdict(list)
        for each in transcript.heard:
            versions[each.task_id].append(each.version)
        assert [found for found in versions.values() if found != sorted(found)] == [], transcript.name


async def test_nobody_is_told_of_a_gap(aftermath: Aftermath) -> None:
    assert [each.name for each in (*aftermath.everything, *aftermath.inboxes.values()) if each.gaps] == []


async def test_inboxes_have_one_row_an_event_and_person(aftermath: Aftermath) -> None:
    assert Counter((row["event_id"], row["user_id"]) for row in aftermath.notified) == aftermath.concerned


async def test_each_gets_one_mail_an_event_and_a_second_one_only_where_smtp_leaves_it_open(
    aftermath: Aftermath,
) -> None:
    assert set(aftermath.mails) == set(aftermath.concerned)
    assert set(aftermath.twice) <= aftermath.in_doubt
