"""What each service holds in memory while nothing happens."""

from bench.load import resident_mib
from bench.report import Row
from bench.stage import Stage

MOST = 90.0  # MiB, the aim


async def idle(stage: Stage) -> list[Row]:
    """The proportional set size of each service, just started."""
    processes = {
        "tasksvc": stage.stack.tasksvc,
        "notifysvc": stage.stack.notifysvc,
        "gatewaysvc": stage.stack.gatewaysvc,
    }
    return [
        Row("memory", f"{name}, idle", resident_mib(process.pid), "MiB", note=f"aim < {MOST:g} MiB")
        for name, process in processes.items()
    ]
