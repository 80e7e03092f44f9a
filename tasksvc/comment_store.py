"""Comments in PostgreSQL. Every change is one statement, with the event that tells of it, while the task is held."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import asyncpg
from uuid_utils.compat import UUID, uuid7

from chassis.caller import caller, traceparent
from chassis.errors import AuthorRequired, CommentNotFound, Conflict
from chassis.etag import check_etag, etag
from chassis.page_bytes import MOST_BYTES, Portion
from chassis.postgres import Executor, transaction
from tasksvc.access import Role
from tasksvc.domain.change import not_found
from tasksvc.mentions import Revision, newly_mentioned
from tasksvc.partitions import partition_of
from tasksvc.statements import SQL


@dataclass(frozen=True, slots=True)
class Home:
    """Where a task is."""

    task_id: str
    project_id: str
    deleted: bool = False

    @classmethod
    def from_row(cls, task_id: str, row: asyncpg.Record) -> Self:
        """The task's home in a row."""
        return cls(task_id.lower(), str(row["project_id"]), row["deleted"])


@dataclass(frozen=True, slots=True)
class Comment:
    """One version of a comment."""

    id: str
    number: int
    """Larger than that of each older comment on the task."""
    task_id: str
    project_id: str
    author_id: str
    text: str
    version: int
    create_time: datetime
    update_time: datetime

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """The comment in a row of `comments`, with the `project_id` of its task."""
        values = {column: row[column] for column in cls.__slots__}
        for name in ("id", "task_id", "project_id", "author_id"):
            values[name] = str(values[name])
        return cls(**values)

    @classmethod
    def from_body(cls, body: Mapping[str, Any], project_id: str) -> Self:
        """The comment that an event tells of."""
        values = {"project_id": project_id, **body}
        for name in ("create_time", "update_time"):
            values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
        return cls(**{column: values[column] for column in cls.__slots__})

    @property
    def etag(self) -> str:
        """Changes with the comment."""
        return etag("comment", self.id, self.version)


class CommentStore:
    """Reads and writes comments through whatever runs statements: the pool, or the connection of a transaction."""

    async def home(self, db: Executor, task_id: str) -> Home | None:
        """Where the task is; None if there is none."""
        row = await db.fetchrow(SQL["task_home"], task_id)
        return None if row is None else Home.from_row(task_id, row)

    async def get(self, db: Executor, task_id: str, comment_id: str) -> Comment:
        """The comment on this task. Raises CommentNotFound."""
        row = await db.fetchrow(SQL["get_comment"], task_id, comment_id)
        if row is None:
            raise CommentNotFound(f"The task {task_id} has no comment {comment_id}.", metadata={"id": comment_id})
        return Comment.from_row(row)

    async def page(
        self, db: Executor, task_id: str, beyond: int | None, size: int, *, newest_first: bool
    ) -> Portion[Comment]:
        """The comments that come after the one with that number."""
        order = {"direction": "DESC", "beyond": "<"} if newest_first else {"direction": "ASC", "beyond": ">"}
        rows = await db.fetch(SQL["list_comments"].format(**order), task_id, beyond, size + 1, MOST_BYTES)
        return Portion.of([Comment.from_row(row) for row in rows], rows, size)

    async def create(self, db: Executor, home: Home, text: str) -> Comment:
        """The caller's new comment."""
        async with transaction(db) as connection:
            await _hold(connection, home)
            mentions = await newly_mentioned(connection, [Revision(home.project_id, [text])])
            row: Any = await connection.fetchrow(
                SQL["create_comment"], uuid7(), home.task_id, caller().user_id, text, *_event(home), *mentions
            )
            return Comment.from_row(row)

    async def update(self, db: Executor, home: Home, comment_id: str, etag: str, text: str | None) -> Comment:
        """Gives the caller's comment another text; None leaves it."""
        async with transaction(db) as connection:
            await _hold(connection, home)
            comment = await self.get(connection, home.task_id, comment_id)
            if comment.author_id != caller().user_id:
                raise AuthorRequired("Only its author can change a comment.")
            check_etag(etag, comment.etag)
            if text is None or text == comment.text:
                return comment
            mentions = await newly_mentioned(connection, [Revision(home.project_id, [text], [comment.text])])
            row: Any = await connection.fetchrow(SQL["update_comment"], comment_id, text, *_event(home), *mentions)
            return Comment.from_row(row)

    async def delete(self, db: Executor, home: Home, comment_id: str, etag: str, role: Role) -> None:
        """Removes a comment: the caller's own or, in the role of an OWNER, anybody's."""
        async with transaction(db) as connection:
            await _hold(connection, home)
            comment = await self.get(connection, home.task_id, comment_id)
            if role < Role.OWNER and comment.author_id != caller().user_id:
                raise AuthorRequired("Only its author, or an OWNER of the project, can delete a comment.")
            check_etag(etag, comment.etag)
            await connection.execute(SQL["delete_comment"], comment_id, *_event(home))


async def _hold(connection: Executor, home: Home) -> None:
    """Keeps the task where it is until the transaction ends. Raises TaskNotFound, Conflict if it is elsewhere."""
    row = await connection.fetchrow(SQL["hold_home"], home.task_id)
    if row is None or row["deleted"]:
        raise not_found(home.task_id)
    if str(row["project_id"]) != home.project_id:
        raise Conflict("Another change moved the task meanwhile; try again.")


def _event(home: Home) -> tuple[UUID, int, str, str]:
    """A new event's id, partition, actor and trace."""
    return uuid7(), partition_of(home.task_id), caller().user_id, traceparent()
