"""Projects and members as they go out."""

from taskbell.projects.v1 import projects_pb2 as pb

from tasksvc.project_store import Member, Project


def project_to_pb(project: Project) -> pb.Project:
    """A project, with the caller's role in it."""
    message = pb.Project(
        id=str(project.id),
        title=project.title,
        description=project.description,
        personal=project.personal,
        role=pb.Member.Role.Value(project.role.name),
        etag=project.etag,
    )
    message.create_time.FromDatetime(project.create_time)
    message.update_time.FromDatetime(project.update_time)
    if project.delete_time is not None:
        message.delete_time.FromDatetime(project.delete_time)
    return message


def member_to_pb(member: Member) -> pb.Member:
    """A member."""
    message = pb.Member(
        user_id=str(member.user_id),
        username=member.username,
        role=pb.Member.Role.Value(member.role.name),
        etag=member.etag,
    )
    message.create_time.FromDatetime(member.create_time)
    return message
