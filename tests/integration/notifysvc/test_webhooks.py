"""Webhooks of projects, as their owners and their receivers meet them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc.aio
import pytest
import pytest_asyncio
from aiohttp import web
from google.protobuf.field_mask_pb2 import FieldMask
from standardwebhooks import Webhook as StandardReceiver
from taskbell.webhooks.v1 import webhooks_pb2 as pb

from chassis.errors import (
    DeliveryNotFound,
    EtagMismatch,
    InvalidField,
    ProjectNotFound,
    RequestIdReused,
    RoleTooLow,
    TooManyWebhooks,
    WebhookNotFound,
)
from devstack.process import Process
from notifysvc.webhook_sender import PAUSES
from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.preferring import Preferring
from tests.integration.notifysvc.publisher import Publisher
from tests.integration.notifysvc.webhook_desk import Desk
from tests.mailbox import Mailbox
from tests.receiver import Receiver, receiving

WAITING, DELIVERED, DEAD = pb.Delivery.WAITING, pb.Delivery.DELIVERED, pb.Delivery.DEAD
TOOK_NOTHING_FOR_DAYS = "UPDATE webhooks SET failing_since_time = now() - interval '121 hours' WHERE id = $1"
ATTEMPTS = "SELECT coalesce(sum(attempts), 0) FROM webhook_deliveries WHERE webhook_id = $1"
Owner = Callable[[str], Desk]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def notifysvc(start_replica: StartReplica) -> Process:
    """One that may call this machine."""
    return await start_replica(WEBHOOK_ALLOW_PRIVATE="on")


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as it:
        yield it


@pytest_asyncio.fixture(loop_scope="session")
async def sql(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database, server_settings={"search_path": "notifysvc"})
    yield connection
    await connection.close()


@pytest.fixture
def owner(channel: grpc.aio.Channel, peer: Peer) -> Owner:
    """Somebody new who owns the project."""

    def come(project: str) -> Desk:
        return Desk(channel, peer.owner(project), project)

    return come


async def hurry(sql: Any, webhook: pb.Webhook) -> None:
    """Lets the time pass until what waits is sent again."""
    await sql.execute("UPDATE webhook_deliveries SET next_time = now() WHERE webhook_id = $1", UUID(webhook.id))


async def attempted(sql: Any, webhook: pb.Webhook, times: int) -> None:
    """Waits until it was sent so many requests."""
    async with asyncio.timeout(60):
        while await sql.fetchval(ATTEMPTS, UUID(webhook.id)) < times:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


def genuine(webhook: pb.Webhook, request: web.Request, body: bytes) -> Any:
    """The body, if a receiver with the standard library takes it for genuine."""
    return StandardReceiver(webhook.secret).verify(body, dict(request.headers))


async def test_what_happens_in_a_project_is_sent_signed_and_once(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url, description="the shop")
    event = await publisher.task(project, title="Купить молоко")
    await publisher.task(str(uuid4()))
    done = await publisher.task(project, "completed", task_id=event.task_id)
    got = await receiver.requests(2)
    told = {request.headers["webhook-id"]: genuine(webhook, request, body) for request, body in got}
    assert told.keys() == {event.event_id, done.event_id}
    message = told[event.event_id]
    assert message["type"] == message["data"]["type"] == "task.created"
    assert message["timestamp"] == event.time.ToJsonString()
    assert message["data"]["task"]["title"] == "Купить молоко"
    assert message["data"]["eventId"] == event.event_id
    assert not {"traceparent", "transition", "destinationId"} & message["data"].keys()
    request, body = got[0]
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    with pytest.raises(Exception, match="No matching signature"):
        genuine(webhook, request, body.replace(b"task", b"tusk"))
    await ann.delivery(webhook, DELIVERED, 1)
    deliveries = await ann.deliveries(webhook)
    assert [(each.event_id, each.event_type) for each in deliveries] == [
        (done.event_id, "task.completed"),
        (event.event_id, "task.created"),
    ]


async def test_only_owners_have_to_do_with_webhooks(
    owner: Owner, channel: grpc.aio.Channel, receiver: Receiver, peer: Peer, project: str
) -> None:
    ann, member, stranger = owner(project), Desk(channel, peer.person(project), project), owner(str(uuid4()))
    stranger.project = project
    webhook = await ann.create(receiver.url)
    calls: dict[str, dict[str, Any]] = {
        "CreateWebhook": {"webhook": pb.Webhook(url=receiver.url)},
        "ListWebhooks": {},
        "UpdateWebhook": {"webhook": pb.Webhook(id=webhook.id, disabled=True)},
        "ListDeliveries": {"webhook_id": webhook.id},
        "RetryDelivery": {"webhook_id": webhook.id, "id": str(uuid4())},
        **{method: {"id": webhook.id} for method in ("GetWebhook", "RotateSecret", "TestWebhook", "DeleteWebhook")},
    }
    for method, request in calls.items():
        assert isinstance(await member.refused(method, **request), RoleTooLow), method
        assert isinstance(await stranger.refused(method, **request), ProjectNotFound), method
    assert not receiver.got
    other = owner(str(uuid4()))
    assert isinstance(await other.refused("GetWebhook", id=webhook.id), WebhookNotFound)


async def test_a_webhook_is_made_listed_changed_and_removed(owner: Owner, receiver: Receiver, project: str) -> None:
    ann = owner(project)
    first, second = await ann.create(receiver.url), await ann.create("https://example.com/2", event_types=["task.*"])
    assert first.secret.startswith("whsec_")
    assert first.secret != second.secret
    page = await ann.call("ListWebhooks", page_size=1)
    rest = await ann.call("ListWebhooks", page_size=1, page_token=page.next_page_token)
    assert [each.id for each in (*page.webhooks, *rest.webhooks)] == [first.id, second.id]
    assert not rest.next_page_token
    assert not page.webhooks[0].secret
    changed = await ann.call(
        "UpdateWebhook", webhook=pb.Webhook(id=second.id, description="new", etag=second.etag, disabled=True)
    )
    assert (changed.description, changed.disabled, changed.url) == ("new", True, second.url)
    assert list(changed.event_types) == ["task.*"]
    stale = pb.Webhook(id=second.id, description="late", etag=second.etag)
    assert isinstance(await ann.refused("UpdateWebhook", webhook=stale), EtagMismatch)
    assert isinstance(await ann.refused("DeleteWebhook", id=second.id, etag=second.etag), EtagMismatch)
    mask = FieldMask(paths=["event_types", "disabled"])
    cleared = await ann.call("UpdateWebhook", webhook=pb.Webhook(id=second.id), update_mask=mask)
    assert (list(cleared.event_types), cleared.disabled, cleared.description) == ([], False, "new")
    await ann.call("DeleteWebhook", id=second.id, etag=cleared.etag)
    assert isinstance(await ann.refused("GetWebhook", id=second.id), WebhookNotFound)
    assert isinstance(await ann.refused("DeleteWebhook", id=second.id), WebhookNotFound)


@pytest.mark.parametrize(
    ("webhook", "field"),
    [
        *(
            (pb.Webhook(url=url), "webhook.url")
            for url in ("", "example.com", "ftp://example.com", "http://ann:pw@example.com/", "http://x/" + "a" * 2048)
        ),
        (pb.Webhook(url="https://example.com", event_types=["task.exploded"]), "webhook.event_types[0]"),
        (pb.Webhook(url="https://example.com", event_types=["task.*", "*"]), "webhook.event_types[1]"),
        (pb.Webhook(url="https://example.com", event_types=["account.*"]), "webhook.event_types[0]"),
        (pb.Webhook(url="https://example.com", event_types=["task.*", "task.*"]), "webhook.event_types"),
        (pb.Webhook(url="https://example.com", description="x" * 501), "webhook.description"),
    ],
)
async def test_bad_fields_are_named(owner: Owner, project: str, webhook: pb.Webhook, field: str) -> None:
    refused = await owner(project).refused("CreateWebhook", webhook=webhook)
    assert isinstance(refused, InvalidField)
    assert [violation.field for violation in refused.violations] == [field]
    assert "pw" not in str(refused)


async def test_a_project_has_so_many_webhooks_and_no_more(owner: Owner, project: str) -> None:
    ann = owner(project)
    made = await asyncio.gather(*(ann.create(f"https://example.com/{number}") for number in range(20)))
    assert len({webhook.secret for webhook in made}) == 20
    refused = await ann.refused("CreateWebhook", webhook=pb.Webhook(url="https://example.com/more"))
    assert isinstance(refused, TooManyWebhooks)


async def test_who_lost_the_answer_asks_again_with_the_same_id_and_is_shown_the_same_secret(
    owner: Owner, sql: Any, project: str
) -> None:
    ann, request_id = owner(project), "again"
    asked = {"webhook": pb.Webhook(url="https://example.com/"), "request_id": request_id}
    made, again = await asyncio.gather(ann.call("CreateWebhook", **asked), ann.call("CreateWebhook", **asked))
    assert again == made
    assert made.secret.startswith("whsec_")
    assert [each.id for each in (await ann.call("ListWebhooks")).webhooks] == [made.id]
    assert isinstance(
        await ann.refused("CreateWebhook", **(asked | {"webhook": pb.Webhook(url="https://example.com/2")})),
        RequestIdReused,
    )
    rotated = await ann.call("RotateSecret", id=made.id, request_id="rotate")
    assert await ann.call("RotateSecret", id=made.id, request_id="rotate") == rotated
    assert rotated.secret not in {"", made.secret}
    assert (await ann.call("CreateWebhook", **asked)) == made, "the first answer, though there is another secret now"
    kept = await sql.fetch("SELECT response FROM replays")
    assert not any(secret.encode() in row["response"] for row in kept for secret in (made.secret, rotated.secret))
    # Whoever uses the same id for something of their own is somebody else.
    bob = owner(project)
    assert (await bob.call("CreateWebhook", **asked)).id != made.id


async def test_a_webhook_is_sent_what_it_asks_for_from_the_moment_it_is_made_and_while_it_is_enabled(
    owner: Owner, receiver: Receiver, publisher: Publisher, peer: Peer, project: str
) -> None:
    ann = owner(project)
    await publisher.task(project)
    await publisher.account("password_changed", peer.person(project))
    ended = await ann.create(receiver.url, event_types=["task.completed", "member.*"])
    disabled = await ann.create(receiver.url, disabled=True)
    created = await publisher.task(project)
    completed = await publisher.task(project, "completed", task_id=created.task_id)
    joined = await publisher.join(peer.person(), project)
    got = await receiver.requests(2)
    assert {request.headers["webhook-id"] for request, _ in got} == {completed.event_id, joined.event_id}
    assert len(await ann.deliveries(ended)) == 2
    assert await ann.deliveries(disabled) == []


async def test_what_is_not_taken_is_sent_again_with_the_same_id_and_what_came_back_is_told(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str, sql: Any
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)
    receiver.says(503, "not now")
    event = await publisher.task(project)
    failed = await ann.delivery(webhook, WAITING, 1)
    assert (failed.last_status, failed.last_answer) == (503, "not now")
    assert 4 < failed.next_attempt_time.ToSeconds() - failed.last_attempt_time.ToSeconds() < 8
    assert (await ann.get(webhook)).HasField("failing_since_time")
    receiver.answer = None
    await hurry(sql, webhook)
    taken = await ann.delivery(webhook, DELIVERED, 2)
    assert (taken.last_status, taken.last_answer) == (200, "thank you")
    assert [request.headers["webhook-id"] for request, _ in receiver.got] == [event.event_id] * 2
    assert receiver.got[0][1] == receiver.got[1][1]
    assert not (await ann.get(webhook)).HasField("failing_since_time")


async def test_a_receiver_that_asks_for_time_is_given_it(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)
    receiver.says(429, **{"Retry-After": "3600"})
    await publisher.task(project)
    failed = await ann.delivery(webhook, WAITING, 1)
    assert failed.next_attempt_time.ToSeconds() - failed.last_attempt_time.ToSeconds() >= 3599


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 503 Later\r\nRetry-After: Mon, 01 Jan 99999999999 00:00:00 GMT\r\n",
        b"HTTP/1.1 500 \xcf\xee\xe7\xe6\xe5\x00\r\n",
        b"HTTP/1.1 200 OK\r\n\xff: \x00\r\n",
    ],
)
async def test_a_receiver_that_talks_nonsense_has_not_taken_it(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str, head: bytes
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(head + b"Content-Length: 0\r\n\r\n")
        request.transport.close()
        return web.Response()

    receiver.answer = answer
    await publisher.task(project)
    failed = await ann.delivery(webhook, WAITING, 1)
    assert failed.last_answer
    told = await ann.call("TestWebhook", id=webhook.id)
    assert not told.delivered


async def test_what_is_never_taken_is_dead_in_the_end_and_can_be_sent_once_more(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str, sql: Any
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)
    receiver.says(500)
    await publisher.task(project)
    await ann.delivery(webhook, WAITING, 1)
    last = len(PAUSES)
    await sql.execute("UPDATE webhook_deliveries SET tries = $2 WHERE webhook_id = $1", UUID(webhook.id), last)
    await hurry(sql, webhook)
    dead = await ann.delivery(webhook, DEAD, 2)
    assert not dead.HasField("next_attempt_time")
    assert [each.id for each in await ann.deliveries(webhook, state=DEAD)] == [dead.id]
    assert await ann.deliveries(webhook, state=DELIVERED) == []
    receiver.answer = None
    waiting = await ann.call("RetryDelivery", webhook_id=webhook.id, id=dead.id)
    assert waiting.state == WAITING
    await ann.delivery(webhook, DELIVERED, 3)
    unknown = await ann.refused("RetryDelivery", webhook_id=webhook.id, id=str(uuid4()))
    assert isinstance(unknown, DeliveryNotFound)


async def test_a_webhook_that_has_taken_nothing_for_days_is_paused_until_it_is_enabled(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str, sql: Any
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)
    receiver.says(500)
    await publisher.task(project)
    await ann.delivery(webhook, WAITING, 1)
    assert not (await ann.get(webhook)).HasField("pause_time")
    await sql.execute(TOOK_NOTHING_FOR_DAYS, UUID(webhook.id))
    await hurry(sql, webhook)
    await ann.delivery(webhook, WAITING, 2)
    assert (await ann.get(webhook)).HasField("pause_time")
    await publisher.task(project)
    receiver.answer = None
    await hurry(sql, webhook)
    enabled = await ann.call(
        "UpdateWebhook", webhook=pb.Webhook(id=webhook.id), update_mask=FieldMask(paths=["disabled"])
    )
    assert not enabled.HasField("pause_time")
    await ann.delivery(webhook, DELIVERED, 3)
    assert len(await ann.deliveries(webhook)) == 1  # what happened meanwhile is not sent later


async def test_the_owners_are_mailed_once_in_their_language_when_a_webhook_is_paused(
    owner: Owner,
    receiver: Receiver,
    publisher: Publisher,
    peer: Peer,
    project: str,
    preferring: Preferring,
    sql: Any,
    mailbox: Mailbox,
) -> None:
    ann, bob, member = owner(project), peer.owner(project), peer.person(project)
    await preferring.set(bob, language="ru")
    webhook = await ann.create(receiver.url)
    receiver.says(500)
    for _ in range(2):
        await publisher.task(project)
    await attempted(sql, webhook, 2)
    await sql.execute(TOOK_NOTHING_FOR_DAYS, UUID(webhook.id))
    await hurry(sql, webhook)
    await attempted(sql, webhook, 4)
    (english,) = await mailbox.arrived(f"to:{ann.person.email}")
    (russian,) = await mailbox.arrived(f"to:{bob.email}")
    assert english["Subject"] == "A webhook is paused: Summer house"
    assert receiver.url in english["Text"]
    assert russian["Subject"] == "Вебхук приостановлен: Summer house"
    assert not await mailbox.find(f"to:{member.email}")


async def test_the_owner_is_mailed_when_the_address_is_gone_also_if_tasksvc_is_away_at_that_moment(
    owner: Owner, receiver: Receiver, publisher: Publisher, peer: Peer, project: str, sql: Any, mailbox: Mailbox
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)
    receiver.says(410)
    await peer.stop()
    await publisher.task(project)
    async with asyncio.timeout(60):
        while not await sql.fetchval("SELECT disabled FROM webhooks WHERE id = $1", UUID(webhook.id)):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    await peer.start()
    (mail,) = await mailbox.arrived(f"to:{ann.person.email}")
    assert mail["Subject"] == "A webhook is disabled: Summer house"
    assert receiver.url in mail["Text"]


async def test_an_address_that_is_gone_is_sent_nothing_more(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)
    receiver.says(410)
    await publisher.task(project)
    await ann.delivery(webhook, DEAD, 1)
    assert (await ann.get(webhook)).disabled


async def test_webhooks_of_a_deleted_project_are_gone_with_what_waited_and_stay_when_only_somebody_leaves(
    owner: Owner, receiver: Receiver, publisher: Publisher, peer: Peer, project: str, sql: Any
) -> None:
    ann, member, other = owner(project), peer.person(project), str(uuid4())
    await ann.create(receiver.url)
    kept = owner(other)
    await kept.create(receiver.url)
    receiver.says(500)
    await publisher.task(project)
    await publisher.remove(peer.person(other), other)
    for person in (member, ann.person):
        peer.projects.deleted.add(project)
        await publisher.remove(person, project)
    async with asyncio.timeout(60):
        while await sql.fetchval("SELECT count(*) FROM webhooks WHERE project_id = $1", UUID(project)):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)
        while await sql.fetchval("SELECT count(*) FROM webhooks WHERE asks > asked"):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    assert len((await kept.call("ListWebhooks")).webhooks) == 1


async def test_a_new_secret_and_the_one_before_sign_together_for_a_day(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str, sql: Any
) -> None:
    ann = owner(project)
    old = await ann.create(receiver.url)
    new = await ann.call("RotateSecret", id=old.id)
    assert new.secret not in ("", old.secret)
    await publisher.task(project)
    ((request, body),) = await receiver.requests(1)
    assert genuine(old, request, body) == genuine(new, request, body)
    await sql.execute("UPDATE webhooks SET former_secret_expire_time = now() WHERE id = $1", UUID(old.id))
    await publisher.task(project)
    _, (request, body) = await receiver.requests(2)
    genuine(new, request, body)
    with pytest.raises(Exception, match="No matching signature"):
        genuine(old, request, body)


async def test_a_test_is_sent_at_once_and_tells_what_came_back(owner: Owner, receiver: Receiver, project: str) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url, disabled=True)
    answer = await ann.call("TestWebhook", id=webhook.id)
    assert (answer.delivered, answer.status, answer.answer) == (True, 200, "thank you")
    ((request, body),) = receiver.got
    assert genuine(webhook, request, body)["type"] == "webhook.test"
    receiver.says(302, Location=receiver.url)
    answer = await ann.call("TestWebhook", id=webhook.id)
    assert (answer.delivered, answer.status) == (False, 302)
    assert len(receiver.got) == 2  # a redirect is not followed
    nowhere = await ann.create("http://127.0.0.1:1/")
    answer = await ann.call("TestWebhook", id=nowhere.id)
    assert (answer.delivered, answer.status) == (False, 0)
    assert "could not be reached" in answer.answer
    assert await ann.deliveries(webhook) == []


async def test_one_that_does_not_answer_holds_up_no_other(
    owner: Owner, receiver: Receiver, publisher: Publisher, project: str
) -> None:
    ann = owner(project)
    go = asyncio.Event()

    async def answer(_request: web.Request) -> web.StreamResponse:
        await go.wait()
        return web.Response()

    async with receiving() as slow:
        slow.answer = answer
        stuck, quick = await ann.create(slow.url), await ann.create(receiver.url)
        events = [await publisher.task(project) for _ in range(30)]
        got = await receiver.requests(len(events))
        assert {request.headers["webhook-id"] for request, _ in got} == {event.event_id for event in events}
        assert 1 <= len(slow.got) <= 4  # and no more at once
        go.set()
        await slow.requests(len(events))
    assert {each.state for each in await ann.deliveries(quick)} == {DELIVERED}
    assert len(await ann.deliveries(stuck)) == len(events)


async def test_ones_own_network_is_refused_when_it_is_named_and_when_it_is_called(
    start_replica: StartReplica,
    notifysvc: Process,
    owner: Owner,
    receiver: Receiver,
    publisher: Publisher,
    peer: Peer,
    project: str,
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)  # by one that may
    await notifysvc.stop()
    try:
        outside = await start_replica()
        async with grpc.aio.insecure_channel(outside.address) as channel:
            careful = Desk(channel, peer.owner(project), project)
            for url in (receiver.url, "http://localhost/", "http://[::1]/", "http://10.0.0.1/"):
                refused = await careful.refused("CreateWebhook", webhook=pb.Webhook(url=url))
                assert isinstance(refused, InvalidField)
            await publisher.task(project)
            failed = await careful.delivery(webhook, WAITING, 1)
            assert "not one of the public internet" in failed.last_answer
            answer = await careful.call("TestWebhook", id=webhook.id)
            assert "not one of the public internet" in answer.answer
        await outside.stop()
    finally:
        await notifysvc.start()
    assert not receiver.got


async def test_who_is_killed_while_a_webhook_is_called_leaves_it_to_be_called_again(
    notifysvc: Process, owner: Owner, receiver: Receiver, publisher: Publisher, project: str, sql: Any
) -> None:
    ann = owner(project)
    webhook = await ann.create(receiver.url)

    async def answer(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    receiver.answer = answer
    event = await publisher.task(project)
    await receiver.requests(1)
    await notifysvc.kill()
    receiver.answer = None
    await notifysvc.start()
    await hurry(sql, webhook)  # the lease is over
    await ann.delivery(webhook, DELIVERED, 1)
    assert [json.loads(body)["data"]["eventId"] for _, body in receiver.got] == [event.event_id] * 2
