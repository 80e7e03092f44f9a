"""`taskbell queue`: the queues of a project, what is in them, and how their tasks are done."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from cli import paging, sdk
from cli.completion import queue_names
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit

app = typer.Typer(help="Queues: tasks that programs do.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="QUEUE", help="Its name.", autocompletion=queue_names)]
Project = Annotated[
    str, typer.Option("--project", "-P", help="The project's title or id; your personal one if left out.")
]


class Setting(StrEnum):
    """What can go back to its default."""

    MAX_CONCURRENCY = "max-concurrency"
    MAX_PER_KEY = "max-per-key"
    RATE = "rate"
    MAX_ATTEMPTS = "max-attempts"
    BACKOFF = "backoff"
    LEASE = "lease"
    RETENTION = "retention"


_FIELDS: Final = {
    Setting.MAX_CONCURRENCY: "max_concurrency",
    Setting.MAX_PER_KEY: "max_concurrency_per_key",
    Setting.RATE: "rate_limit",
    Setting.MAX_ATTEMPTS: "default_max_attempts",
    Setting.BACKOFF: "backoff",
    Setting.LEASE: "default_lease_duration",
    Setting.RETENTION: "retention",
}


@command(app, "list")
async def list_(cli: Cli, project: Project = "", limit: Limit = 50, every: All = False) -> None:
    """Lists a project's queues, by name."""
    from cli.views.queues import QueueView

    where = await _project(cli, project)

    async def page(size: int, token: str) -> "sdk.queues.ListQueuesResponse":
        request = sdk.queues.ListQueuesRequest(project_id=where, page_size=size, page_token=token)
        return await cli.client.queues.list_queues(request)

    answer = await paging.collect(page, "queues", None if every else limit)
    cli.output.items(answer, answer.queues, QueueView())
    cli.output.more(answer.next_page_token)


@command(app)
async def show(cli: Cli, queue: Name, project: Project = "") -> None:
    """Shows a queue: what waits in it, who works on it, and its settings."""
    request = sdk.queues.GetQueueRequest(queue=queue, project_id=await _project(cli, project))
    _print(cli, await cli.client.queues.get_queue(request))


@command(app)
async def pause(cli: Cli, queue: Name, project: Project = "") -> None:
    """Gives no more of its tasks to workers; what runs goes on."""
    request = sdk.queues.PauseQueueRequest(queue=queue, project_id=await _project(cli, project))
    _print(cli, await cli.client.queues.pause_queue(request))


@command(app)
async def resume(cli: Cli, queue: Name, project: Project = "") -> None:
    """Gives its tasks to workers again."""
    request = sdk.queues.ResumeQueueRequest(queue=queue, project_id=await _project(cli, project))
    _print(cli, await cli.client.queues.resume_queue(request))


@command(app, "set")
async def set_(
    cli: Cli,
    *,
    queue: Name,
    project: Project = "",
    max_concurrency: Annotated[
        int | None, typer.Option("--max-concurrency", help="How many of its tasks run at a time; 0 for any number.")
    ] = None,
    max_per_key: Annotated[
        int | None,
        typer.Option("--max-per-key", help="How many with the same concurrency key run at a time; 0 for any number."),
    ] = None,
    rate: Annotated[
        str | None, typer.Option("--rate", help="How many tasks are started in which time, such as 10/s or 100/5m.")
    ] = None,
    max_attempts: Annotated[
        int | None, typer.Option("--max-attempts", help="How often tasks are tried that don't say it.")
    ] = None,
    backoff: Annotated[
        str | None, typer.Option("--backoff", help="How long a task waits after its first failed attempt, such as 5s.")
    ] = None,
    backoff_max: Annotated[
        str | None, typer.Option("--backoff-max", help="How long it waits at most; each wait is twice the one before.")
    ] = None,
    lease: Annotated[
        str | None, typer.Option("--lease", help="How long leases last if the worker doesn't say, such as 30s.")
    ] = None,
    retention: Annotated[
        str | None, typer.Option("--retention", help="How long ended tasks are kept, such as 30d; for ever unless set.")
    ] = None,
    clear: Annotated[
        list[Setting] | None, typer.Option("--clear", help="Back to the default; may be repeated.")
    ] = None,
) -> None:
    """Changes what is named, and nothing else; makes the queue if there is none."""
    settings = sdk.queues.Queue(name=queue, project_id=await _project(cli, project))
    mask = [_FIELDS[each] for each in clear or []]
    for field, number in (
        ("max_concurrency", max_concurrency),
        ("max_concurrency_per_key", max_per_key),
        ("default_max_attempts", max_attempts),
    ):
        if number is not None:
            setattr(settings, field, number)
            mask.append(field)
    for field, text in (("default_lease_duration", lease), ("retention", retention)):
        if text is not None:
            setattr(settings, field, _length(text))
            mask.append(field)
    if rate is not None:
        settings.rate_limit = _rate(rate)
        mask.append("rate_limit")
    if backoff is not None or backoff_max is not None:
        settings.backoff = sdk.queues.Backoff(
            initial=None if backoff is None else _length(backoff),
            max=None if backoff_max is None else _length(backoff_max),
        )
        mask += [f"backoff.{part}" for part, text in (("initial", backoff), ("max", backoff_max)) if text is not None]
    _check(mask)
    request = sdk.queues.UpdateQueueRequest(queue=settings, update_mask=sdk.google.FieldMask(paths=mask))
    _print(cli, await cli.client.queues.update_queue(request))


def _check(mask: list[str]) -> None:
    if not mask:
        raise UsageProblem("there is nothing to change: name the settings that are to be others")
    if len({path.partition(".")[0] for path in mask}) + ({"backoff.initial", "backoff.max"} <= {*mask}) < len(mask):
        raise UsageProblem("a setting can't be set and cleared at once")


def _rate(text: str) -> "sdk.queues.RateLimit":
    number, slash, period = text.partition("/")
    if not number.strip().isdecimal() or not slash:
        raise UsageProblem(f"{text!r} is no rate", hint="write it like 10/s, 100/m or 500/5m")
    period = period.strip()
    return sdk.queues.RateLimit(tasks=int(number), period=_length(period if period[:1].isdigit() else f"1{period}"))


def _length(text: str) -> Any:
    from cli.dates import parse_length

    return parse_length(text)


def _print(cli: Cli, queue: "sdk.queues.Queue") -> None:
    from cli.views.queues import QueueView

    cli.output.item(queue, QueueView())


async def _project(cli: Cli, text: str) -> str:
    from cli.names import project_id

    return await project_id(cli.client, text) if text else ""
