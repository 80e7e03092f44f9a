"""Projects over gRPC."""

from typing import Final
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from taskbell.projects.v1 import projects_pb2 as pb
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceServicer

from chassis.caller import caller
from chassis.errors import InvalidField
from chassis.interceptors import Context
from chassis.page_bytes import fitting
from chassis.postgres import Executor
from chassis.replays import Replays
from chassis.update_mask import fields_to_change
from chassis.webhook_secrets import WebhookSecrets
from tasksvc.access import Role
from tasksvc.memberships import Memberships
from tasksvc.outbox_bell import OutboxBell
from tasksvc.partitions import partition_of
from tasksvc.project_lists import MEMBERS, PROJECTS
from tasksvc.project_secret import project_secret
from tasksvc.project_store import ProjectStore
from tasksvc.project_to_pb import member_to_pb, project_to_pb

_CHANGEABLE: Final = ("title", "description")
_MEMBER_CHANGEABLE: Final = ("role",)


class ProjectServicer(ProjectServiceServicer):
    """Projects and their members."""

    def __init__(
        self,
        projects: ProjectStore,
        memberships: Memberships,
        replays: Replays,
        bell: OutboxBell,
        webhook_secrets: WebhookSecrets,
    ) -> None:
        self._projects = projects
        self._memberships = memberships
        self._replays = replays
        self._bell = bell
        self._webhook_secrets = webhook_secrets

    async def CreateProject(self, request: pb.CreateProjectRequest, _context: Context) -> pb.Project:
        _require_title(request.project.title)

        async def respond(executor: Executor) -> pb.Project:
            project = await self._projects.create(executor, request.project.title, request.project.description)
            return project_to_pb(project)

        project = await self._replays.once("CreateProject", request, respond)
        await self._changed(project.id, [caller().user_id])
        return project

    async def GetProject(self, request: pb.GetProjectRequest, _context: Context) -> pb.Project:
        return project_to_pb(await self._projects.get(UUID(request.id)))

    async def ListProjects(self, request: pb.ListProjectsRequest, _context: Context) -> pb.ListProjectsResponse:
        user_id = caller().user_id
        asked = PROJECTS.ask(request, user_id, UUID(user_id))
        found = await self._projects.page(asked)
        projects = fitting([project_to_pb(project) for project in found[: asked.size]])
        return pb.ListProjectsResponse(projects=projects, next_page_token=asked.next_page_token(found, len(projects)))

    async def UpdateProject(self, request: pb.UpdateProjectRequest, _context: Context) -> pb.Project:
        project = request.project
        project_id = _required_id("project.id", project.id)
        fields = fields_to_change(request.update_mask, project, _CHANGEABLE)
        if "title" in fields:
            _require_title(project.title)
        values = {field: getattr(project, field) for field in fields}

        async def respond(executor: Executor) -> pb.Project:
            return project_to_pb(await self._projects.update(executor, project_id, project.etag, **values))

        return await self._replays.once("UpdateProject", request, respond)

    async def DeleteProject(self, request: pb.DeleteProjectRequest, _context: Context) -> pb.Project:
        project_id = UUID(request.id)

        async def respond(executor: Executor) -> pb.Project:
            return project_to_pb(await self._projects.delete(executor, project_id, request.etag))

        project = await self._replays.once("DeleteProject", request, respond)
        await self._changed(request.id, await self._projects.member_ids(project_id))
        return project

    async def ListMembers(self, request: pb.ListMembersRequest, _context: Context) -> pb.ListMembersResponse:
        project_id = UUID(request.project_id)
        asked = MEMBERS.ask(request, caller().user_id, project_id)
        found = await self._projects.list_members(project_id, asked)
        members = [member_to_pb(member) for member in found[: asked.size]]
        return pb.ListMembersResponse(members=members, next_page_token=asked.next_page_token(found, len(members)))

    async def AddMember(self, request: pb.AddMemberRequest, _context: Context) -> pb.Member:
        asked = request.member
        if bool(asked.user_id) == bool(asked.username):
            raise InvalidField.named(
                "member.user_id", asked.user_id, "or member.username must be given, one of the two"
            )
        role = _required_role(asked.role)
        user_id = UUID(asked.user_id) if asked.user_id else None

        async def respond(executor: Executor) -> pb.Member:
            member = await self._projects.add_member(
                executor, UUID(request.project_id), user_id=user_id, username=asked.username, role=role
            )
            return member_to_pb(member)

        member = await self._replays.once("AddMember", request, respond)
        await self._changed(request.project_id, [member.user_id])
        return member

    async def UpdateMember(self, request: pb.UpdateMemberRequest, _context: Context) -> pb.Member:
        asked = request.member
        user_id = _required_id("member.user_id", asked.user_id)
        fields = fields_to_change(request.update_mask, asked, _MEMBER_CHANGEABLE)
        role = _required_role(asked.role) if "role" in fields else None

        async def respond(executor: Executor) -> pb.Member:
            member = await self._projects.update_member(executor, UUID(request.project_id), user_id, role, asked.etag)
            return member_to_pb(member)

        member = await self._replays.once("UpdateMember", request, respond)
        await self._changed(request.project_id, [member.user_id])
        return member

    async def RemoveMember(self, request: pb.RemoveMemberRequest, _context: Context) -> Empty:
        async def respond(executor: Executor) -> Empty:
            await self._projects.remove_member(executor, UUID(request.project_id), UUID(request.user_id), request.etag)
            return Empty()

        answer = await self._replays.once("RemoveMember", request, respond)
        await self._changed(request.project_id, [request.user_id.lower()])
        return answer

    async def GetWebhookSecret(self, request: pb.GetWebhookSecretRequest, _context: Context) -> pb.WebhookSecret:
        await self._memberships.require(request.project_id, Role.OWNER)
        return pb.WebhookSecret(secret=self._webhook_secrets.secret(project_secret(request.project_id)))

    async def GetOwners(self, request: pb.GetOwnersRequest, _context: Context) -> pb.Owners:
        title, owners = await self._projects.owners(UUID(request.project_id))
        return pb.Owners(title=title, user_ids=map(str, owners))

    async def _changed(self, project_id: str, user_ids: list[str]) -> None:
        """Ahead of the answer, also of a repeated one: who answered first may have died before it came to this."""
        self._bell.ring([partition_of(project_id)])
        await self._memberships.changed(user_ids)


def _require_title(title: str) -> None:
    if not title.strip():
        raise InvalidField.named("project.title", title, "must have 1 to 200 characters that are not all blank")


def _required_id(field: str, value: str) -> UUID:
    if not value:
        raise InvalidField.named(field, value, "must be a UUID")
    return UUID(value)


def _required_role(role: int) -> Role:
    if role == pb.Member.ROLE_UNSPECIFIED:
        raise InvalidField.named("member.role", "ROLE_UNSPECIFIED", "must be VIEWER, EDITOR or OWNER")
    return Role(role)
