"""The ledger of events, as the other services ask it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from taskbell.events.v1.ledger_pb2 import GetEventRequest
from taskbell.events.v1.ledger_pb2_grpc import LedgerServiceStub
from taskbell.projects.v1.projects_pb2 import CreateProjectRequest, Project
from taskbell.tasks.v1.tasks_pb2 import CreateTaskRequest, Task

from chassis.errors import CredentialsMissing, EventNotFound
from chassis.grpc_client import channel
from devstack.process import Process
from tests.integration.tasksvc.conftest import SERVICE_KEY, Newcomer, Person
from tests.integration.tasksvc.outbox import Outbox

if TYPE_CHECKING:
    from taskbell.events.v1.ledger_pb2_grpc import LedgerServiceAsyncStub


@pytest.fixture
async def ledger(replica: Process) -> "AsyncIterator[LedgerServiceAsyncStub]":
    async with channel(replica.address, service_key=SERVICE_KEY) as wire:
        yield LedgerServiceStub(wire)


async def test_each_event_is_found_by_its_id_as_the_stream_has_it(
    ledger: "LedgerServiceAsyncStub", outbox: Outbox, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    await ann.api.projects.CreateProject(CreateProjectRequest(project=Project(title="House")))
    await ann.api.tasks.CreateTask(CreateTaskRequest(task=Task(title="Milk")))
    await outbox.emptied()
    published = await outbox.published()
    assert {event.type.partition(".")[0] for _, event in published} >= {"member", "task"}
    for sequence, event in published:
        found = await ledger.GetEvent(GetEventRequest(event_id=event.event_id))
        assert (found.stream_sequence, found.event) == (sequence, event)


async def test_an_event_that_never_was_is_not_found(ledger: "LedgerServiceAsyncStub") -> None:
    with pytest.raises(EventNotFound):
        await ledger.GetEvent(GetEventRequest(event_id=str(uuid4())))


async def test_people_do_not_ask_it(replica: Process, newcomer: Newcomer) -> None:
    ann: Person = await newcomer()
    async with channel(replica.address, authorization=f"Bearer {ann.session.access_token}") as wire:
        stub: LedgerServiceAsyncStub = LedgerServiceStub(wire)
        with pytest.raises(CredentialsMissing):
            await stub.GetEvent(GetEventRequest(event_id=str(uuid4())))
