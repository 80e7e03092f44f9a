"""Finds tasks by their words: as written and as begun first; only if that finds nothing, as misspelt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from taskbell.tasks.v1.tasks_pb2 import Snippet

from chassis.aip160 import Node
from chassis.aip160.sql import Parameters
from chassis.page_bytes import MOST_BYTES, Portion
from chassis.positions import read
from chassis.postgres import Executor
from tasksvc.domain.task import Task
from tasksvc.search_query import SearchQuery, Term
from tasksvc.snippets import snippet, words_of
from tasksvc.statements import SQL
from tasksvc.task_filter import condition
from tasksvc.task_rows import task_from_row

SETTINGS: Final = {"pg_trgm.word_similarity_threshold": "0.3"}
"""What the connections are to be made with. A letter wrong in a word of five leaves a third of the trigrams."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ends, and whether words are taken for misspelt: the next page goes on in the same way."""

    misspelt: bool
    score: float
    task_id: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A task that was found."""

    task: Task
    score: float
    snippet: Snippet
    misspelt: bool

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.misspelt, self.score, self.task.id)


class TaskSearch:
    """Searches the tasks of some projects."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def page(
        self, query: SearchQuery, projects: Sequence[str], matching: Node, after: Position | None, size: int
    ) -> Portion[Hit]:
        """The hits after a position, or the first ones. They also match the filter."""
        if not query.alternatives or not projects:
            return Portion([], more=False)
        if after is not None:
            return await self._page(query, projects, matching, after, size, misspelt=after.misspelt)
        page = await self._page(query, projects, matching, None, size, misspelt=False)
        if page.items or not any(term.errors for term in query.wanted):
            return page
        return await self._page(query, projects, matching, None, size, misspelt=True)

    async def _page(
        self,
        query: SearchQuery,
        projects: Sequence[str],
        matching: Node,
        after: Position | None,
        size: int,
        *,
        misspelt: bool,
    ) -> Portion[Hit]:
        parameters = Parameters(query.text, _lexemes(query, misspelt=misspelt))
        found = " AND ".join(
            [
                f"task.project_id = ANY({parameters.add(projects, 'uuid[]')})",
                "task.delete_time IS NULL",
                f"({condition(matching, parameters)})",
                f"({_found(query, parameters, misspelt=misspelt)})",
            ]
        )
        statement = SQL["search_tasks"].format(
            found=found, after=_after(after, parameters), limit=size + 1, bytes=MOST_BYTES
        )
        rows = await self._db.fetch(statement, *parameters.values)
        tasks = [task_from_row(row) for row in rows]
        words = words_of(text for task in tasks for text in (task.title, task.description))
        terms = query.wanted if misspelt else []
        misspelt_words = [term.text for term in terms], [term.errors for term in terms]
        found_words = await self._db.fetch(SQL["list_hits"], words, parameters.values[1], *misspelt_words)
        marked = {row["word"] for row in found_words}
        hits = [
            Hit(task, row["score"], snippet(task.title, task.description, marked), misspelt)
            for row, task in zip(rows, tasks, strict=True)
        ]
        return Portion.of(hits, rows, size)


def _found(query: SearchQuery, parameters: Parameters, *, misspelt: bool) -> str:
    """The condition for what is asked for. The index on the words answers most of it, that on trigrams the rest."""

    def whole(term: Term) -> str:
        to = "phraseto" if term.phrase else "plainto"
        return f"{to}_tsquery('russian', {parameters.add(term.text, 'text')})"

    def has(term: Term, only: bool) -> str:
        written = whole(term)
        lexemes = parameters.add(term.lexemes, "text")
        ways = [f"task.words @@ ({written} || to_tsquery('russian', {lexemes}) || to_tsquery('simple', {lexemes}))"]
        if not only:
            # A word such as "the" is in no index: beside others it may be anywhere.
            ways.append(f"numnode({written}) = 0")
        if misspelt and term.errors:
            ways.append(f"task.words @@ to_tsquery('russian', {parameters.add(term.corrections, 'text')})")
            ways.append(_resembles(term, parameters))
        return f"({' OR '.join(ways)})"

    return " OR ".join(
        " AND ".join(
            [
                *(has(term, only=len(each.wanted) == 1) for term in each.wanted),
                *(f"NOT task.words @@ {whole(term)}" for term in each.unwanted),
            ]
        )
        for each in query.alternatives
    )


def _lexemes(query: SearchQuery, *, misspelt: bool) -> str:
    """All that may be found, for to_tsquery."""
    found = [term.lexemes for term in query.wanted]
    if misspelt:
        found += [term.corrections for term in query.wanted if term.errors]
    return " | ".join(f"({each})" for each in found)


def _resembles(term: Term, parameters: Parameters) -> str:
    word, errors = parameters.add(term.text, "text"), parameters.add(term.errors, "integer")
    return f"({SQL['title_resembles'].format(word=word, errors=errors)})"


def _after(position: Position | None, parameters: Parameters) -> str:
    if position is None:
        return "true"
    score = parameters.add(position.score, "float8")
    return f"score < {score} OR (score = {score} AND id > {parameters.add(position.task_id, 'uuid')})"


def read_position(value: Any) -> Position:
    """What `tell_position` made. Raises ValueError for anything else."""
    match value:
        case [misspelt, score, task_id]:
            return Position(read("boolean", misspelt), read("float8", score), str(read("uuid", task_id)))
    raise ValueError(f"no position: {value!r}")


def tell_position(position: Position) -> list[Any]:
    """The position as JSON: what a page token carries."""
    return [position.misspelt, position.score, position.task_id]
