"""What happens around every request: one pass from the connection to the route and back.

Opened: request id. Routed. Counted against the limits. Answered by the route's handler. What a handler raises becomes
a status in JSON; how it ended is counted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from json import dumps
from typing import Final

import grpc.aio
import structlog
from aiohttp.web import BaseRequest, Response, StreamResponse
from taskbell.access.v1.access_pb2 import access
from taskbell.events.v1.events_pb2 import Event

from chassis.caller import as_call
from chassis.errors import Internal, InvalidField, MethodNotAllowed, RouteNotFound, ServiceError
from chassis.interceptors import Span, untraced
from chassis.proxies import Networks
from gatewaysvc import api_docs, unsubscribe
from gatewaysvc.client_address import client_address
from gatewaysvc.client_stream import ClientStream
from gatewaysvc.compression import compressed
from gatewaysvc.cors import Cors
from gatewaysvc.crowd import Crowd
from gatewaysvc.event_stream import EventStream
from gatewaysvc.exchange import Exchange, opened, read_credentials
from gatewaysvc.http_metrics import HttpMetrics
from gatewaysvc.introduction import Introduction
from gatewaysvc.openapi import openapi
from gatewaysvc.page import Page
from gatewaysvc.path_template import BadEscape
from gatewaysvc.problems import JSON, problem
from gatewaysvc.rate_limits import Handler, RateLimits
from gatewaysvc.readiness import Readiness
from gatewaysvc.routes import WEBSOCKET, Match, Route, RouteTable
from gatewaysvc.server_stream import ServerStream
from gatewaysvc.services import SERVICES, Upstream
from gatewaysvc.unary import Unary
from gatewaysvc.unsubscribe import Unsubscribe
from gatewaysvc.websocket import Conversations

_SERVER_ERROR: Final = 500
_log = structlog.get_logger()


class App:
    """The HTTP front of all services."""

    def __init__(
        self,
        channels: Mapping[str, grpc.aio.Channel],
        *,
        services: Sequence[Upstream] = SERVICES,
        cors_origins: str = "",
        rate_limits: RateLimits | None = None,
        streams: Crowd | None = None,
        proxies: Networks = (),
        introduction: Introduction | None = None,
        span: Span = untraced,
    ) -> None:
        self._cors = Cors(cors_origins)
        self._limits = rate_limits
        self._streams = streams or Crowd()
        self._proxies = proxies
        self._introduction = introduction
        self._span = span
        self._leaving = asyncio.Event()
        self._conversations: list[Conversations] = []
        self._metrics = HttpMetrics()
        self._readiness = Readiness(channels)
        self._page = Page()
        self._unsubscribe = Unsubscribe(channels["notifysvc"]) if "notifysvc" in channels else None
        self._table = RouteTable(service.descriptor for service in services)
        processes = {service.descriptor.full_name: service.process for service in services}
        self._handlers: dict[Route, Handler] = {
            route: self._handler(route, channels[processes[route.method.containing_service.full_name]])
            for route in self._table.routes
        }
        self._pages: Mapping[str, Callable[[Exchange], Awaitable[StreamResponse]]] = {
            "/healthz": self._alive,
            "/readyz": self._ready,
            "/openapi.json": self._describe,
            **dict.fromkeys(api_docs.PATHS, api_docs.api_docs),
        }
        self._document = dumps(openapi(self._table.routes)).encode()

    def leave(self) -> None:
        """Ends every stream, telling its client to connect again; other requests go on."""
        self._leaving.set()
        for each in self._conversations:
            each.leave()

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answers a request, whatever happens."""
        started = time.perf_counter()
        exchange = opened(request)
        status = 499
        with as_call(exchange.call), self._metrics.in_flight():
            try:
                answer = await self._answer(exchange)
                status = answer.status
                return answer
            finally:
                seconds = time.perf_counter() - started
                self._metrics.record(exchange.route, request.method, status, seconds)
                _log.debug("answered", route=exchange.route, method=request.method, status=status, seconds=seconds)

    async def _answer(self, exchange: Exchange) -> StreamResponse:
        try:
            self._cors.apply(exchange)
            return await compressed(exchange, await self._routed(exchange))
        except ServiceError as error:
            return problem(error, exchange.headers)
        except BadEscape as bad:
            told = InvalidField.named("path", str(bad), "must be percent-encoded UTF-8")
            return problem(told, exchange.headers)
        except ConnectionError:
            raise  # the client has gone: nobody is left to be told
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told by a status
            _log.error("request failed", route=exchange.route, exc_info=error)
            return problem(
                Internal("Something went wrong on our side; our log tells more under the request id."), exchange.headers
            )

    async def _routed(self, exchange: Exchange) -> StreamResponse:
        request = exchange.request
        path = request.rel_url.raw_path
        page = self._pages.get(path)
        if page is not None:
            exchange.route = path
            _only_read(exchange)
            exchange.everybodys = True
            return await page(exchange)
        if (file := self._page.route(path)) is not None:
            exchange.route = file
            _only_read(exchange)
            exchange.everybodys = True
            return self._page.answer(exchange)
        if path == unsubscribe.PATH and self._unsubscribe is not None:
            exchange.route = path
            await self._count(exchange, request.method)
            return await self._unsubscribe.answer(exchange)
        if request.method == "OPTIONS":
            return self._options(exchange, path)
        match = self._match(request, path)
        route = match.route
        exchange.route = route.template.text
        read_credentials(exchange)
        await self._count(exchange, route.http_method)
        with self._span(f"{request.method} {exchange.route}", exchange.call):
            return await self._handlers[route](exchange, match)

    async def _count(self, exchange: Exchange, http_method: str) -> None:
        if self._limits is not None:
            await self._limits.take(exchange, (http_method, exchange.route))

    def _match(self, request: BaseRequest, path: str) -> Match:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            try:
                return self._table.match(WEBSOCKET, path)
            except (MethodNotAllowed, RouteNotFound):
                pass  # the path has no conversation: an upgrade may be declined by answering the plain request
        return self._table.match(request.method, path)

    def _options(self, exchange: Exchange, path: str) -> Response:
        allowed = self._table.allowed(path)
        self._cors.apply_preflight(exchange, allowed)
        return Response(status=204, headers={**exchange.headers, "Allow": allowed})

    def _handler(self, route: Route, channel: grpc.aio.Channel) -> Handler:
        if route.http_method == WEBSOCKET:
            conversations = Conversations(route, channel)
            self._conversations.append(conversations)
            return self._counted(conversations.answer)
        if route.streams:
            kind = EventStream if route.method.output_type is Event.DESCRIPTOR else ServerStream
            return self._counted(kind(route, channel, self._leaving).answer)
        if route.method.client_streaming:
            handler: Handler = ClientStream(route, channel).answer
        else:
            handler = Unary(route, channel, self._introduction).answer
        if self._limits is None or route.method.GetOptions().Extensions[access].anonymous:
            return handler
        return self._limits.watched(handler)

    def _counted(self, handler: Handler) -> Handler:
        """The handler of streams, of which an address may have only so many at a time."""

        async def answer(exchange: Exchange, match: Match) -> StreamResponse:
            with self._streams.inside(client_address(exchange.request, self._proxies)):
                return await handler(exchange, match)

        return answer

    async def _describe(self, exchange: Exchange) -> Response:
        return Response(body=self._document, headers=exchange.headers, content_type=JSON)

    async def _alive(self, exchange: Exchange) -> Response:
        return _json({"status": "ok"}, 200, exchange)

    async def _ready(self, exchange: Exchange) -> Response:
        states = await self._readiness.report()
        ready = not self._leaving.is_set() and all(state == "SERVING" for state in states.values())
        return _json({"status": "ok" if ready else "unavailable", "services": states}, 200 if ready else 503, exchange)


def _only_read(exchange: Exchange) -> None:
    if exchange.request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(f"{exchange.route} takes GET, HEAD.", metadata={"allow": "GET, HEAD"})


def _json(value: Mapping[str, object], status: int, exchange: Exchange) -> Response:
    headers = {**exchange.headers, "Cache-Control": "no-store"}
    return Response(status=status, body=dumps(value).encode(), headers=headers, content_type=JSON)
