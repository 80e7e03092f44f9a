"""A bare grpc.aio server whose streams tell each event in a message of its own, as generated code does.

And one whose conversations say nothing: what a stream costs that nobody writes to.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop
from taskbell.events.v1.events_pb2 import Event

from bench.sample import sample

WATCH, BURST, CONVERSE = "/bench.Plain/Watch", "/bench.Plain/Burst", "/bench.Plain/Converse"


class Plain(grpc.GenericRpcHandler):
    """Everybody who watches gets everything."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The three methods."""
        watch: Any = self._watch
        burst: Any = self._burst
        converse: Any = self._converse
        if handler_call_details.method == CONVERSE:
            return grpc.stream_stream_rpc_method_handler(converse)
        if handler_call_details.method == WATCH:
            return grpc.unary_stream_rpc_method_handler(watch, response_serializer=Event.SerializeToString)
        return grpc.unary_unary_rpc_method_handler(burst)

    async def _watch(self, _request: bytes, context: Any) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues.add(queue)
        await context.send_initial_metadata(())
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def _converse(self, requests: AsyncIterator[bytes], context: Any) -> None:
        await context.send_initial_metadata(())
        await context.write(b"welcome")
        async for _ in requests:
            await context.write(b"done")

    async def _burst(self, count: bytes, _context: Any) -> bytes:
        for number in range(int(count)):
            event = sample(number)
            for queue in self._queues:
                queue.put_nowait(event)
        return b""


async def main() -> None:
    """Prints its port, and serves."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Plain(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    uvloop.run(main())
