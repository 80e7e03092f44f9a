"""What authors of handlers lean on."""

import pytest

from tasksvc.handlers import Job, RetryLater


async def test_a_handlers_own_test_needs_no_service() -> None:
    job = Job(task_id="1", payload={"size": 64})
    await job.progress(100, "done")


async def test_progress_reaches_those_who_follow() -> None:
    told: list[tuple[int, str]] = []

    async def report(percent: int, message: str) -> None:
        told.append((percent, message))

    job = Job(task_id="1", payload={}, report=report)
    await job.progress(0)
    await job.progress(100, "x" * 501)
    assert told == [(0, ""), (100, "x" * 500)]


@pytest.mark.parametrize("percent", [-1, 101, float("nan")])
async def test_progress_is_0_to_100(percent: int) -> None:
    with pytest.raises(ValueError, match="must be 0 to 100"):
        await Job(task_id="1", payload={}).progress(percent)


@pytest.mark.parametrize("after", [-1, 604_801, float("nan"), float("inf")])
def test_a_pause_is_up_to_7_days(after: float) -> None:
    with pytest.raises(ValueError, match="must be 0 to 604800 seconds"):
        RetryLater(after)
