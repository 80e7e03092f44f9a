"""Webhooks, as their receivers meet them."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook as StandardReceiver

from chassis.outgoing import outgoing, retry_after
from chassis.webhook_secrets import WebhookSecrets, read_webhook_keys
from tasksvc.handlers import AttemptFailed, GiveUp, Job, RetryLater
from tasksvc.project_secret import project_secret
from tasksvc.workers.webhook import Webhook
from tests.receiver import Receiver, receiving

PROJECT = str(uuid4())
SECRETS = WebhookSecrets(read_webhook_keys("the-key-of-the-service"))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as it:
        yield it


def job(**payload: Any) -> Job:
    return Job(task_id=str(uuid4()), project_id=PROJECT, payload=payload)


@asynccontextmanager
async def webhook(*, allow_private: bool) -> AsyncIterator[Webhook]:
    async with outgoing(allow_private=allow_private) as session:
        yield Webhook(session, SECRETS)


@pytest.fixture
async def inside() -> AsyncIterator[Webhook]:
    """One that may call its own network."""
    async with webhook(allow_private=True) as it:
        yield it


@pytest.fixture
async def outside_session() -> AsyncIterator[ClientSession]:
    async with outgoing(allow_private=False) as session:
        yield session


async def test_the_body_arrives_and_the_answer_is_the_result(inside: Webhook, receiver: Receiver) -> None:
    result = await inside.handle(job(url=receiver.url, body={"order": 7}, headers={"x-room": "2"}))
    assert result == {"status": 200, "body": "thank you"}
    [(request, body)] = receiver.got
    assert (request.method, request.path, json.loads(body)) == ("POST", "/hooks/1", {"order": 7})
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Room"] == "2"
    assert request.headers["User-Agent"] == "Taskbell"


async def test_a_header_of_the_payload_replaces_the_usual_one(inside: Webhook, receiver: Receiver) -> None:
    await inside.handle(job(url=receiver.url, headers={"content-type": "application/cloudevents+json"}))
    [(request, _)] = receiver.got
    assert request.headers.getall("Content-Type") == ["application/cloudevents+json"]


async def test_a_receiver_with_the_standard_library_takes_it_for_genuine(inside: Webhook, receiver: Receiver) -> None:
    sent = job(url=receiver.url, body={"цена": "12 €"})
    await inside.handle(sent)
    [(request, body)] = receiver.got
    genuine = StandardReceiver(SECRETS.secret(project_secret(PROJECT)))
    assert genuine.verify(body, dict(request.headers)) == {"цена": "12 €"}
    assert request.headers["webhook-id"] == sent.task_id
    with pytest.raises(Exception, match="No matching signature"):
        genuine.verify(body.replace(b"12", b"13"), dict(request.headers))
    with pytest.raises(Exception, match="No matching signature"):
        StandardReceiver(SECRETS.secret(project_secret(str(uuid4())))).verify(body, dict(request.headers))


async def test_the_signature_is_that_of_the_specification(inside: Webhook, receiver: Receiver) -> None:
    await inside.handle(job(url=receiver.url, body=[1]))
    [(request, body)] = receiver.got
    headers = request.headers
    secret = base64.b64decode(SECRETS.secret(project_secret(PROJECT)).removeprefix("whsec_"))
    assert 24 <= len(secret) <= 64
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60


def test_a_key_is_replaced_without_a_moment_of_mistrust() -> None:
    new = WebhookSecrets(read_webhook_keys("the-new-key-of-the-service\nthe-key-of-the-service"))
    assert new.secret(project_secret(PROJECT)) != SECRETS.secret(project_secret(PROJECT))
    headers = dict(new.headers([project_secret(PROJECT)], "1", int(time.time()), b"{}"))
    for known in (SECRETS, new):
        StandardReceiver(known.secret(project_secret(PROJECT))).verify(b"{}", headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_a_success(inside: Webhook, receiver: Receiver, status: int) -> None:
    receiver.says(status)
    assert await inside.handle(job(url=receiver.url)) == {"status": status, "body": ""}


@pytest.mark.parametrize("status", [400, 404, 408, 429, 500, 503])
async def test_any_other_answer_fails_the_attempt(inside: Webhook, receiver: Receiver, status: int) -> None:
    receiver.says(status, "not now")
    with pytest.raises(AttemptFailed, match=f"127.0.0.1 answered {status}.*: not now") as failed:
        await inside.handle(job(url=receiver.url))
    assert type(failed.value) is AttemptFailed


async def test_gone_gives_up(inside: Webhook, receiver: Receiver) -> None:
    receiver.says(410, "moved out")
    with pytest.raises(GiveUp, match="answered 410 Gone: moved out"):
        await inside.handle(job(url=receiver.url))


async def test_retry_after_is_honoured(inside: Webhook, receiver: Receiver) -> None:
    receiver.says(429, **{"Retry-After": "120"})
    with pytest.raises(RetryLater, match="answered 429") as failed:
        await inside.handle(job(url=receiver.url))
    assert failed.value.after == 120


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Mon, 23 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("99999999999999999999", 86400.0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", 86400.0),
        ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", None),
        ("Sun, 06 Nov 2094 08:49:37 +99999999999999999999", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(header: str, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 11, 23, 12, tzinfo=UTC)) == seconds


async def test_redirects_are_not_followed(inside: Webhook, receiver: Receiver) -> None:
    receiver.says(302, Location=receiver.url)
    with pytest.raises(AttemptFailed, match="answered 302 Found"):
        await inside.handle(job(url=receiver.url))
    assert len(receiver.got) == 1


async def test_of_a_long_answer_the_beginning_is_kept_and_the_rest_not_read(
    inside: Webhook, receiver: Receiver
) -> None:
    cut = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"\0wow" * 4096)
        except ConnectionError:
            cut.set()
        return response

    receiver.answer = answer
    result = await inside.handle(job(url=receiver.url))
    assert result == {"status": 200, "body": "wow" * 256}
    await cut.wait()


async def test_who_closes_the_door_is_tried_again(inside: Webhook, receiver: Receiver) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    receiver.answer = answer
    with pytest.raises(AttemptFailed, match=r"127.0.0.1 could not be reached") as failed:
        await inside.handle(job(url=receiver.url))
    assert type(failed.value) is AttemptFailed


async def test_nobody_there_is_tried_again(inside: Webhook, receiver: Receiver) -> None:
    with pytest.raises(AttemptFailed, match=r"could not be reached") as failed:
        await inside.handle(job(url="http://127.0.0.1:1/"))
    assert type(failed.value) is AttemptFailed


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "localhost", "LOCALHOST"),  # noqa: S104  # the ways to write this machine
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[64:ff9b::7f00:1]"),
        *("169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.100.100.200", "224.0.0.1", "[fe80::1]"),
        *("①②⑦.0.0.1", "127。0。0。1"),
    ],
)
async def test_addresses_of_ones_own_network_are_refused(receiver: Receiver, host: str) -> None:
    async with webhook(allow_private=False) as it:
        with pytest.raises(GiveUp, match=r"payload.url: .* (the address is not one of the public|is not a canonical)"):
            await it.handle(job(url=f"http://{host}:{receiver.port}/"))
    assert not receiver.got


class _Liar(AbstractResolver):
    """DNS in which a name first leads to a public address, and later to this machine."""

    def __init__(self, *addresses: str) -> None:
        self.asked = 0
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        address = self._addresses[min(self.asked, len(self._addresses) - 1)]
        self.asked += 1
        return [ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_into_ones_own_network_is_refused_whatever_it_said_before(
    receiver: Receiver, outside_session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = Webhook(outside_session, SECRETS)
    for addresses in (("127.0.0.1",), ("8.8.8.8", "127.0.0.1")):
        names = _Liar(*addresses)
        monkeypatch.setattr(outside_session.connector, "_resolver", names)
        for _ in addresses[1:]:
            await names.resolve("hooks.example.com")  # somebody looked, and found it public
        with pytest.raises(GiveUp, match=r"hooks.example.com can't be called"):
            await it.handle(job(url=f"http://hooks.example.com:{receiver.port}/"))
    assert not receiver.got


async def test_a_refusal_does_not_tell_what_a_name_leads_to(
    outside_session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_session.connector, "_resolver", _Liar("10.11.12.13"))
    with pytest.raises(GiveUp) as refused:
        await Webhook(outside_session, SECRETS).handle(job(url="http://db.internal/"))
    assert "10.11.12.13" not in str(refused.value)
