"""The HTTP server under the app: connections, what isn't even HTTP, and a tidy end."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from chassis.errors import MalformedMessage
from chassis.run import CannotStart
from gatewaysvc.app import App
from gatewaysvc.exchange import NAME
from gatewaysvc.https import Https
from gatewaysvc.problems import problem
from gatewaysvc.request_body import MOST_BYTES

_BACKLOG: Final = 1024
_KEEP_ALIVE: Final = 75.0


class HttpServer:
    """Serves the app once started, until drained."""

    def __init__(self, app: App, *, host: str, port: int, https: Https | None = None) -> None:
        self._app = app
        self._https = https
        self._host = host
        self._port = port
        self._server = _Server(app.handle, handler_cancellation=True, access_log=None, keepalive_timeout=_KEEP_ALIVE)
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
    """A client's connection."""

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
