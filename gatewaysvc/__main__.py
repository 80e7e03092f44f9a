"""`python -m gatewaysvc`: serves HTTP until told to stop."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis import redis_link
from chassis.grpc_client import channel
from chassis.proxies import networks
from chassis.run import Worker, launch, run
from chassis.shared_buckets import SCRIPTS, SharedBuckets
from chassis.tls_settings import service_tls, watched
from chassis.tracing import http_attributes, server_span
from gatewaysvc.app import App
from gatewaysvc.callers import Callers
from gatewaysvc.crowd import Crowd
from gatewaysvc.http_server import HttpServer
from gatewaysvc.introduction import Introduction
from gatewaysvc.rate_limits import RateLimits
from gatewaysvc.settings import Settings

_USAGE = "usage: gatewaysvc [serve]\n"


async def serve(settings: Settings) -> None:
    """Puts the gateway together, and runs it."""
    tls = service_tls(settings, "client")
    proxies = networks(settings.trusted_proxies)
    async with AsyncExitStack() as stack:
        channels = {
            "tasksvc": await stack.enter_async_context(channel(settings.tasks_address, tls=tls)),
            "notifysvc": await stack.enter_async_context(channel(settings.notify_address, tls=tls)),
        }
        limits = None
        workers: list[Worker] = []
        if settings.rate_limits == "on":
            buckets = await stack.enter_async_context(_shared_buckets(settings))
            callers = Callers(channels["tasksvc"])
            limits = RateLimits(callers, proxies, buckets)
            workers.append(callers)
        app = App(
            channels,
            cors_origins=settings.cors_origins,
            rate_limits=limits,
            streams=Crowd(settings.max_connections, settings.max_connections_per_address),
            proxies=proxies,
            introduction=Introduction(settings.service_key.get_secret_value(), proxies),
            span=server_span(http_attributes),
        )
        https = settings.https()
        if https is not None:
            watched(https.tls, "server")
        server = HttpServer(
            app,
            host=settings.host,
            port=settings.http_port,
            https=https,
            crowd=Crowd(settings.max_connections, settings.max_connections_per_address),
            proxies=proxies,
        )
        await run(server, *workers, settings=settings)


@asynccontextmanager
async def _shared_buckets(settings: Settings) -> AsyncIterator[SharedBuckets]:
    """Those in Redis, if there is one."""
    if settings.redis_url is None:
        yield SharedBuckets()
        return
    async with redis_link.connect(settings.redis_url, SCRIPTS) as redis:
        yield SharedBuckets(redis)


def main() -> None:
    """The console script."""
    if sys.argv[1:] not in ([], ["serve"]):
        sys.stderr.write(_USAGE)
        sys.exit(2)
    launch(Settings, serve)


if __name__ == "__main__":
    main()
