"""The HTTP server under the app: connections, what isn't even HTTP, and a tidy end."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from chassis.errors import MalformedMessage, RequestTooSlow, ServiceError
from chassis.proxies import Networks, within
from chassis.run import CannotStart
from gatewaysvc.app import App
from gatewaysvc.crowd import Crowd
from gatewaysvc.exchange import NAME
from gatewaysvc.https import Https
from gatewaysvc.problems import problem
from gatewaysvc.request_body import MOST_BYTES

HEAD_PATIENCE: Final = 10.0
"""Seconds from a head's first byte to its last."""
_BACKLOG: Final = 1024
KEEP_ALIVE: Final = 75.0
"""Seconds for which a connection may be silent before a request."""


class HttpServer:
    """Serves the app once started, until drained."""

    def __init__(
        self,
        app: App,
        *,
        host: str,
        port: int,
        https: Https | None = None,
        crowd: Crowd | None = None,
        proxies: Networks = (),
    ) -> None:
        self._app = app
        self._https = https
        self._host = host
        self._port = port
        self._server = _Server(
            app.handle,
            crowd or Crowd(),
            proxies,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
        )
        self._runner = web.ServerRunner(self._server)

    @property
    def port(self) -> int:
        """The port; after `start` the real one, if a free one was asked for."""
        return self._port

    @property
    def listening(self) -> Mapping[str, str]:
        """Where clients find it."""
        return {"https" if self._https else "http": f"{self._host}:{self._port}"}

    async def start(self) -> None:
        """Takes requests from now on. Raises CannotStart if the port is taken."""
        await self._runner.setup()
        try:
            context = self._https.context if self._https else None
            await web.TCPSite(self._runner, self._host, self._port, backlog=_BACKLOG, ssl_context=context).start()
        except OSError as error:
            raise CannotStart(f"can't listen on {self._host}:{self._port}: {error.strerror}") from error
        address: Any = self._runner.addresses[0]
        self._port = address[1]

    async def drain(self, grace: float) -> None:
        """Takes no new connections from now on, ends streams, and lets requests finish within `grace` seconds."""
        for site in list(self._runner.sites):
            await site.stop()
        self._app.leave()
        # Requests that have arrived begin before idle connections are closed.
        await asyncio.sleep(0)
        self._server.pre_shutdown()
        await self._server.shutdown(grace)
        await self._runner.cleanup()


class _Server(web.Server):
    """Makes connections that tell of broken HTTP in JSON, and requests that may be as large as we take."""

    def __init__(self, handler: Any, crowd: Crowd, proxies: Networks, **options: Any) -> None:
        super().__init__(handler, **options)
        self.crowd = crowd
        self.proxies = proxies

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop, client_max_size=MOST_BYTES)


class _Connection(RequestHandler):
    """A client's connection: one of as many as there may be, that brings its requests' heads in time."""

    __slots__ = ("_address", "_crowd", "_hurried", "_impatience", "_inside", "_proxies")

    def __init__(self, manager: _Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._crowd = manager.crowd
        self._proxies = manager.proxies
        self._address: str | None = None
        self._inside = False
        self._impatience: asyncio.TimerHandle | None = None
        self._hurried = False
        """Whether a head has begun, and its end is waited for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets it in, if there is room."""
        super().connection_made(transport)
        address = str((transport.get_extra_info("peername") or ("",))[0])
        # A proxy of ours connects for many, whose streams are counted by the app.
        self._address = None if within(address, self._proxies) else address
        try:
            self._crowd.enter(self._address)
        except ServiceError as error:
            self._refuse(error)
            return
        self._inside = True
        # aiohttp looks after silent connections only once there was a request.
        self._impatience = asyncio.get_running_loop().call_later(KEEP_ALIVE, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Makes room for another."""
        if self._inside:
            self._inside = False
            self._crowd.leave(self._address)
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Waits for a head that has begun, but not for ever."""
        before = self._request_count
        super().data_received(data)
        if self._request_count > before:
            self._calm()
        elif not self._hurried and self._waits_for_a_head():
            self._calm()
            self._hurried = True
            told = RequestTooSlow(f"The request's head didn't arrive within {HEAD_PATIENCE:g} seconds.")
            self._impatience = asyncio.get_running_loop().call_later(HEAD_PATIENCE, self._refuse, told)

    def _waits_for_a_head(self) -> bool:
        return self._current_request is None and not self._messages and not self._upgraded

    def _calm(self) -> None:
        self._hurried = False
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _refuse(self, error: ServiceError) -> None:
        """Tells what is the matter, and hangs up."""
        self._calm()
        if self.transport is not None:
            self.transport.write(_raw(problem(error, {"Server": NAME, "Connection": "close"})))
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what the parser couldn't read; everything else is the app's."""
        if request.writer.output_size > 0 or status >= 500:  # noqa: PLR2004 - a server error
            return super().handle_error(request, status, exc, message)
        told = (message or "").split("\n", 1)[0].strip(" :")
        answer = problem(MalformedMessage(f"The request is no HTTP that we read: {told}."), {"Server": NAME})
        answer.force_close()
        return answer


def _raw(answer: web.Response) -> bytes:
    """An answer for a connection that nobody reads requests from."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    answer.headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/1.1 {answer.status} {answer.reason}\r\n{head}\r\n".encode() + body
