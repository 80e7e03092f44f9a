"""Whom a text names as `@username`: members of the project. Anybody else who is called so is not meant."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeAlias

from chassis.caller import current_call
from chassis.postgres import Executor
from tasksvc.domain.change import Change
from tasksvc.domain.markdown_code import without_code
from tasksvc.domain.task import Task
from tasksvc.statements import SQL

MOST: Final = 100
"""Members who are told of one change: whoever names more people than that means nobody in particular."""
# Not within a word, as in an e-mail address, nor in a path, as in a link; a backslash before it says that it is none.
_MENTION: Final = re.compile(r"(?<![\w@/\\])@([a-z0-9_.-]+)(?!\w)")
_SHORTEST, _LONGEST = 3, 32
_MOST_NAMES: Final = 200
"""Of a task's texts, or of a comment, that are looked up: a batch may bring hundreds of thousands."""
_MOST_MARKS: Final = 3
"""At the end of a name, of which any number may belong to the sentence; of more, all do or none."""

_TEXTS: Final = frozenset({"title", "description"})

Spellings: TypeAlias = tuple[str, ...]
"""What one mention may mean, the likeliest first: `@bob.` is bob. or, at the end of a sentence, bob."""
_Members: TypeAlias = Mapping[tuple[str, str], str]
"""The ids of users by project and username."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Texts in a project, and what stood there before."""

    project_id: str
    after: Sequence[str]
    before: Sequence[str] = ()


async def newly_mentioned(db: Executor, revisions: Sequence[Revision]) -> list[list[str]]:
    """For each revision the users whom it names and did not name before, each once, without the caller.

    Nobody, where the system writes: what it copies was told of when somebody wrote it.
    """
    call = current_call.get()
    mentions = [mentioned(revision.after) if call.caller else () for revision in revisions]
    if call.caller is None or not any(mentions):
        return [[] for _ in revisions]
    earlier = [mentioned(revision.before) if now else () for revision, now in zip(revisions, mentions, strict=True)]
    members = await _members(
        db,
        {
            (revision.project_id, name)
            for revision, now, before in zip(revisions, mentions, earlier, strict=True)
            for spellings in (*now, *before)
            for name in spellings
        },
    )
    told = []
    for revision, now, before in zip(revisions, mentions, earlier, strict=True):
        known = {call.caller.user_id, *_meant(revision.project_id, before, members)}
        told.append([user for user in _meant(revision.project_id, now, members) if user not in known][:MOST])
    return told


async def with_mentions(db: Executor, changes: Sequence[Change], before: Sequence[Task | None]) -> Sequence[Change]:
    """The changes, each with whom the task's texts name now and did not name `before`."""
    revisions = [
        Revision(change.task.project_id, _texts(change.task), () if seen is None else _texts(seen))
        for change, seen in zip(changes, before, strict=True)
        if not _TEXTS.isdisjoint(change.fields)
    ]
    if not any("@" in text for revision in revisions for text in revision.after):
        return changes
    told = iter(await newly_mentioned(db, revisions))
    return [
        change if _TEXTS.isdisjoint(change.fields) else replace(change, mentioned=tuple(next(told)))
        for change in changes
    ]


def _texts(task: Task) -> Sequence[str]:
    return task.title, task.description


def mentioned(texts: Iterable[str]) -> tuple[Spellings, ...]:
    """The mentions in texts, in their order. What stands in code, such as `@property`, means nobody."""
    names = (name for text in texts if "@" in text for name in _MENTION.findall(without_code(text).lower()))
    return tuple(islice(dict.fromkeys(filter(None, map(_spellings, names))), _MOST_NAMES))


def _spellings(name: str) -> Spellings:
    """The name, and what is left of it when marks at its end belong to the sentence."""
    bare = len(name.rstrip("_.-"))
    lengths = (*range(len(name), max(bare, len(name) - _MOST_MARKS), -1), bare)
    return tuple(name[:length] for length in lengths if _SHORTEST <= length <= _LONGEST)


async def _members(db: Executor, named: Iterable[tuple[str, str]]) -> _Members:
    projects, names = zip(*named, strict=True)
    rows = await db.fetch(SQL["find_named"], projects, names)
    return {(row["project_id"], row["username"]): row["user_id"] for row in rows}


def _meant(project_id: str, mentions: Iterable[Spellings], members: _Members) -> Iterable[str]:
    found = (
        next((members[project_id, name] for name in spellings if (project_id, name) in members), None)
        for spellings in mentions
    )
    return dict.fromkeys(filter(None, found))
