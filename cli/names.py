"""What people call a thing, and its id: the end of an id, a project's title, a username, `me`."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from chassis.errors import (
    CommentNotFound,
    DeliveryNotFound,
    NotificationNotFound,
    ProjectNotFound,
    ServiceError,
    TaskNotFound,
    TokenNotFound,
    WebhookNotFound,
)
from cli import paging, sdk
from cli.failures import UsageProblem

if TYPE_CHECKING:
    from cli.client import Client

SHOWN: Final = 8
SHORTEST: Final = 6
"""How much of an id's end is enough. UUIDv7s begin with the time, so it is the ends that differ."""
REACH: Final = 1_000

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_END: Final = re.compile(r"[0-9a-f-]{1,36}", re.IGNORECASE)

Names: TypeAlias = Callable[[], Awaitable[dict[str, str]]]
"""What things are called, by their ids; asked only if it has to be."""

_NOUNS: Final[dict[type[ServiceError], str]] = {
    TaskNotFound: "task",
    CommentNotFound: "comment",
    ProjectNotFound: "project",
    NotificationNotFound: "notification",
    TokenNotFound: "API token",
    WebhookNotFound: "webhook",
    DeliveryNotFound: "mail",
}


def short(id_: str) -> str:
    """The end of an id, as tables show it."""
    return id_[-SHOWN:]


def is_id(text: str) -> bool:
    """Whether it is a whole id."""
    return _UUID.fullmatch(text) is not None


async def task_ids(client: "Client", texts: Sequence[str], *, deleted: bool = False) -> list[str]:
    """The ids of the tasks named by an id or its end. Ends are looked up among the newest tasks of all projects."""

    async def page(size: int, token: str) -> "sdk.tasks.ListTasksResponse":
        return await client.tasks.list_tasks(
            sdk.tasks.ListTasksRequest(project_id="-", show_deleted=deleted, page_size=size, page_token=token)
        )

    async def titles() -> dict[str, str]:
        return {task.id: task.title for task in (await paging.collect(page, "tasks", REACH)).tasks}

    return await _whole(texts, titles, TaskNotFound)


async def comment_ids(client: "Client", task_id: str, texts: Sequence[str]) -> list[str]:
    """The ids of comments on a task, named by an id or its end."""

    async def page(size: int, token: str) -> "sdk.comments.ListCommentsResponse":
        return await client.comments.list_comments(
            sdk.comments.ListCommentsRequest(
                task_id=task_id, order_by="create_time desc", page_size=size, page_token=token
            )
        )

    async def beginnings() -> dict[str, str]:
        listed = await paging.collect(page, "comments", REACH)
        return {comment.id: " ".join(comment.text.split())[:40] for comment in listed.comments}

    return await _whole(texts, beginnings, CommentNotFound)


async def notification_ids(client: "Client", texts: Sequence[str]) -> list[str]:
    """The ids of the notifications named by an id or its end."""

    async def titles() -> dict[str, str]:
        return {id_: _title(event) for id_, event in (await _events(client)).items()}

    return await _whole(texts, titles, NotificationNotFound)


async def event_id(client: "Client", text: str) -> str:
    """The event's id, or that of the notification whose id ends so."""
    if is_id(text):
        return text
    events = await _events(client)
    known = {id_: _title(event) for id_, event in events.items()}
    return events[_only_one(text, known, NotificationNotFound)].event_id


async def delivery_ids(client: "Client", texts: Sequence[str]) -> list[str]:
    """The ids of the mails named by an id or its end."""

    async def page(size: int, token: str) -> "sdk.notifications.ListDeliveriesResponse":
        request = sdk.notifications.ListDeliveriesRequest(page_size=size, page_token=token)
        return await client.deliveries.list_deliveries(request)

    async def titles() -> dict[str, str]:
        return {each.id: each.title for each in (await paging.collect(page, "deliveries", REACH)).deliveries}

    return await _whole(texts, titles, DeliveryNotFound)


async def webhook_id(client: "Client", project_id: str, text: str) -> str:
    """The id of a project's webhook named by its id, the id's end, or its address."""
    if is_id(text):
        return text
    listed = await client.webhooks.list_webhooks(
        sdk.webhooks.ListWebhooksRequest(project_id=project_id, page_size=REACH)
    )
    return _by_name(text, {webhook.id: webhook.url for webhook in listed.webhooks}, WebhookNotFound)


async def webhook_delivery_id(client: "Client", project_id: str, webhook_id: str, text: str) -> str:
    """The id of what a webhook was to be sent, named by its id or its end."""
    if is_id(text):
        return text
    listed = await client.webhooks.list_deliveries(
        sdk.webhooks.ListDeliveriesRequest(project_id=project_id, webhook_id=webhook_id, page_size=REACH)
    )
    return _only_one(text, {each.id: each.event_type for each in listed.deliveries}, DeliveryNotFound)


async def token_id(client: "Client", text: str) -> str:
    """The id of the API token named by its id, the id's end, or its name."""
    if is_id(text):
        return text

    async def page(size: int, token: str) -> "sdk.accounts.ListTokensResponse":
        return await client.accounts.list_tokens(sdk.accounts.ListTokensRequest(page_size=size, page_token=token))

    known = {token.id: token.name for token in (await paging.collect(page, "tokens", None)).tokens}
    return _by_name(text, known, TokenNotFound)


async def project_id(client: "Client", text: str) -> str:
    """The id of the project named by its id, the id's end, or its title."""
    if is_id(text):
        return text

    async def page(size: int, token: str) -> "sdk.projects.ListProjectsResponse":
        return await client.projects.list_projects(sdk.projects.ListProjectsRequest(page_size=size, page_token=token))

    known = {project.id: project.title for project in (await paging.collect(page, "projects", None)).projects}
    return _by_name(text, known, ProjectNotFound)


async def me(client: "Client") -> "sdk.accounts.User":
    """The user who calls."""
    return await client.accounts.get_user(sdk.accounts.GetUserRequest(user_id="me"))


async def user_id(client: "Client", text: str, project: str) -> str:
    """The id of the user named by an id, `me`, or as a member of the project (the caller's personal one if empty)."""
    if is_id(text):
        return text
    caller = await me(client)
    if text in {"me", caller.username}:
        return caller.id
    for member in await members(client, project or caller.personal_project_id):
        if member.username == text:
            return member.user_id
    raise UsageProblem(
        f"no member of the task's project is called {text!r}",
        hint="name its project with --project; `taskbell project members PROJECT` lists who is in it",
    )


async def members(client: "Client", project: str) -> list["sdk.projects.Member"]:
    """All members of a project."""

    async def page(size: int, token: str) -> "sdk.projects.ListMembersResponse":
        request = sdk.projects.ListMembersRequest(project_id=project, page_size=size, page_token=token)
        return await client.projects.list_members(request)

    return (await paging.collect(page, "members", None)).members


async def _events(client: "Client") -> dict[str, "sdk.events.Event"]:
    """The events of the newest notifications, by the notifications' ids."""

    async def page(size: int, token: str) -> "sdk.notifications.ListNotificationsResponse":
        request = sdk.notifications.ListNotificationsRequest(page_size=size, page_token=token)
        return await client.notifications.list_notifications(request)

    listed = await paging.collect(page, "notifications", REACH)
    return {each.id: each.event for each in listed.notifications if each.event}


def _title(event: "sdk.events.Event") -> str:
    return event.task.title if event.task else ""


async def _whole(texts: Sequence[str], names: Names, missing: type[ServiceError]) -> list[str]:
    """The ids; those of which only the end is given are looked up."""
    for text in texts:
        if not is_id(text):
            _check_end(text, missing)
    known = {} if all(map(is_id, texts)) else await names()
    return [text if is_id(text) else _only_one(text, known, missing) for text in texts]


def _check_end(text: str, missing: type[ServiceError]) -> None:
    if len(text) < SHORTEST or not _END.fullmatch(text):
        raise UsageProblem(f"{text!r} is no {_NOUNS[missing]}'s id, nor the last {SHORTEST} or more characters of one")


def _only_one(text: str, known: dict[str, str], missing: type[ServiceError]) -> str:
    _check_end(text, missing)
    found = [id_ for id_ in known if id_.endswith(text.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageProblem(f"{text!r} is the end of {len(found)} {_NOUNS[missing]}s' ids: {_listed(found, known)}")
    raise missing(f"none of your {REACH:,} newest {_NOUNS[missing]}s has an id that ends with {text!r}")


def _by_name(text: str, known: dict[str, str], missing: type[ServiceError]) -> str:
    named = [id_ for id_, name in known.items() if name.casefold() == text.casefold()]
    if len(named) > 1:
        listed = _listed(named, known)
        raise UsageProblem(f"{len(named)} {_NOUNS[missing]}s are called {text!r}: {listed}", hint="name it by its id")
    if named:
        return named[0]
    if len(text) >= SHORTEST and _END.fullmatch(text):
        return _only_one(text, known, missing)
    raise missing(f"you have no {_NOUNS[missing]} called {text!r}")


def _listed(ids: Iterable[str], known: dict[str, str]) -> str:
    return ", ".join(f"{id_} ({known[id_]})" for id_ in ids)
