"""Queues."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cli.sdk import queues
from cli.views.text import clock, fields, length, listing, safe


class QueueView:
    """Queues."""

    def card(self, queue: queues.Queue, /) -> Table:
        """All of a queue."""
        depth = queue.depth or queues.QueueDepth()
        oldest = f" (the oldest for {length(queue.oldest_waiting_age)})" if queue.oldest_waiting_age else ""
        return fields(
            [
                ("Queue", queue.name),
                ("Project", queue.project_id),
                ("Paused", Text(clock(queue.pause_time), style="yellow")),
                ("Waiting", f"{depth.waiting:,}{oldest}"),
                ("Scheduled", f"{depth.scheduled:,}" if depth.scheduled else ""),
                ("Blocked", f"{depth.blocked:,}" if depth.blocked else ""),
                ("Running", f"{depth.running:,}"),
                ("Completed", f"{depth.completed:,}"),
                ("Failed", Text(f"{depth.failed:,}", style="bold red" if depth.failed else "")),
                ("Cancelled", f"{depth.cancelled:,}" if depth.cancelled else ""),
                ("Throughput", f"{queue.throughput:,.1f} a minute"),
                ("Max concurrency", _most(queue.max_concurrency)),
                ("Max per key", _most(queue.max_concurrency_per_key)),
                ("Rate", _rate(queue.rate_limit)),
                ("Max attempts", str(queue.default_max_attempts)),
                ("Backoff", _backoff(queue.backoff)),
                ("Lease", length(queue.default_lease_duration)),
                ("Kept", f"{length(queue.retention)} after the end" if queue.retention else "for ever"),
                ("Created", clock(queue.create_time)),
                ("Changed", clock(queue.update_time)),
                ("Workers", "\n".join(map(_worker, queue.workers))),
            ]
        )

    def table(self, shown: Sequence[queues.Queue], /) -> Table:
        """A line a queue."""
        table = listing("QUEUE", "STATE", "WAITING", "OLDEST", "SCHEDULED", "BLOCKED", "RUNNING", "FAILED", "A MINUTE")
        for queue in shown:
            depth = queue.depth or queues.QueueDepth()
            table.add_row(
                Text(safe(queue.name)),
                Text("PAUSED", style="yellow") if queue.pause_time else "OPEN",
                f"{depth.waiting:,}",
                length(queue.oldest_waiting_age),
                f"{depth.scheduled:,}",
                f"{depth.blocked:,}",
                Text(f"{depth.running:,}", style="cyan" if depth.running else ""),
                Text(f"{depth.failed:,}", style="bold red" if depth.failed else ""),
                f"{queue.throughput:,.1f}",
            )
        return table


def _most(number: int) -> str:
    return f"{number:,}" if number else "any number"


def _rate(limit: queues.RateLimit | None) -> str:
    return f"{limit.tasks:,} in {length(limit.period)}" if limit else "as fast as they come"


def _backoff(backoff: queues.Backoff | None) -> str:
    return f"{length(backoff.initial)}, doubling to {length(backoff.max)}" if backoff else ""


def _worker(worker: queues.Worker) -> str:
    return f"{safe(worker.name)}  {worker.leases} running, seen {clock(worker.seen_time, seconds=True)}"
