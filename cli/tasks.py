"""`taskbell add`, `list`, `show`, `edit`, `search`, `history`."""

from typing import Annotated

import typer

from cli import paging, sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit
from cli.task_input import (
    Assignee,
    Clearable,
    Description,
    Due,
    Filter,
    Id,
    Labels,
    PriorityOption,
    Status,
    cleared,
    new_values,
    status_filter,
)
from cli.work_input import (
    At,
    BlockedBy,
    ConcurrencyKey,
    MaxAttempts,
    Payload,
    Queue,
    Recur,
    RecurMode,
    TimeZone,
    UniqueFor,
    UniqueKey,
    UniqueScopeOption,
    payload_from,
    time_values,
    unique_values,
)

app = typer.Typer()

Project = Annotated[
    str,
    typer.Option("--project", "-P", help="A project's title or id; your personal one if left out.", show_default=False),
]


@command(app)
async def add(
    cli: Cli,
    *,
    title: Annotated[list[str], typer.Argument(metavar="TITLE...", help="Its title; the words need no quotes.")],
    description: Description = None,
    priority: PriorityOption = None,
    label: Labels = None,
    assignee: Assignee = None,
    due: Due = None,
    project: Project = "",
    at: At = None,
    blocked_by: BlockedBy = None,
    recur: Recur = None,
    recur_mode: RecurMode = None,
    time_zone: TimeZone = None,
    queue: Queue = "",
    payload: Payload = None,
    unique_key: UniqueKey = "",
    unique_scope: UniqueScopeOption = None,
    unique_for: UniqueFor = None,
    concurrency_key: ConcurrencyKey = "",
    max_attempts: MaxAttempts = 0,
) -> None:
    """Adds a task."""
    where = await _project(cli, project)
    given = await new_values(
        cli.client, where, description=description, priority=priority, labels=label, assignee=assignee, due=due
    )
    given |= await time_values(
        cli.client, at=at, blocked_by=blocked_by, recur=recur, mode=recur_mode, time_zone=time_zone
    )
    task = sdk.tasks.Task(
        title=" ".join(title),
        project_id=where,
        queue=queue,
        payload=payload_from(payload),
        concurrency_key=concurrency_key,
        max_attempts=max_attempts,
        **unique_values(unique_key, unique_scope, unique_for),
        **given,
    )
    await _show(cli, await cli.client.tasks.create_task(sdk.tasks.CreateTaskRequest(task=task)))


@command(app, "list")
async def list_(
    cli: Cli,
    *,
    project: Annotated[
        str,
        typer.Option("--project", "-P", help="A project's title or id, or - for all; your personal one if left out."),
    ] = "",
    status: Annotated[
        list[Status] | None,
        typer.Option("--status", "-s", case_sensitive=False, help="Only tasks in this status; may be repeated."),
    ] = None,
    filter_: Filter = "",
    order_by: Annotated[
        str, typer.Option("--order-by", help="Fields to sort by, such as 'priority desc, due_time'.")
    ] = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted tasks too.")] = False,
    limit: Limit = 50,
    every: All = False,
) -> None:
    """Lists tasks, newest first."""
    from cli.people import People
    from cli.views.tasks import TaskView

    where = project if project == "-" else await _project(cli, project)
    narrowed = status_filter(filter_, status or [])

    async def page(size: int, token: str) -> "sdk.tasks.ListTasksResponse":
        return await cli.client.tasks.list_tasks(
            sdk.tasks.ListTasksRequest(
                project_id=where,
                filter=narrowed,
                order_by=order_by,
                show_deleted=deleted,
                page_size=size,
                page_token=token,
            )
        )

    answer = await paging.collect(page, "tasks", None if every else limit)
    people = People(cli.client)
    if cli.output.for_people:
        await people.meet(task.assignee_id for task in answer.tasks)
    cli.output.items(answer, answer.tasks, TaskView(people))
    cli.output.more(answer.next_page_token)


@command(app)
async def show(cli: Cli, task: Id) -> None:
    """Shows a task, and to people the last comments on it."""
    from cli.comments import show_latest

    id_ = await _id(cli, task)
    await _show(cli, await cli.client.tasks.get_task(sdk.tasks.GetTaskRequest(id=id_)))
    if cli.output.for_people:
        await show_latest(cli, id_)


@command(app)
async def edit(
    cli: Cli,
    *,
    task: Id,
    title: Annotated[str | None, typer.Option("--title", "-t")] = None,
    description: Description = None,
    priority: PriorityOption = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="The labels instead of those it has; may be repeated.")
    ] = None,
    assignee: Assignee = None,
    due: Due = None,
    at: At = None,
    blocked_by: BlockedBy = None,
    recur: Recur = None,
    recur_mode: RecurMode = None,
    time_zone: TimeZone = None,
    project: Annotated[str, typer.Option("--project", "-P", help="Moves it to this project.")] = "",
    clear: Annotated[list[Clearable] | None, typer.Option("--clear", help="Empties a field; may be repeated.")] = None,
) -> None:
    """Changes what is named, and nothing else."""
    id_ = await _id(cli, task)
    where = moved_to = await _project(cli, project)
    if assignee and not where:
        where = (await cli.client.tasks.get_task(sdk.tasks.GetTaskRequest(id=id_))).project_id
    new = await new_values(
        cli.client, where, description=description, priority=priority, labels=label, assignee=assignee, due=due
    )
    new |= await time_values(
        cli.client, at=at, blocked_by=blocked_by, recur=recur, mode=recur_mode, time_zone=time_zone
    )
    new |= {"title": title} if title is not None else {}
    new |= {"project_id": moved_to} if moved_to else {}
    emptied = cleared(clear or [])
    if both := new.keys() & {*emptied}:
        raise UsageProblem(f"{', '.join(sorted(both))} can't be set and cleared at once")
    if not new and not emptied:
        raise UsageProblem("there is nothing to change: name what is to be another")
    request = sdk.tasks.UpdateTaskRequest(
        task=sdk.tasks.Task(id=id_, **new), update_mask=sdk.google.FieldMask(paths=[*new, *emptied])
    )
    await _show(cli, await cli.client.tasks.update_task(request))


@command(app)
async def search(
    cli: Cli,
    *,
    query: Annotated[
        list[str], typer.Argument(metavar="WORD...", help='Words; "a phrase", or, -without as in a web search.')
    ],
    project: Annotated[
        str, typer.Option("--project", "-P", help="Only in this project; in all of yours if left out.")
    ] = "",
    filter_: Filter = "",
    limit: Limit = 50,
    every: All = False,
) -> None:
    """Finds tasks by their words, best first."""
    from cli.views.tasks import FoundView

    where = await _project(cli, project)

    async def page(size: int, token: str) -> "sdk.tasks.SearchTasksResponse":
        return await cli.client.tasks.search_tasks(
            sdk.tasks.SearchTasksRequest(
                query=" ".join(query), project_id=where, filter=filter_, page_size=size, page_token=token
            )
        )

    answer = await paging.collect(page, "results", None if every else limit)
    cli.output.items(answer, answer.results, FoundView())
    cli.output.more(answer.next_page_token)


@command(app)
async def history(cli: Cli, task: Id, limit: Limit = 50, every: All = False) -> None:
    """Shows what happened to a task, newest first."""
    from cli.people import People
    from cli.views.tasks import HistoryView

    id_ = await _id(cli, task)

    async def page(size: int, token: str) -> "sdk.tasks.ListTaskHistoryResponse":
        request = sdk.tasks.ListTaskHistoryRequest(id=id_, page_size=size, page_token=token)
        return await cli.client.tasks.list_task_history(request)

    answer = await paging.collect(page, "history", None if every else limit)
    people = People(cli.client)
    if cli.output.for_people:
        await people.meet(change.actor_id for change in answer.history)
    cli.output.items(answer, answer.history, HistoryView(people))
    cli.output.more(answer.next_page_token)


async def _show(cli: Cli, task: "sdk.tasks.Task") -> None:
    from cli.people import People
    from cli.views.tasks import TaskView

    people = People(cli.client)
    if cli.output.for_people:
        await people.meet((task.creator_id, task.assignee_id))
    cli.output.item(task, TaskView(people))


async def _id(cli: Cli, text: str) -> str:
    from cli.names import task_ids

    (id_,) = await task_ids(cli.client, [text])
    return id_


async def _project(cli: Cli, text: str) -> str:
    from cli.names import project_id

    return await project_id(cli.client, text) if text else ""
