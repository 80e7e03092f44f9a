"""`taskbell comment`, and `taskbell comments`: what people say about tasks."""

import sys
from typing import Annotated, Final

import typer
from typer.core import TyperGroup

from cli import paging, sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit
from cli.task_input import Id

LATEST: Final = 3
"""How many of a task's comments are shown beside it."""


class _OfTask(TyperGroup):
    """`taskbell comments ID` is `taskbell comments list ID`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # click's own
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
group = typer.Typer(help="What is said about a task.", cls=_OfTask, no_args_is_help=True)

Words = Annotated[
    list[str],
    typer.Argument(metavar="TEXT...", help="Markdown; the words need no quotes; - reads it from standard input."),
]
_WHICH: Final = "or the last 6 or more characters of it."
Comment = Annotated[str, typer.Argument(metavar="COMMENT", help=f"The comment's id, {_WHICH}")]
Comments = Annotated[list[str], typer.Argument(metavar="COMMENT...", help=f"The comments' ids, {_WHICH}")]


@command(app)
async def comment(cli: Cli, task: Id, text: Words) -> None:
    """Comments on a task. @username tells somebody of it."""
    said = sdk.comments.Comment(text=_text(text))
    request = sdk.comments.CreateCommentRequest(task_id=await _task(cli, task), comment=said)
    await _show(cli, await cli.client.comments.create_comment(request))


@command(group, "list")
async def list_(
    cli: Cli,
    task: Id,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="The last one first.")] = False,
    limit: Limit = 50,
    every: All = False,
) -> None:
    """Lists what was said about a task, oldest first."""
    from cli.people import People
    from cli.views.comments import CommentView

    id_, order = await _task(cli, task), "create_time desc" if newest_first else ""

    async def page(size: int, token: str) -> "sdk.comments.ListCommentsResponse":
        return await cli.client.comments.list_comments(
            sdk.comments.ListCommentsRequest(task_id=id_, order_by=order, page_size=size, page_token=token)
        )

    answer = await paging.collect(page, "comments", None if every else limit)
    people = People(cli.client)
    if cli.output.for_people:
        await people.meet(each.author_id for each in answer.comments)
    cli.output.items(answer, answer.comments, CommentView(people))
    cli.output.more(answer.next_page_token)


@command(group)
async def edit(cli: Cli, task: Id, comment: Comment, text: Words) -> None:
    """Changes what you said."""
    task_id, (id_,) = await _comments(cli, task, [comment])
    request = sdk.comments.UpdateCommentRequest(
        task_id=task_id,
        comment=sdk.comments.Comment(id=id_, text=_text(text)),
        update_mask=sdk.google.FieldMask(paths=["text"]),
    )
    await _show(cli, await cli.client.comments.update_comment(request))


@command(group)
async def rm(cli: Cli, task: Id, comments: Comments) -> None:
    """Deletes comments for good: your own, or anybody's as an OWNER of the project."""
    from cli.names import short

    task_id, ids = await _comments(cli, task, comments)
    for id_ in ids:
        await cli.client.comments.delete_comment(sdk.comments.DeleteCommentRequest(task_id=task_id, id=id_))
        cli.output.done(f"Deleted the comment {short(id_)}.")


async def show_latest(cli: Cli, task_id: str) -> None:
    """Prints the last few comments on a task, and how to get the others."""
    from cli.names import short
    from cli.people import People
    from cli.views.comments import CommentView

    request = sdk.comments.ListCommentsRequest(task_id=task_id, order_by="create_time desc", page_size=LATEST)
    answer = await cli.client.comments.list_comments(request)
    if not answer.comments:
        return
    people = People(cli.client)
    await people.meet(each.author_id for each in answer.comments)
    older = [f"Older comments: taskbell comments {short(task_id)}"] if answer.next_page_token else []
    cli.output.draw("", *older, CommentView(people).table(answer.comments[::-1]))


async def _show(cli: Cli, comment: "sdk.comments.Comment") -> None:
    from cli.people import People
    from cli.views.comments import CommentView

    people = People(cli.client)
    if cli.output.for_people:
        await people.meet([comment.author_id])
    cli.output.item(comment, CommentView(people))


def _text(words: list[str]) -> str:
    text = sys.stdin.read() if words == ["-"] else " ".join(words)
    if not text.strip():
        raise UsageProblem("there is nothing to say: the text is blank")
    return text


async def _task(cli: Cli, text: str) -> str:
    from cli.names import task_ids

    (id_,) = await task_ids(cli.client, [text])
    return id_


async def _comments(cli: Cli, task: str, texts: list[str]) -> tuple[str, list[str]]:
    """The ids of a task and of comments on it."""
    from cli.names import comment_ids

    task_id = await _task(cli, task)
    return task_id, await comment_ids(cli.client, task_id, texts)
