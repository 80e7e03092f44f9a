"""A queue, its figures and its workers as callers get them."""

from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from taskbell.queues.v1 import queues_pb2 as pb

from chassis.etag import etag
from tasksvc.domain.queue import Queue
from tasksvc.queue_figures import Figures, SeenWorker
from tasksvc.task_to_pb import time_to_pb


def queue_to_pb(queue: Queue, figures: Figures, workers: Sequence[SeenWorker] = ()) -> pb.Queue:
    """The message; settings that were never made have the values that are used."""
    settings = queue.settings
    message = pb.Queue(
        project_id=queue.ref.project_id,
        name=queue.ref.name,
        max_concurrency=settings.max_concurrency,
        max_concurrency_per_key=settings.max_concurrency_per_key,
        default_max_attempts=settings.default_max_attempts,
        backoff=pb.Backoff(
            initial=seconds_to_pb(settings.backoff_initial),
            max=seconds_to_pb(settings.backoff_max),
        ),
        default_lease_duration=seconds_to_pb(settings.default_lease_duration),
        depth=pb.QueueDepth(
            waiting=figures.waiting,
            scheduled=figures.scheduled,
            blocked=figures.blocked,
            running=figures.running,
            completed=figures.completed,
            failed=figures.failed,
            cancelled=figures.cancelled,
        ),
        throughput=figures.throughput,
        workers=map(_worker_to_pb, workers),
        create_time=time_to_pb(queue.create_time),
        update_time=time_to_pb(queue.update_time),
    )
    if settings.rate_tasks:
        message.rate_limit.tasks = settings.rate_tasks
        message.rate_limit.period.CopyFrom(seconds_to_pb(settings.rate_period))
    if settings.retention is not None:
        message.retention.CopyFrom(seconds_to_pb(settings.retention))
    if queue.pause_time is not None:
        message.pause_time.CopyFrom(time_to_pb(queue.pause_time))
    if figures.waiting:
        message.oldest_waiting_age.CopyFrom(seconds_to_pb(figures.oldest_waiting_age))
    message.etag = f"{queue.settings_etag}.{_contents_etag(queue, message)}"
    return message


def _contents_etag(queue: Queue, message: pb.Queue) -> str:
    """Of what is in the queue, without the figures that change while nothing happens: ages and rates."""
    workers = [(worker.name, worker.leases) for worker in message.workers]
    return etag(queue.pause_time, message.depth.SerializeToString(deterministic=True), workers)


def settings_etag(etag: str) -> str:
    """The part of a queue's etag that tells of its settings; what is in the queue is told by the other one."""
    return etag.partition(".")[0]


def seconds_to_pb(seconds: float) -> Duration:
    """The same, to the microsecond."""
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def _worker_to_pb(worker: SeenWorker) -> pb.Worker:
    message = pb.Worker(name=worker.name, leases=worker.leases)
    if worker.seen_time is not None:
        message.seen_time.CopyFrom(time_to_pb(worker.seen_time))
    return message
