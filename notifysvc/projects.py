"""What notifysvc asks tasksvc about projects."""

from typing import TYPE_CHECKING
from uuid import UUID

import grpc
from taskbell.projects.v1.projects_pb2 import GetOwnersRequest, Owners
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceStub

if TYPE_CHECKING:  # there only in the stubs
    from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceAsyncStub

_TIMEOUT = 3.0


class Projects:
    """tasksvc's ProjectService, through a channel that carries the service key."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: ProjectServiceAsyncStub = ProjectServiceStub(channel)

    async def owners(self, project_id: UUID) -> Owners:
        """Whose a project is. Raises ProjectNotFound if it was deleted, or Unavailable."""
        return await self._stub.GetOwners(GetOwnersRequest(project_id=str(project_id)), timeout=_TIMEOUT)
