"""WebhookService over gRPC: reads the request, asks the store, answers. Errors raise."""

from typing import Final
from uuid import UUID

from aiohttp import ClientSession
from google.protobuf.empty_pb2 import Empty
from taskbell.events.v1.events_pb2 import Event
from taskbell.webhooks.v1 import webhooks_pb2 as pb
from taskbell.webhooks.v1.webhooks_pb2_grpc import WebhookServiceServicer
from uuid_utils.compat import uuid7

from chassis import pages
from chassis.caller import caller
from chassis.interceptors import Context
from chassis.outgoing import NotAnswered, http_url, post
from chassis.positions import of_type
from chassis.postgres import Executor
from chassis.replays import Replays
from chassis.update_mask import fields_to_change
from chassis.webhook_secrets import WebhookSecrets
from notifysvc.membership import require_owner
from notifysvc.webhook_from_pb import CHANGEABLE, draft_of, read_fields
from notifysvc.webhook_message import TEST, Target, headers_of, message_of, secret_name
from notifysvc.webhook_sender import WebhookSender
from notifysvc.webhook_store import Webhook, WebhookStore
from notifysvc.webhook_to_pb import delivery_to_pb, webhook_to_pb

_TEST_PATIENCE: Final = 8.0
"""Seconds: the caller waits."""


class WebhookServicer(WebhookServiceServicer):
    """Webhooks of projects, for their owners."""

    def __init__(
        self,
        webhooks: WebhookStore,
        sender: WebhookSender,
        secrets: WebhookSecrets,
        session: ClientSession,
        replays: Replays,
        *,
        allow_private: bool,
    ) -> None:
        self._webhooks = webhooks
        self._sender = sender
        self._secrets = secrets
        self._session = session
        self._replays = replays
        self._allow_private = allow_private

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, _context: Context) -> pb.Webhook:
        project_id = require_owner(request.project_id)
        draft = draft_of(request.webhook, allow_private=self._allow_private)

        async def respond(db: Executor) -> pb.Webhook:
            return _with_name_of_secret(await self._webhooks.create(db, project_id, draft))

        return self._with_secret(await self._replays.once("CreateWebhook", request, respond))

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, _context: Context) -> pb.ListWebhooksResponse:
        project_id = require_owner(request.project_id)
        size = pages.page_size(request.page_size)
        after = pages.decode(request.page_token, request, of_type("uuid")) if request.page_token else None
        found = await self._webhooks.page(project_id, after, size + 1)
        answer = pb.ListWebhooksResponse(webhooks=map(webhook_to_pb, found[:size]))
        if len(found) > size:
            answer.next_page_token = pages.encode(answer.webhooks[-1].id, request)
        return answer

    async def GetWebhook(self, request: pb.GetWebhookRequest, _context: Context) -> pb.Webhook:
        return webhook_to_pb(await self._webhooks.get(require_owner(request.project_id), UUID(request.id)))

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, _context: Context) -> pb.Webhook:
        project_id, asked = require_owner(request.project_id), request.webhook
        fields = fields_to_change(request.update_mask, asked, CHANGEABLE)
        values = read_fields(asked, fields, allow_private=self._allow_private)
        webhook = await self._webhooks.update(project_id, UUID(asked.id), asked.etag, **values)
        self._sender.nudge()
        return webhook_to_pb(webhook)

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, _context: Context) -> Empty:
        await self._webhooks.delete(require_owner(request.project_id), UUID(request.id), request.etag)
        return Empty()

    async def RotateSecret(self, request: pb.RotateSecretRequest, _context: Context) -> pb.Webhook:
        project_id = require_owner(request.project_id)

        async def respond(db: Executor) -> pb.Webhook:
            return _with_name_of_secret(await self._webhooks.rotate_secret(db, project_id, UUID(request.id)))

        return self._with_secret(await self._replays.once("RotateSecret", request, respond))

    async def TestWebhook(self, request: pb.TestWebhookRequest, _context: Context) -> pb.TestWebhookResponse:
        project_id = require_owner(request.project_id)
        webhook = await self._webhooks.get(project_id, UUID(request.id))
        event = Event(event_id=str(uuid7()), type=TEST, project_id=str(project_id), actor_id=caller().user_id)
        event.time.GetCurrentTime()
        body = message_of(event)
        target = Target(webhook.id, webhook.secret_number, former_signs=False)
        headers = headers_of(target, event.event_id, body, self._secrets)
        try:
            answer = await post(self._session, http_url(webhook.url), body, headers, patience=_TEST_PATIENCE)
        except NotAnswered as error:
            return pb.TestWebhookResponse(answer=str(error))
        return pb.TestWebhookResponse(delivered=answer.succeeded, status=answer.status, answer=answer.said)

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, _context: Context) -> pb.ListDeliveriesResponse:
        project_id = require_owner(request.project_id)
        webhook = await self._webhooks.get(project_id, UUID(request.webhook_id))
        size = pages.page_size(request.page_size)
        before = pages.decode(request.page_token, request, of_type("uuid")) if request.page_token else None
        found = await self._webhooks.deliveries(webhook, before, request.state, size + 1)
        answer = pb.ListDeliveriesResponse(deliveries=map(delivery_to_pb, found[:size]))
        if len(found) > size:
            answer.next_page_token = pages.encode(answer.deliveries[-1].id, request)
        return answer

    async def RetryDelivery(self, request: pb.RetryDeliveryRequest, _context: Context) -> pb.Delivery:
        project_id = require_owner(request.project_id)
        webhook = await self._webhooks.get(project_id, UUID(request.webhook_id))
        delivery = await self._webhooks.retry(webhook, UUID(request.id))
        self._sender.nudge()
        return delivery_to_pb(delivery)

    def _with_secret(self, answer: pb.Webhook) -> pb.Webhook:
        answer.secret = self._secrets.secret(bytes.fromhex(answer.secret))
        return answer


def _with_name_of_secret(webhook: Webhook) -> pb.Webhook:
    """What is kept for replays: the secret itself is stored nowhere."""
    answer = webhook_to_pb(webhook)
    answer.secret = secret_name(webhook.id, webhook.secret_number).hex()
    return answer
