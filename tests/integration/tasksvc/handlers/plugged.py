"""A package of handlers, as somebody else may write it."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasksvc.handlers import GiveUp, Job, RetryLater


async def double(job: Job) -> Mapping[str, Any]:
    """Does a simple thing."""
    await job.progress(50, "half of it")
    return {"doubled": job.payload["number"] * 2, "attempt": job.attempt, "pid": os.getpid()}


async def stumble(job: Job) -> Any:
    """Ends as the payload says."""
    match job.payload["how"]:
        case "error":
            raise ValueError("no \0luck")
        case "later":
            raise RetryLater(600, "come again")
        case "never":
            raise GiveUp("out of stock")
        case "exit":
            sys.exit("the end")
        case "cancelled":
            raise asyncio.CancelledError
        case "surrogate":
            return {"text": "\ud800"}
        case "large":
            return {"text": "a" * 300_000}
        case "number":
            return 5
        case "object":
            return {"it": object()}
    return None


async def wait(job: Job) -> Mapping[str, Any]:
    """Works until a file appears; says so in files when it begins, and when it is stopped."""
    gate = Path(job.payload["gate"])
    gate.with_suffix(".begun").touch()
    try:
        while not gate.exists():  # noqa: ASYNC110 - it is another process that makes the file
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        gate.with_suffix(".stopped").touch()
        raise
    return {"attempt": job.attempt}
