"""Tasks over gRPC."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from taskbell.tasks.v1 import tasks_pb2 as pb
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceServicer

from chassis import pages
from chassis.aip132 import newest_first
from chassis.aip160 import parse
from chassis.aip160.sql import Parameters
from chassis.caller import caller
from chassis.errors import Conflict, InvalidField
from chassis.etag import check_etag
from chassis.interceptors import Context
from chassis.joint_reads import JointReads
from chassis.page_bytes import fitting
from chassis.positions import of_type
from chassis.postgres import Executor, Pool
from chassis.replays import Repeatable, Replays
from tasksvc.announcer import Announcer
from tasksvc.cache import TaskCache
from tasksvc.domain.change import Change, create, delete, not_found, restore
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Task
from tasksvc.domain.transitions import Action, transition
from tasksvc.places import at
from tasksvc.search import TaskSearch, read_position, tell_position
from tasksvc.search_query import read_query
from tasksvc.task_access import TaskAccess
from tasksvc.task_filter import FIELDS, condition
from tasksvc.task_from_pb import Patch, new_task, patch
from tasksvc.task_order import SORTABLE
from tasksvc.task_store import Decide, Edit, TaskStore
from tasksvc.task_to_pb import change_to_pb, task_etag, task_to_pb

_Batch = TypeVar("_Batch", pb.BatchCreateTasksResponse, pb.BatchUpdateTasksResponse, pb.BatchDeleteTasksResponse)


class _Asked(NamedTuple):
    """One item of a batch of changes."""

    place: str
    task_id: str
    etag: str
    decide: Decide


class TaskServicer(TaskServiceServicer):
    """Tasks: reads the request, asks the domain and the store, answers."""

    def __init__(
        self,
        pool: Pool,
        access: TaskAccess,
        cache: TaskCache,
        replays: Replays,
        announcer: Announcer,
    ) -> None:
        self._pool = pool
        self._tasks = TaskStore()
        self._reads = JointReads(partial(self._tasks.get_all, pool))
        self._search = TaskSearch(pool)
        self._access = access
        self._cache = cache
        self._replays = replays
        self._announcer = announcer

    async def CreateTask(self, request: pb.CreateTaskRequest, _context: Context) -> pb.Task:
        change = await self._creation(request)

        async def respond(db: Executor) -> pb.Task:
            return task_to_pb((await self._tasks.create(db, [change])).tasks[0])

        return await self._told(await self._replays.once("CreateTask", request, respond))

    async def GetTask(self, request: pb.GetTaskRequest, _context: Context) -> pb.Task:
        async def load() -> pb.Task | None:
            task = await self._reads.get(request.id.lower())
            return None if task is None else task_to_pb(task)

        task = await self._cache.get(request.id, load)
        if task is None or task.HasField("delete_time") or not await self._access.sees(task.project_id):
            raise not_found(request.id)
        return task

    async def ListTasks(self, request: pb.ListTasksRequest, _context: Context) -> pb.ListTasksResponse:
        matching = parse(request.filter, FIELDS, caller().user_id)
        order = SORTABLE.order(request.order_by)
        projects = await self._access.projects(request.project_id, matching, everywhere=bool(request.user_id))
        parameters = Parameters()
        where = [_in_projects(projects, parameters), condition(matching, parameters)]
        if not request.show_deleted:
            where.append("task.delete_time IS NULL")
        if request.user_id:
            user = parameters.add(caller().user_id if request.user_id == "me" else request.user_id, "uuid")
            where.append(f"task.creator_id = {user} OR task.assignee_id = {user}")
        if request.page_token:
            where.append(order.after(pages.decode(request.page_token, request, order.read), parameters))
        size = pages.page_size(request.page_size)
        conditions = " AND ".join(f"({each})" for each in where)
        page = await self._tasks.page(self._pool, conditions, parameters, order, size)
        tasks = fitting([task_to_pb(task) for task in page.items])
        answer = pb.ListTasksResponse(tasks=tasks)
        if page.more or len(tasks) < len(page.items):
            answer.next_page_token = pages.encode(order.position(page.items[len(tasks) - 1]), request)
        return answer

    async def SearchTasks(self, request: pb.SearchTasksRequest, _context: Context) -> pb.SearchTasksResponse:
        query = read_query(request.query)
        matching = parse(request.filter, FIELDS, caller().user_id)
        projects = await self._access.projects(request.project_id, matching, everywhere=True)
        begin = pages.decode(request.page_token, request, read_position) if request.page_token else None
        page = await self._search.page(query, projects, matching, begin, pages.page_size(request.page_size))
        results = fitting(
            [pb.SearchResult(task=task_to_pb(hit.task), score=hit.score, snippet=hit.snippet) for hit in page.items]
        )
        answer = pb.SearchTasksResponse(results=results)
        if page.more or len(results) < len(page.items):
            answer.next_page_token = pages.encode(tell_position(page.items[len(results) - 1].position), request)
        return answer

    async def UpdateTask(self, request: pb.UpdateTaskRequest, _context: Context) -> pb.Task:
        wanted = await self._wanted(request)
        return await self._change("UpdateTask", request, request.task.id, request.task.etag, wanted.of)

    async def DeleteTask(self, request: pb.DeleteTaskRequest, _context: Context) -> pb.Task:
        return await self._change("DeleteTask", request, request.id, request.etag, delete)

    async def RestoreTask(self, request: pb.RestoreTaskRequest, _context: Context) -> pb.Task:
        return await self._change("RestoreTask", request, request.id, request.etag, restore)

    async def StartTask(self, request: pb.StartTaskRequest, _context: Context) -> pb.Task:
        start = partial(transition, action=Action.START)
        return await self._change("StartTask", request, request.id, request.etag, start)

    async def CompleteTask(self, request: pb.CompleteTaskRequest, _context: Context) -> pb.Task:
        complete = partial(transition, action=Action.COMPLETE)
        return await self._change("CompleteTask", request, request.id, request.etag, complete)

    async def CancelTask(self, request: pb.CancelTaskRequest, _context: Context) -> pb.Task:
        cancel = partial(transition, action=Action.CANCEL)
        return await self._change("CancelTask", request, request.id, request.etag, cancel)

    async def ReopenTask(self, request: pb.ReopenTaskRequest, _context: Context) -> pb.Task:
        reopen = partial(transition, action=Action.REOPEN)
        return await self._change("ReopenTask", request, request.id, request.etag, reopen)

    async def ListTaskHistory(
        self, request: pb.ListTaskHistoryRequest, _context: Context
    ) -> pb.ListTaskHistoryResponse:
        task = await self._tasks.get(self._pool, request.id)
        if task is None or not await self._access.sees(task.project_id):
            raise not_found(request.id)
        size = pages.page_size(request.page_size)
        beyond = pages.decode(request.page_token, request, of_type("integer")) if request.page_token else None
        descending = newest_first(request.order_by, "time", unless_said=True)
        page = await self._tasks.history(self._pool, task.id, beyond, size, newest_first=descending)
        changes = fitting([change_to_pb(change) for change in page.items])
        answer = pb.ListTaskHistoryResponse(history=changes)
        if page.more or len(changes) < len(page.items):
            answer.next_page_token = pages.encode(changes[-1].version, request)
        return answer

    async def BatchCreateTasks(
        self, request: pb.BatchCreateTasksRequest, _context: Context
    ) -> pb.BatchCreateTasksResponse:
        changes, places = [], []
        for number, each in enumerate(request.requests):
            places.append(f"requests[{number}]")
            with at(places[-1]):
                changes.append(await self._creation(each))

        async def respond(db: Executor) -> pb.BatchCreateTasksResponse:
            written = await self._tasks.create(db, changes, places)
            return pb.BatchCreateTasksResponse(tasks=map(task_to_pb, written.tasks))

        return await self._all_told(await self._replays.once("BatchCreateTasks", request, respond))

    async def BatchUpdateTasks(
        self, request: pb.BatchUpdateTasksRequest, _context: Context
    ) -> pb.BatchUpdateTasksResponse:
        asked = []
        for number, each in enumerate(request.requests):
            place = f"requests[{number}]"
            with at(place):
                asked.append(_Asked(place, each.task.id, each.task.etag, (await self._wanted(each)).of))
        edits = await self._edits(asked)
        woken: set[QueueRef] = set()

        async def respond(db: Executor) -> pb.BatchUpdateTasksResponse:
            written = await self._tasks.change_all(db, edits)
            woken.update(written.woken)
            return pb.BatchUpdateTasksResponse(tasks=map(task_to_pb, written.tasks))

        return await self._all_told(await self._replays.once("BatchUpdateTasks", request, respond), woken)

    async def BatchDeleteTasks(
        self, request: pb.BatchDeleteTasksRequest, _context: Context
    ) -> pb.BatchDeleteTasksResponse:
        edits = await self._edits([_Asked(f"ids[{place}]", each, "", delete) for place, each in enumerate(request.ids)])
        woken: set[QueueRef] = set()

        async def respond(db: Executor) -> pb.BatchDeleteTasksResponse:
            written = await self._tasks.change_all(db, edits)
            woken.update(written.woken)
            return pb.BatchDeleteTasksResponse(tasks=map(task_to_pb, written.tasks))

        return await self._all_told(await self._replays.once("BatchDeleteTasks", request, respond), woken)

    async def _creation(self, request: pb.CreateTaskRequest) -> Change:
        project = await self._access.editable_project(request.task.project_id)
        return create(new_task(request.task, project, caller().user_id))

    async def _wanted(self, request: pb.UpdateTaskRequest) -> Patch:
        wanted = patch(request.task, request.update_mask)
        if project := wanted.values.get("project_id"):
            await self._access.editable_project(project)
        return wanted

    async def _change(self, method: str, request: Repeatable, task_id: str, etag: str, decide: Decide) -> pb.Task:
        """The one path of every change of one task."""
        seen = await self._access.editable(await self._tasks.get(self._pool, task_id), task_id)
        edit = Edit(seen, partial(_guarded, seen.project_id, etag, decide))
        woken: set[QueueRef] = set()

        async def respond(db: Executor) -> pb.Task:
            written = await self._tasks.change(db, edit)
            woken.update(written.woken)
            return task_to_pb(written.tasks[0])

        return await self._told(await self._replays.once(method, request, respond), woken)

    async def _edits(self, asked: Sequence[_Asked]) -> list[Edit]:
        """The same for many tasks."""
        tasks = await self._tasks.get_all(self._pool, {each.task_id for each in asked})
        edits: dict[str, Edit] = {}
        for each in asked:
            with at(each.place):
                task_id = each.task_id.lower()
                seen = await self._access.editable(tasks.get(task_id), task_id)
                if task_id in edits:
                    raise InvalidField.named("task.id", task_id, "comes twice: a batch changes each task once")
                edits[task_id] = Edit(seen, partial(_guarded, seen.project_id, each.etag, each.decide), each.place)
        return list(edits.values())

    async def _told(self, task: pb.Task, woken: Collection[QueueRef] = ()) -> pb.Task:
        """The answer, now that everybody hears of it: no read after it may be older."""
        await self._announcer.announce([task], woken)
        return task

    async def _all_told(self, answer: _Batch, woken: Collection[QueueRef] = ()) -> _Batch:
        await self._announcer.announce(answer.tasks, woken)
        return answer


def _guarded(project_id: str, etag: str, decide: Decide, task: Task) -> Change | None:
    """Decides on the task that the caller means, and may change."""
    if task.project_id != project_id:
        raise Conflict("Another change moved the task meanwhile; try again.")
    if task.delete_time is None or decide is restore:
        check_etag(etag, task_etag(task))
    return decide(task)


def _in_projects(projects: Sequence[str], parameters: Parameters) -> str:
    # One is most often asked for, and its index has the usual order.
    if len(projects) == 1:
        return f"task.project_id = {parameters.add(projects[0], 'uuid')}"
    return f"task.project_id = ANY({parameters.add(projects, 'uuid[]')})"
