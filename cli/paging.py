"""Lists longer than a page: fetched page by page until the limit, and handed on as one answer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import typer

M = TypeVar("M")

LARGEST_PAGE: Final = 1000

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
All = Annotated[bool, typer.Option("--all", help="All of them, whatever the limit.")]


async def collect(fetch: Callable[[int, str], Awaitable[M]], field: str, limit: int | None) -> M:
    """The answers of `fetch(page_size, page_token)` as one, whose list `field` is no longer than `limit` (if any)."""
    answer: Any = await fetch(_page(limit, 0), "")
    items = getattr(answer, field)
    while answer.next_page_token and (limit is None or len(items) < limit):
        page: Any = await fetch(_page(limit, len(items)), answer.next_page_token)
        items.extend(getattr(page, field))
        answer.next_page_token = page.next_page_token
    return answer  # type: ignore[no-any-return]  # M, seen as Any for its list


def _page(limit: int | None, had: int) -> int:
    return LARGEST_PAGE if limit is None else min(limit - had, LARGEST_PAGE)
