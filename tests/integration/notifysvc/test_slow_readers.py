"""Readers that don't keep up."""

import asyncio
import time

import aiohttp
import grpc.aio
from taskbell.notifications.v1 import notifications_pb2 as pb

from devstack.ports import HOST
from devstack.process import Process
from tests.integration.notifysvc.conftest import Watch
from tests.integration.notifysvc.listening import Watching, ids
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.publisher import Publisher

EVENTS = 1500
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024))
"""Little is read ahead by gRPC itself."""


async def overtaken(notifysvc: Process) -> float:
    """How often a subscriber of this replica lost its buffer."""
    url = f"http://{HOST}:{notifysvc.environment['TASKBELL_METRICS_PORT']}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        lines = (await response.text()).splitlines()
    (value,) = [line.split()[-1] for line in lines if line.startswith("taskbell_feed_overtaken_total")]
    return float(value)


async def test_a_slow_reader_gets_everything_in_order_and_holds_up_nobody(
    notifysvc: Process, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    text = "x" * 8000
    async with (
        grpc.aio.insecure_channel(notifysvc.address, options=NARROW) as channel,
        Watching(channel, person, pb.WatchRequest(project=project)) as slow,
        watch(person, project=project) as fast,
    ):
        told = []
        for _ in range(EVENTS // 50):
            told += await asyncio.gather(*(publisher.task(project, description=text) for _ in range(50)))
        begun = time.monotonic()
        heard = ids(await fast.take(EVENTS))
        assert sorted(heard) == sorted(ids(told))
        assert time.monotonic() - begun < 10
        assert await overtaken(notifysvc) >= 1
        assert ids(await slow.take(EVENTS)) == heard
        last = await publisher.task(project)
        assert ids([await slow.next()]) == [last.event_id]
