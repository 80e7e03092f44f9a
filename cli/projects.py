"""`taskbell project`: projects and their members."""

import sys
from collections.abc import Awaitable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import paging, sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit

if TYPE_CHECKING:
    from cli.client import Client

app = typer.Typer(help="Projects, and who is in them.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="Its title, its id, or the end of it.")]
Username = Annotated[str, typer.Argument(help="A member's username or user id.")]
Description = Annotated[
    str | None, typer.Option("--description", "-d", help="Markdown; - reads it from standard input.")
]


class Role(StrEnum):
    """What a member may do."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


@command(app)
async def create(cli: Cli, title: Annotated[str, typer.Argument()], description: Description = None) -> None:
    """Creates a project; you become its owner."""
    project = sdk.projects.Project(title=title, description=_text(description) or "")
    await _print(cli, cli.client.projects.create_project(sdk.projects.CreateProjectRequest(project=project)))


@command(app, "list")
async def list_(cli: Cli, limit: Limit = 50, every: All = False) -> None:
    """Lists the projects that you are a member of."""
    from cli.views.projects import ProjectView

    async def page(size: int, token: str) -> "sdk.projects.ListProjectsResponse":
        request = sdk.projects.ListProjectsRequest(page_size=size, page_token=token)
        return await cli.client.projects.list_projects(request)

    answer = await paging.collect(page, "projects", None if every else limit)
    cli.output.items(answer, answer.projects, ProjectView())


@command(app)
async def show(cli: Cli, project: Project) -> None:
    """Shows a project."""
    id_ = await _id(cli.client, project)
    await _print(cli, cli.client.projects.get_project(sdk.projects.GetProjectRequest(id=id_)))


@command(app)
async def edit(
    cli: Cli,
    project: Project,
    title: Annotated[str | None, typer.Option("--title", "-t")] = None,
    description: Description = None,
) -> None:
    """Changes what is named, and nothing else."""
    named = {"title": title, "description": _text(description)}
    new: dict[str, Any] = {field: value for field, value in named.items() if value is not None}
    if not new:
        raise UsageProblem("there is nothing to change: give --title or --description")
    request = sdk.projects.UpdateProjectRequest(
        project=sdk.projects.Project(id=await _id(cli.client, project), **new),
        update_mask=sdk.google.FieldMask(paths=[*new]),
    )
    await _print(cli, cli.client.projects.update_project(request))


@command(app)
async def rm(
    cli: Cli, project: Project, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False
) -> None:
    """Deletes a project with all of its tasks, for good."""
    id_ = await _id(cli.client, project)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageProblem("deleting a project deletes its tasks: give --yes")
        typer.confirm(f"Delete the project {project!r} with all of its tasks?", abort=True, err=True)
    await _print(cli, cli.client.projects.delete_project(sdk.projects.DeleteProjectRequest(id=id_)))


@command(app)
async def members(cli: Cli, project: Project, limit: Limit = 50, every: All = False) -> None:
    """Lists a project's members."""
    from cli.views.projects import MemberView

    id_ = await _id(cli.client, project)

    async def page(size: int, token: str) -> "sdk.projects.ListMembersResponse":
        request = sdk.projects.ListMembersRequest(project_id=id_, page_size=size, page_token=token)
        return await cli.client.projects.list_members(request)

    answer = await paging.collect(page, "members", None if every else limit)
    cli.output.items(answer, answer.members, MemberView())


@command(app)
async def add_member(
    cli: Cli,
    project: Project,
    username: Username,
    role: Annotated[Role, typer.Option("--role", "-r", case_sensitive=False, help="What they may do.")] = Role.EDITOR,
) -> None:
    """Adds a member."""
    from cli.names import is_id
    from cli.views.projects import MemberView

    member = sdk.projects.Member(role=_role(role))
    if is_id(username):
        member.user_id = username
    else:
        member.username = username
    request = sdk.projects.AddMemberRequest(project_id=await _id(cli.client, project), member=member)
    cli.output.item(await cli.client.projects.add_member(request), MemberView())


@command(app)
async def webhook_secret(cli: Cli, project: Project) -> None:
    """Shows what a receiver of the project's webhooks checks their signatures with."""
    from cli.views.projects import WebhookSecretView

    request = sdk.projects.GetWebhookSecretRequest(project_id=await _id(cli.client, project))
    cli.output.item(await cli.client.projects.get_webhook_secret(request), WebhookSecretView())


@command(app)
async def role(
    cli: Cli,
    project: Project,
    username: Username,
    new_role: Annotated[Role, typer.Argument(metavar="ROLE", case_sensitive=False)],
) -> None:
    """Changes a member's role."""
    from cli.views.projects import MemberView

    id_ = await _id(cli.client, project)
    member = sdk.projects.Member(user_id=await _member(cli.client, id_, username), role=_role(new_role))
    request = sdk.projects.UpdateMemberRequest(
        project_id=id_, member=member, update_mask=sdk.google.FieldMask(paths=["role"])
    )
    cli.output.item(await cli.client.projects.update_member(request), MemberView())


@command(app)
async def remove_member(cli: Cli, project: Project, username: Username) -> None:
    """Removes a member, or with your own name leaves the project."""
    id_ = await _id(cli.client, project)
    request = sdk.projects.RemoveMemberRequest(project_id=id_, user_id=await _member(cli.client, id_, username))
    await cli.client.projects.remove_member(request)
    cli.output.done("Removed.")


async def _print(cli: Cli, answer: "Awaitable[sdk.projects.Project]") -> None:
    from cli.views.projects import ProjectView

    cli.output.item(await answer, ProjectView())


async def _id(client: "Client", text: str) -> str:
    from cli.names import project_id

    return await project_id(client, text)


async def _member(client: "Client", project: str, text: str) -> str:
    from cli.names import user_id

    return await user_id(client, text, project)


def _role(role: Role) -> "sdk.projects.MemberRole":
    return sdk.projects.MemberRole[role.name]


def _text(given: str | None) -> str | None:
    return sys.stdin.read() if given == "-" else given
