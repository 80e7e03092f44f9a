"""Runs a handler once, and says how that ended."""

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from cli.work.job import AttemptFailed, GiveUp, Job, RetryLater, Snooze
from cli.work.outcome import Failed, Outcome, Released, completed

Result = Mapping[str, Any] | None
Handler = Callable[[Job], Awaitable[Result]] | Callable[[Job], Result]

_FRAMES: Final = 12
_LONGEST_SUMMARY: Final = 2000


async def attempt(handler: Handler, job: Job) -> Outcome:
    """Whatever goes wrong in the handler is an outcome too; only being cancelled is not."""
    try:
        return _outcome(await _returned(handler, job))
    except Snooze as snooze:
        return Released(snooze.after)
    except AttemptFailed as failure:
        return Failed(
            str(failure) or type(failure).__name__,
            retryable=not isinstance(failure, GiveUp),
            after=failure.after if isinstance(failure, RetryLater) else None,
        )
    except asyncio.CancelledError:
        if _told_to_stop():
            raise
        return Failed("The handler cancelled itself.")
    except Exception as error:  # noqa: BLE001 - a handler may raise what it likes
        return Failed(_told(error))


def is_async(handler: Handler) -> bool:
    """Whether it runs on the event loop, where it can be cancelled; else it gets a thread."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 - an object may be called as a coroutine


def _outcome(result: Any) -> Outcome:
    try:
        return completed(result)
    except Exception as error:  # noqa: BLE001 - what no message can hold has many ways to say so
        return Failed(f"The handler's result can't be kept: {error}")


async def _returned(handler: Handler, job: Job) -> Result:
    if is_async(handler):
        return await cast("Awaitable[Result]", handler(job))
    return await _in_thread(cast("Callable[[Job], Result]", handler), job)


async def _in_thread(function: Callable[[Job], Result], job: Job) -> Result:
    """A thread of its own: the loop's pool has a limit that isn't the worker's, and is waited for at the end."""
    done: concurrent.futures.Future[Result] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def run() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            result = context.run(function, job)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the attempt and no more
            done.set_exception(error)
        else:
            done.set_result(result)

    threading.Thread(target=run, name=f"job {job.task_id[-8:]}", daemon=True).start()
    return await asyncio.wrap_future(done)


def _told_to_stop() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _told(error: Exception) -> str:
    """The error in a line, and where it came from."""
    summary = "".join(traceback.format_exception_only(error)).strip()[:_LONGEST_SUMMARY]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    ours = __file__
    places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames if frame.filename != ours]
    return "\n".join([summary, *places])
