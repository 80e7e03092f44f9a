"""Which tasks the caller may see and change. What it may not see isn't there."""

from typing import Final

from chassis.aip160 import Node
from chassis.caller import caller
from tasksvc.access import Role
from tasksvc.domain.change import not_found
from tasksvc.domain.task import Task
from tasksvc.memberships import Memberships, require_role
from tasksvc.personal_projects import PersonalProjects
from tasksvc.task_filter import names_project

ALL: Final = "-"
"""Stands for all projects in a list (AIP-159)."""


class TaskAccess:
    """Asks the caller's memberships."""

    def __init__(self, memberships: Memberships, personal_projects: PersonalProjects) -> None:
        self._memberships = memberships
        self._personal_projects = personal_projects

    async def sees(self, project_id: str) -> bool:
        """Whether the caller sees the project's tasks."""
        return await self._memberships.role(project_id, caller().user_id) is not None

    async def editable(self, task: Task | None, task_id: str) -> Task:
        """The task, if there is one and the caller may change it. Raises TaskNotFound, RoleTooLow."""
        await self.require(None if task is None else task.project_id, task_id, Role.EDITOR)
        if task is None:
            raise not_found(task_id)
        return task

    async def require(self, project_id: str | None, task_id: str, needed: Role) -> Role:
        """The caller's role in the project that a task is in, if there is one. Raises TaskNotFound, RoleTooLow."""
        role = None if project_id is None else await self._memberships.role(project_id, caller().user_id)
        if role is None:
            raise not_found(task_id)
        require_role(role, needed)
        return role

    async def editable_project(self, project_id: str) -> str:
        """The project, or the caller's personal one if none is named, if the caller may put tasks there."""
        project = project_id.lower() or await self._personal_projects.of(caller().user_id)
        await self._memberships.require(project, Role.EDITOR)
        return project

    async def visible_project(self, project_id: str) -> str:
        """The same, if the caller sees it."""
        project = project_id.lower() or await self._personal_projects.of(caller().user_id)
        await self._memberships.require(project, Role.VIEWER)
        return project

    async def editable_projects(self) -> frozenset[str]:
        """All in which the caller may change tasks."""
        roles = await self._memberships.roles()
        return frozenset(project for project, role in roles.items() if role >= Role.EDITOR)

    async def projects(self, project_id: str, matching: Node, *, everywhere: bool) -> list[str]:
        """Where a list looks: in this project, in all of the caller's, in the personal one. Raises ProjectNotFound."""
        if project_id == ALL or (not project_id and (everywhere or names_project(matching))):
            return list(await self._memberships.roles())
        if not project_id:
            return [await self._personal_projects.of(caller().user_id)]
        await self._memberships.require(project_id, Role.VIEWER)
        return [project_id]
