"""Comments over gRPC."""

from collections.abc import Awaitable, Callable
from typing import Final

from google.protobuf.empty_pb2 import Empty
from taskbell.comments.v1 import comments_pb2 as pb
from taskbell.comments.v1.comments_pb2_grpc import CommentServiceServicer

from chassis import pages
from chassis.aip132 import newest_first
from chassis.errors import InvalidField
from chassis.interceptors import Context
from chassis.page_bytes import fitting
from chassis.positions import of_type
from chassis.postgres import Executor, Pool
from chassis.replays import Repeatable, Replays, Response
from chassis.update_mask import fields_to_change
from tasksvc.access import Role
from tasksvc.comment_store import CommentStore, Home
from tasksvc.comment_to_pb import comment_to_pb
from tasksvc.domain.change import not_found
from tasksvc.outbox_bell import OutboxBell
from tasksvc.partitions import partition_of
from tasksvc.task_access import TaskAccess

_CHANGEABLE: Final = ("text",)


class CommentServicer(CommentServiceServicer):
    """Comments on tasks."""

    def __init__(self, pool: Pool, access: TaskAccess, replays: Replays, bell: OutboxBell) -> None:
        self._pool = pool
        self._comments = CommentStore()
        self._access = access
        self._replays = replays
        self._bell = bell

    async def CreateComment(self, request: pb.CreateCommentRequest, _context: Context) -> pb.Comment:
        text = _text(request.comment)
        home, _ = await self._home(request.task_id, Role.EDITOR)

        async def respond(db: Executor) -> pb.Comment:
            return comment_to_pb(await self._comments.create(db, home, text))

        return await self._told("CreateComment", request, home, respond)

    async def GetComment(self, request: pb.GetCommentRequest, _context: Context) -> pb.Comment:
        await self._readable(request.task_id)
        return comment_to_pb(await self._comments.get(self._pool, request.task_id, request.id))

    async def ListComments(self, request: pb.ListCommentsRequest, _context: Context) -> pb.ListCommentsResponse:
        descending = newest_first(request.order_by, "create_time", unless_said=False)
        beyond = pages.decode(request.page_token, request, of_type("bigint")) if request.page_token else None
        await self._readable(request.task_id)
        size = pages.page_size(request.page_size)
        page = await self._comments.page(self._pool, request.task_id, beyond, size, newest_first=descending)
        comments = fitting([comment_to_pb(comment) for comment in page.items])
        answer = pb.ListCommentsResponse(comments=comments)
        if page.more or len(comments) < len(page.items):
            answer.next_page_token = pages.encode(page.items[len(comments) - 1].number, request)
        return answer

    async def UpdateComment(self, request: pb.UpdateCommentRequest, _context: Context) -> pb.Comment:
        comment = request.comment
        fields = fields_to_change(request.update_mask, comment, _CHANGEABLE)
        text = _text(comment) if "text" in fields else None
        home, _ = await self._home(request.task_id, Role.EDITOR)

        async def respond(db: Executor) -> pb.Comment:
            return comment_to_pb(await self._comments.update(db, home, comment.id, comment.etag, text))

        return await self._told("UpdateComment", request, home, respond)

    async def DeleteComment(self, request: pb.DeleteCommentRequest, _context: Context) -> Empty:
        home, role = await self._home(request.task_id, Role.EDITOR)

        async def respond(db: Executor) -> Empty:
            await self._comments.delete(db, home, request.id, request.etag, role)
            return Empty()

        return await self._told("DeleteComment", request, home, respond)

    async def _home(self, task_id: str, role: Role) -> tuple[Home, Role]:
        """Where the task is, and the caller's role there, which is this one at least."""
        home = await self._comments.home(self._pool, task_id)
        has = await self._access.require(None if home is None else home.project_id, task_id, role)
        if home is None:
            raise not_found(task_id)
        return home, has

    async def _readable(self, task_id: str) -> None:
        """Raises TaskNotFound unless the task is there, and the caller sees it."""
        home, _ = await self._home(task_id, Role.VIEWER)
        if home.deleted:
            raise not_found(task_id)

    async def _told(
        self, method: str, request: Repeatable, home: Home, respond: Callable[[Executor], Awaitable[Response]]
    ) -> Response:
        """The answer, now that the relay knows of it."""
        answer = await self._replays.once(method, request, respond)
        self._bell.ring([partition_of(home.task_id)])
        return answer


def _text(comment: pb.Comment) -> str:
    if not comment.text.strip():
        raise InvalidField.named("comment.text", comment.text, "must have 1 byte to 16 KiB that are not all blank")
    if "\0" in comment.text:
        raise InvalidField.named("comment.text", comment.text, "must not contain the character U+0000")
    return comment.text
