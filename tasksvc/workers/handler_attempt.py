"""One attempt of a handler at a task, and what it comes to."""

import asyncio
from typing import Any, Final

import structlog
from google.protobuf.struct_pb2 import Struct

from chassis.errors import InvalidField
from chassis.foreign_text import storable
from chassis.service_error import shortened
from tasksvc.handlers import AttemptFailed, GiveUp, Handler, Job, RetryLater
from tasksvc.lease_store import Completed, Failed
from tasksvc.task_from_pb import struct_to_json

_LONGEST_ERROR: Final = 8192 // 4
"""Characters: the API's limit is one of bytes."""
_log = structlog.get_logger("tasksvc.handlers")


async def attempt(handler: Handler, job: Job) -> Completed | Failed:
    """Runs it. Whatever a handler raises fails the attempt, and nothing else; only being cancelled goes through."""
    try:
        return Completed(_result(await handler(job)))
    except GiveUp as failed:
        return Failed(_text(failed), retryable=False)
    except RetryLater as failed:
        return Failed(_text(failed), retry_after=failed.after)
    except AttemptFailed as failed:
        return Failed(_text(failed))
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        return Failed("The handler was cancelled, by nobody else than itself.")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - plugged-in code; the process goes on without it
        _log.warning("handler failed", queue=job.queue, task_id=job.task_id, attempt=job.attempt, exc_info=True)
        return Failed(_text(error, type(error).__name__))


def _result(returned: Any) -> dict[str, Any] | None:
    """What can be kept of what a handler returned. Raises AttemptFailed."""
    if returned is None:
        return None
    struct = Struct()
    try:
        struct.update(returned)
        return dict(struct_to_json(struct, "result"))
    except InvalidField as error:
        raise AttemptFailed(f"The handler's result can't be kept: {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        told = shortened(repr(returned), 80)
        raise AttemptFailed(f"The handler's result, {told}, is no object that JSON can say: {error}") from None


def _text(error: BaseException, *before: str) -> str:
    return shortened(storable(": ".join(filter(None, (*before, str(error))))), _LONGEST_ERROR)
