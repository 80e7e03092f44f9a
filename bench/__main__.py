"""`make bench`: every figure that the README names, on a stack of its own; `make bench ARGS='calls memory'`: some."""

import argparse
import asyncio
import os
import platform

from bench import calls, connections, delivery, fan_out, gateway, ledger, many, memory, queue, report
from bench.load import require_h2load
from bench.stage import stage

CASES = {
    "memory": memory.idle,
    "calls": calls.get_task,
    "create": calls.create,
    "gateway": gateway.rest,
    "delivery": delivery.commit_to_stream,
    "fan-out": fan_out.fan_out,
    "resume": fan_out.resume,
    "connections": connections.idle,
    "subscribers": many.subscribers,
    "ledger": ledger.looks,
    "queue": queue.beside_others,
    "queue-at-scale": queue.at_scale,
}


async def run(names: list[str]) -> None:
    """Each case on the same stack, one after the other."""
    async with stage() as ready:
        for name in names:
            report.show(await CASES[name](ready))


def main() -> None:
    """Does what the command line asks."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("case", nargs="*", choices=[*CASES, []], help="which; all if none is named")
    names = parser.parse_args().case or list(CASES)
    require_h2load()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    asyncio.run(run(names))


if __name__ == "__main__":
    main()
