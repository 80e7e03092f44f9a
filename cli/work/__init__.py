"""The SDK's workers: `Worker` does the tasks of queues with Python functions. docs/workers.md tells how."""

from cli.work.job import AttemptFailed, GiveUp, Job, JobCancelled, RetryLater, Snooze
from cli.work.worker import Worker

__all__ = ["AttemptFailed", "GiveUp", "Job", "JobCancelled", "RetryLater", "Snooze", "Worker"]
