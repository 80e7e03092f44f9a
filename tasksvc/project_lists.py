"""What projects and their members can be filtered and sorted by."""

from typing import Final

from taskbell.projects.v1.projects_pb2 import Member, Project

from chassis.aip132 import Key, Sortable
from chassis.aip160 import Fields
from chassis.listing import Listing

PROJECTS: Final = Listing(
    Fields.of(
        Project.DESCRIPTOR,
        ["id", "title", "description", "role", "create_time", "update_time"],
        words="title",
        ordered=["role"],
    ),
    Sortable(
        table="project",
        columns={
            "id": "uuid",
            "title": "text",
            "role": "smallint",
            **dict.fromkeys(("create_time", "update_time"), "timestamptz"),
        },
        nullable=frozenset(),
        default=(Key("create_time"), Key("id")),
    ),
)
MEMBERS: Final = Listing(
    Fields.of(
        Member.DESCRIPTOR,
        ["user_id", "username", "role", "create_time"],
        words="username",
        people=["user_id"],
        ordered=["role"],
    ),
    Sortable(
        table="member",
        columns={"user_id": "uuid", "username": "text", "role": "smallint", "create_time": "timestamptz"},
        nullable=frozenset(),
        default=(Key("username"),),
        last="username",
    ),
)
