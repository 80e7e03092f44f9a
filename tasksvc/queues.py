"""Queues over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic

from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceServicer
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.caller import caller
from chassis.errors import ServiceError
from chassis.interceptors import Context, tell_open
from chassis.page_bytes import fitting
from chassis.postgres import Executor
from chassis.race import race
from chassis.replays import Repeatable, Replays
from tasksvc.announcer import Announcer
from tasksvc.answer_from_pb import completed, failed, released
from tasksvc.authentication import Authentication
from tasksvc.cut_offs import CutOffs
from tasksvc.domain.queue import Queue, QueueRef
from tasksvc.heartbeats import Heartbeats
from tasksvc.joint_answers import JointAnswers
from tasksvc.lease_store import Answer, LeaseStore
from tasksvc.leasing import Leasing, Worker
from tasksvc.queue_bell import QueueBell
from tasksvc.queue_figures import QueueFigures
from tasksvc.queue_from_pb import settings_patch
from tasksvc.queue_list import QUEUES
from tasksvc.queue_store import QueueStore
from tasksvc.queue_to_pb import queue_to_pb, settings_etag
from tasksvc.standing import Standing
from tasksvc.task_access import TaskAccess
from tasksvc.task_to_pb import task_to_pb
from tasksvc.usernames import Usernames
from tasksvc.work import WorkStream, read_hello


class QueueServicer(QueueServiceServicer):
    """Queues, and the leases of their tasks. Also a worker, which lets long calls go when the process ends."""

    def __init__(
        self,
        queues: QueueStore,
        figures: QueueFigures,
        leases: LeaseStore,
        leasing: Leasing,
        announcer: Announcer,
        *,
        access: TaskAccess,
        authentication: Authentication,
        usernames: Usernames,
        replays: Replays,
        bell: QueueBell,
        heartbeats: Heartbeats,
    ) -> None:
        self._queues = queues
        self._figures = figures
        self._leases = leases
        self._leasing = leasing
        self._announcer = announcer
        self._answers = JointAnswers(leasing.settle)
        self._access = access
        self._authentication = authentication
        self._usernames = usernames
        self._replays = replays
        self._bell = bell
        self._heartbeats = heartbeats
        self._cut_offs = CutOffs()
        self._leaving = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Tells calls that wait when it is time to go."""
        await stopping.wait()
        self._leaving.set()

    async def LeaseTasks(self, request: pb.LeaseTasksRequest, _context: Context) -> pb.LeaseTasksResponse:
        project = await self._access.editable_project(request.project_id)
        names = dict.fromkeys([request.queue, *request.more_queues])
        worker = Worker(
            name=request.worker or await self._usernames.of(caller().user_id),
            queues=tuple(QueueRef(project, name) for name in names),
            duration=request.lease_duration.ToTimedelta().total_seconds()
            if request.HasField("lease_duration")
            else None,
            streamed=False,
        )
        wait = request.wait.ToTimedelta().total_seconds()
        leases = await self._first(worker, request.max or 1, wait, Standing(self._authentication, project))
        told = fitting(leases)
        await self._leasing.give_back([lease.lease_id for lease in leases[len(told) :]])
        return pb.LeaseTasksResponse(leases=told)

    async def Work(  # type: ignore[override]  # writes its answers itself, as grpc.aio allows
        self, requests: AsyncIterator[pb.WorkRequest], context: Context
    ) -> None:
        await tell_open(context)
        hello = await read_hello(requests)
        project = await self._access.editable_project(hello.project_id)
        queues = tuple(QueueRef(project, name) for name in dict.fromkeys(hello.queues))
        duration = _lease_duration(hello) or await self._queues.lease_duration(queues)
        name = hello.worker or await self._usernames.of(caller().user_id)
        worker = Worker(name, queues, duration, streamed=True)
        stream = WorkStream(
            worker,
            duration,
            leasing=self._leasing,
            leases=self._leases,
            bell=self._bell,
            heartbeats=self._heartbeats,
            cut_offs=self._cut_offs,
            context=context,
        )
        await stream.hold(hello, requests, Standing(self._authentication, project), self._leaving)

    async def ExtendLease(self, request: pb.ExtendLeaseRequest, _context: Context) -> Task:
        projects = await self._access.editable_projects()
        return await self._leasing.extend(request.lease_id.lower(), _lease_duration(request), projects)

    async def CompleteLease(self, request: pb.CompleteLeaseRequest, _context: Context) -> Task:
        return await self._answered("CompleteLease", request, completed(request))

    async def FailLease(self, request: pb.FailLeaseRequest, _context: Context) -> Task:
        return await self._answered("FailLease", request, failed(request))

    async def ReleaseLease(self, request: pb.ReleaseLeaseRequest, _context: Context) -> Task:
        return await self._answered("ReleaseLease", request, released(request))

    async def ReportProgress(self, request: pb.ReportProgressRequest, _context: Context) -> Task:
        return await self._leasing.progress(request, await self._access.editable_projects())

    async def ListQueues(self, request: pb.ListQueuesRequest, _context: Context) -> pb.ListQueuesResponse:
        project = await self._access.visible_project(request.project_id)
        asked = QUEUES.ask(request, caller().user_id, project)
        found = await self._queues.page(project, asked)
        page = found[: asked.size]
        figures = await self._figures.of(page)
        return pb.ListQueuesResponse(
            queues=map(queue_to_pb, page, figures), next_page_token=asked.next_page_token(found, len(page))
        )

    async def GetQueue(self, request: pb.GetQueueRequest, _context: Context) -> pb.Queue:
        project = await self._access.visible_project(request.project_id)
        queue = await self._queues.get(QueueRef(project, request.queue))
        (figures,) = await self._figures.of([queue])
        return queue_to_pb(queue, figures, await self._figures.workers(queue))

    async def UpdateQueue(self, request: pb.UpdateQueueRequest, _context: Context) -> pb.Queue:
        project = await self._access.editable_project(request.project_id or request.queue.project_id)
        wanted = settings_patch(request.queue, request.update_mask)
        ref = QueueRef(project, request.queue.name)

        async def respond(db: Executor) -> pb.Queue:
            return await self._shown(await self._queues.update(db, ref, settings_etag(request.queue.etag), wanted.of))

        queue = await self._replays.once("UpdateQueue", request, respond)
        await self._queues.follow_limits(ref)
        self._bell.ring([ref])
        return queue

    async def PauseQueue(self, request: pb.PauseQueueRequest, _context: Context) -> pb.Queue:
        project = await self._access.editable_project(request.project_id)
        return await self._shown(
            await self._queues.pause(QueueRef(project, request.queue), settings_etag(request.etag))
        )

    async def ResumeQueue(self, request: pb.ResumeQueueRequest, _context: Context) -> pb.Queue:
        project = await self._access.editable_project(request.project_id)
        queue = await self._queues.resume(QueueRef(project, request.queue), settings_etag(request.etag))
        self._bell.ring([queue.ref])
        return await self._shown(queue)

    async def _first(self, worker: Worker, most: int, wait: float, standing: Standing) -> Sequence[pb.Lease]:
        """The leases of the first look that finds something; none if no look does in time."""
        if not wait:
            return await self._leasing.take(worker, most)
        until = monotonic() + wait
        with self._bell.wait_for(worker.queues) as waiter:
            while True:
                leases = await self._leasing.look(worker, most, waiter)
                left = until - monotonic()
                if leases or left <= 0 or self._leaving.is_set():
                    return leases
                try:
                    async with asyncio.timeout(left):
                        await race(waiter.called(), standing.watch(), self._leaving.wait())
                except TimeoutError:
                    return []
                await standing.check()

    async def _answered(self, method: str, request: Repeatable, answer: Answer) -> Task:
        """The one path of every answer."""
        projects = await self._access.editable_projects()
        if not request.request_id:
            return await self._answers.settle(answer, projects)
        woken: set[QueueRef] = set()

        async def respond(db: Executor) -> Task:
            settled = await self._leases.settle(db, [answer], projects=projects)
            woken.update(settled.woken)
            (task,) = settled.tasks
            if isinstance(task, ServiceError):
                raise task
            return task_to_pb(task)

        task = await self._replays.once(method, request, respond)
        await self._announcer.announce_work([task], woken)
        return task

    async def _shown(self, queue: Queue) -> pb.Queue:
        (figures,) = await self._figures.of([queue])
        return queue_to_pb(queue, figures)


def _lease_duration(request: pb.LeaseTasksRequest | pb.ExtendLeaseRequest | pb.WorkHello) -> float | None:
    """In seconds; None if it is left to the queue."""
    return request.lease_duration.ToTimedelta().total_seconds() if request.HasField("lease_duration") else None
