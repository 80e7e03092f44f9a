"""A comment as callers get it."""

from taskbell.comments.v1 import comments_pb2 as pb

from tasksvc.comment_store import Comment
from tasksvc.task_to_pb import time_to_pb


def comment_to_pb(comment: Comment) -> pb.Comment:
    """The message."""
    return pb.Comment(
        id=comment.id,
        task_id=comment.task_id,
        project_id=comment.project_id,
        author_id=comment.author_id,
        text=comment.text,
        create_time=time_to_pb(comment.create_time),
        update_time=time_to_pb(comment.update_time),
        etag=comment.etag,
    )
