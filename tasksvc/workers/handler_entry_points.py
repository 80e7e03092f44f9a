"""The handlers that installed packages bring."""

import inspect
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from chassis.run import CannotStart
from tasksvc.handlers import ENTRY_POINTS, Handler

_QUEUE: Final = re.compile(r"[a-z0-9_.-]{1,64}")


def with_installed(builtin: Mapping[str, Handler]) -> dict[str, Handler]:
    """These, and the installed ones, by the queue that they serve. Raises CannotStart for one that can't be used."""
    handlers = dict(builtin)
    for entry in entry_points(group=ENTRY_POINTS):
        if not _QUEUE.fullmatch(entry.name):
            raise _refused(
                entry, "a handler's name is that of its queue: 1 to 64 characters of a-z, 0-9, '_', '.', '-'"
            )
        if entry.name in handlers:
            raise _refused(entry, "there is another handler for this queue")
        handlers[entry.name] = _loaded(entry)
    return handlers


def _loaded(entry: EntryPoint) -> Handler:
    try:
        handler: Any = entry.load()
    except Exception as error:
        raise _refused(entry, f"{type(error).__name__}: {error}") from error
    if not any(map(inspect.iscoroutinefunction, (handler, getattr(handler, "__call__", None)))):  # noqa: B004 - an object's
        raise _refused(entry, "a handler is an async function")
    return handler  # type: ignore[no-any-return]  # what it takes and gives, nobody can see


def _refused(entry: EntryPoint, problem: str) -> CannotStart:
    return CannotStart(f"The handler {entry.name} = {entry.value} can't be used: {problem}.")
