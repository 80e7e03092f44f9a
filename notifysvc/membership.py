"""What the caller may do in projects: as tasksvc knew it when the call began."""

from dataclasses import dataclass
from uuid import UUID

from taskbell.accounts.v1.accounts_pb2 import Principal

from chassis.caller import Caller, caller
from chassis.errors import ProjectNotFound, RoleTooLow


@dataclass(frozen=True, slots=True)
class Member(Caller):
    """A caller, and the projects that they are in."""

    projects: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    """Those in which they are OWNER."""


def member_of(principal: Principal) -> Member:
    """The same in the server's terms."""
    scopes = frozenset(principal.scopes) if principal.token_id else None
    return Member(
        principal.user_id,
        principal.session_id,
        principal.token_id,
        scopes,
        projects=frozenset(principal.project_ids),
        owned=frozenset(principal.owned_project_ids),
    )


def require_owner(project_id: str) -> UUID:
    """The project, which the caller owns. Raises ProjectNotFound, RoleTooLow."""
    who, project = caller(), project_id.lower()
    if not isinstance(who, Member) or project not in who.projects:
        raise ProjectNotFound(
            f"There is no project {project_id}, or you are no member of it.", metadata={"project_id": project_id}
        )
    if project not in who.owned:
        raise RoleTooLow("This takes the role OWNER in the project.", metadata={"needed": "OWNER"})
    return UUID(project)
