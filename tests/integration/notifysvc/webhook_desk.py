"""What an owner asks of webhooks, over gRPC."""

import asyncio
from typing import Any

import grpc.aio
from taskbell.webhooks.v1 import webhooks_pb2 as pb
from taskbell.webhooks.v1.webhooks_pb2_grpc import WebhookServiceStub

from chassis.errors import ServiceError, from_rpc_error
from tests.integration.notifysvc.peer import Person


class Desk:
    """One person's calls about one project."""

    def __init__(self, channel: grpc.aio.Channel, person: Person, project: str) -> None:
        self._stub: Any = WebhookServiceStub(channel)
        self.person = person
        self._metadata = person.metadata
        self.project = project

    async def call(self, method: str, **request: Any) -> Any:
        """Raises ServiceError."""
        call = getattr(self._stub, method)
        kind = getattr(pb, f"{method}Request")
        try:
            return await call(kind(project_id=self.project, **request), metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def refused(self, method: str, **request: Any) -> ServiceError:
        try:
            answer = await self.call(method, **request)
        except ServiceError as error:
            return error
        raise AssertionError(f"{method} was not refused: {answer}")

    async def create(self, url: str, **more: Any) -> pb.Webhook:
        made: pb.Webhook = await self.call("CreateWebhook", webhook=pb.Webhook(url=url, **more))
        return made

    async def get(self, webhook: pb.Webhook) -> pb.Webhook:
        found: pb.Webhook = await self.call("GetWebhook", id=webhook.id)
        return found

    async def deliveries(self, webhook: pb.Webhook, **more: Any) -> list[pb.Delivery]:
        return list((await self.call("ListDeliveries", webhook_id=webhook.id, **more)).deliveries)

    async def delivery(self, webhook: pb.Webhook, state: "pb.Delivery.State.ValueType", attempts: int) -> pb.Delivery:
        """The webhook's only delivery, once it is so far."""
        async with asyncio.timeout(60):
            while True:
                for delivery in await self.deliveries(webhook):
                    if (delivery.state, delivery.attempts) == (state, attempts):
                        return delivery
                await asyncio.sleep(0.05)  # another process writes it
