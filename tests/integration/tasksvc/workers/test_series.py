"""Series: the next task is made once, whoever looks, and is like the one before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tasksvc.domain.change import restore
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Priority, RecurrenceMode, Status, Task, UniqueScope
from tasksvc.domain.transitions import Action
from tasksvc.lease_store import Answer, Completed, Failed
from tests.integration.tasksvc.workers.crew import Crew

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ON_SCHEDULE: dict[str, Any] = {"recurrence_mode": RecurrenceMode.ON_SCHEDULE}


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def test_the_next_task_is_made_when_one_has_ended_and_is_like_it(crew: Crew) -> None:
    user = crew.first.replica.user_id
    parent = await crew.add("garden")
    first = await crew.add(
        "water",
        description="**all** of it",
        priority=Priority.HIGH,
        labels=("home", "garden"),
        assignee_id=user,
        parent_id=parent.id,
        due_time=now() + 8 * HOUR,
        schedule_time=now(),
        recurrence="FREQ=WEEKLY",
        recurrence_time_zone="Europe/Berlin",
    )
    await crew.go_on()
    assert await crew.series(first) == [first]
    await crew.end(first)
    await crew.go_on()
    second = await crew.next(first)
    for name in ("title", "description", "priority", "labels", "assignee_id", "parent_id", "creator_id", "project_id"):
        assert getattr(second, name) == getattr(first, name)
    for name in ("recurrence", "recurrence_mode", "recurrence_time_zone", "series_id"):
        assert getattr(second, name) == getattr(first, name)
    assert (second.status, second.version, second.series_id) == (Status.PENDING, 1, first.id)
    assert second.schedule_time is not None
    assert second.schedule_time > datetime.now(UTC)
    assert second.due_time == second.schedule_time + 8 * HOUR
    (event,) = await crew.events(second)
    assert (event["type"], event["actor_id"]) == ("task.created", None)


async def test_work_that_recurs_is_enqueued_with_all_that_workers_need(crew: Crew) -> None:
    first = await crew.add(
        queue="backups",
        payload={"disk": "a"},
        unique_key="disk-a",
        unique_scope=UniqueScope.RUNNING,
        concurrency_key="disks",
        max_attempts=3,
        recurrence="FREQ=DAILY",
    )
    await crew.end(first)
    await crew.go_on()
    second = await crew.next(first)
    for name in ("queue", "payload", "unique_key", "unique_scope", "concurrency_key", "max_attempts"):
        assert getattr(second, name) == getattr(first, name)
    assert second.attempt == 0
    # It had no time of its own, and waits for its turn all the same.
    assert second.schedule_time is not None
    assert timedelta(hours=23) < second.schedule_time - first.create_time <= DAY


async def test_the_next_task_is_made_once_by_three_replicas_at_the_same_time(crew: Crew) -> None:
    tasks = [await crew.add(str(number), recurrence="FREQ=DAILY", due_time=now()) for number in range(60)]
    for task in tasks:
        await crew.end(task)
    await crew.go_on()
    for task in tasks:
        assert len(await crew.series(task)) == 2


async def test_a_task_that_is_done_again_is_followed_once(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY")
    await crew.end(first)
    await crew.go_on()
    await crew.end(first, Action.REOPEN)
    await crew.end(first)
    await crew.go_on()
    assert len(await crew.series(first)) == 2


async def test_a_task_that_was_reopened_at_once_is_not_followed_yet(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY")
    await crew.end(first)
    await crew.end(first, Action.REOPEN)
    await crew.go_on()
    assert len(await crew.series(first)) == 1


async def test_the_next_time_is_the_first_to_come_and_always_after_the_one_before(crew: Crew) -> None:
    late = await crew.add(recurrence="FREQ=DAILY", due_time=now() - 10 * DAY - HOUR)
    early = await crew.add(recurrence="FREQ=DAILY", due_time=now() + 3 * DAY)
    await crew.end(late)
    await crew.end(early)
    await crew.go_on()
    assert (await crew.next(late)).due_time == late.due_time + 11 * DAY  # type: ignore[operator]
    assert (await crew.next(early)).due_time == early.due_time + DAY  # type: ignore[operator]


async def test_a_series_goes_on_when_one_is_skipped_or_fails(crew: Crew) -> None:
    cancelled = await crew.add(recurrence="FREQ=DAILY")
    failed = await crew.add(recurrence="FREQ=DAILY")
    await crew.end(cancelled, Action.CANCEL)
    await crew.end(failed, Action.START)
    await crew.end(failed, Action.FAIL)
    await crew.go_on()
    assert len(await crew.series(cancelled)) == len(await crew.series(failed)) == 2


@pytest.mark.parametrize("mode", sorted(RecurrenceMode.__members__.keys() - {"UNSAID"}))
async def test_a_series_ends_when_its_newest_task_is_deleted_until_it_is_restored(crew: Crew, mode: str) -> None:
    first = await crew.add(recurrence="FREQ=DAILY", recurrence_mode=RecurrenceMode[mode], due_time=now() - DAY)
    await crew.end(first)
    await crew.delete(first)
    await crew.go_on()
    assert len(await crew.series(first)) == 1
    await crew.do(first, restore)
    await crew.go_on()
    assert len(await crew.series(first)) == 2


async def test_a_series_goes_on_when_an_older_task_is_deleted(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY")
    await crew.end(first)
    await crew.go_on()
    await crew.delete(first)
    await crew.end(await crew.next(first))
    await crew.go_on()
    assert len(await crew.series(first)) == 3


@pytest.mark.parametrize("mode", sorted(RecurrenceMode.__members__.keys() - {"UNSAID"}))
async def test_a_series_ends_when_its_newest_task_loses_its_rule(crew: Crew, mode: str) -> None:
    first = await crew.add(recurrence="FREQ=DAILY", recurrence_mode=RecurrenceMode[mode], due_time=now() - DAY)
    await crew.update(first, recurrence="", recurrence_mode=RecurrenceMode.UNSAID)
    await crew.end(first)
    await crew.go_on()
    assert len(await crew.series(first)) == 1


async def test_a_task_may_come_to_recur_later(crew: Crew) -> None:
    first = await crew.add()
    await crew.end(first)
    rule = {"recurrence": "FREQ=DAILY", "recurrence_mode": RecurrenceMode.AFTER_END, "series_id": first.id}
    await crew.update(first, **rule)
    await crew.go_on()
    assert len(await crew.series(await crew.now(first))) == 2


async def test_a_count_ends_a_series(crew: Crew) -> None:
    task = first = await crew.add(recurrence="FREQ=DAILY;COUNT=3", due_time=now() - 20 * DAY)
    for _ in range(2):
        await crew.end(task)
        await crew.go_on()
        task = await crew.next(task)
    # To put one off is not to begin again.
    await crew.update(task, due_time=now() + HOUR)
    await crew.end(task)
    await crew.go_on()
    assert len(await crew.series(first)) == 3


async def test_an_end_ends_a_series(crew: Crew) -> None:
    until = f"{now() + DAY:%Y%m%d}"
    first = await crew.add(recurrence=f"FREQ=DAILY;UNTIL={until}", due_time=now() + 2 * DAY)
    await crew.end(first)
    await crew.go_on()
    assert len(await crew.series(first)) == 1


async def test_a_series_counts_from_the_time_that_its_newest_task_was_put_off_to(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY", due_time=now() + HOUR)
    await crew.end(first)
    await crew.go_on()
    second = await crew.update(await crew.next(first), due_time=now() + 3 * HOUR)
    await crew.end(second)
    await crew.go_on()
    assert (await crew.next(second)).due_time == second.due_time + DAY  # type: ignore[operator]


async def test_attempts_that_failed_do_not_move_a_series(crew: Crew) -> None:
    queue = QueueRef(crew.first.replica.project_id, "nightly")
    first = await crew.add(queue="nightly", recurrence="FREQ=DAILY", schedule_time=now() - HOUR, due_time=now() + HOUR)
    leases = crew.first.leases
    (lease,) = await leases.lease([queue], 1, worker="w", duration=30, streamed=False)
    await leases.settle(crew.pool, [Answer(lease.lease_id, Failed("no", retry_after=600))])
    tried = await crew.now(first)
    assert tried.schedule_time is not None
    assert first.schedule_time is not None
    assert tried.schedule_time > first.schedule_time
    await crew.end(tried)
    await crew.go_on()
    second = await crew.next(first)
    assert (second.schedule_time, second.due_time) == (first.schedule_time + DAY, first.due_time + DAY)  # type: ignore[operator]


async def test_what_workers_complete_comes_again(crew: Crew) -> None:
    queue = QueueRef(crew.first.replica.project_id, "hourly")
    first = await crew.add(queue="hourly", recurrence="FREQ=HOURLY")
    (lease,) = await crew.first.leases.lease([queue], 1, worker="w", duration=30, streamed=True)
    await crew.first.leases.settle(crew.pool, [Answer(lease.lease_id, Completed({"ok": 1}))])
    await crew.go_on()
    second = await crew.next(first)
    assert (second.result, second.status) == (None, Status.PENDING)
    assert not await crew.first.leases.lease([queue], 1, worker="w", duration=30, streamed=True)


async def test_a_clock_that_is_put_forward_does_not_move_a_series(crew: Crew) -> None:
    # 02:30 in Berlin, which the 28th of March 2027 doesn't have.
    first = await crew.add(
        recurrence="FREQ=DAILY", recurrence_time_zone="Europe/Berlin", due_time=datetime(2027, 3, 27, 1, 30, tzinfo=UTC)
    )
    times = []
    task = first
    for _ in range(2):
        await crew.end(task)
        await crew.go_on()
        task = await crew.next(task)
        times.append(task.due_time)
    assert times == [datetime(2027, 3, 28, 1, 30, tzinfo=UTC), datetime(2027, 3, 29, 0, 30, tzinfo=UTC)]


# --- on schedule ---


async def test_on_schedule_a_task_comes_at_each_time_whatever_became_of_the_one_before(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY", due_time=now() - HOUR, **ON_SCHEDULE)
    await crew.go_on()
    await crew.end(first)
    await crew.go_on()
    assert len(await crew.series(first)) == 1
    await pass_a_day(crew, first)
    await crew.go_on()
    second = await crew.next(first)
    assert second.due_time == (await crew.now(first)).due_time + DAY  # type: ignore[operator]
    await pass_a_day(crew, first)
    await crew.go_on()
    await crew.go_on()
    assert len(await crew.series(first)) == 3
    assert [task.status for task in await crew.series(first)] == [Status.COMPLETED, Status.PENDING, Status.PENDING]


async def pass_a_day(crew: Crew, task: Task) -> None:
    """Moves a series back by a day: as if one had passed."""
    await crew.sql("UPDATE tasks SET due_time = due_time - interval '1 day' WHERE series_id = $1", task.series_id)


async def test_on_schedule_the_newest_of_the_times_that_passed_is_made_up_for(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=MINUTELY", schedule_time=now() - 400 * DAY, **ON_SCHEDULE)
    before = datetime.now(UTC)
    await crew.go_on()
    _, *others = await crew.series(first)
    assert 1 <= len(others) <= 2
    assert all(task.schedule_time and task.schedule_time > before - timedelta(minutes=1) for task in others)


async def test_on_schedule_what_has_another_mode_now_follows_that(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY", due_time=now() - HOUR)
    await crew.go_on()
    await crew.update(first, recurrence_mode=RecurrenceMode.ON_SCHEDULE)
    await pass_a_day(crew, first)
    await crew.go_on()
    assert len(await crew.series(first)) == 2


# --- what may be gone ---


async def test_what_a_task_names_and_is_gone_is_left_out(crew: Crew) -> None:
    stranger, parent = str(uuid7()), await crew.add("house")
    await crew.sql(
        "INSERT INTO users (id, username, email, password_hash, personal_project_id) VALUES ($1, $2, $2, '', $3)",
        stranger,
        f"stranger-{stranger}",
        parent.project_id,
    )
    await crew.sql("INSERT INTO members (project_id, user_id, role) VALUES ($1, $2, 2)", parent.project_id, stranger)
    first = await crew.add(recurrence="FREQ=DAILY", assignee_id=stranger, parent_id=parent.id)
    await crew.sql("DELETE FROM members WHERE user_id = $1", stranger)
    await crew.delete(parent)
    await crew.end(first)
    await crew.go_on()
    second = await crew.next(first)
    assert (second.assignee_id, second.parent_id) == (None, None)


async def test_while_its_unique_key_is_taken_the_next_task_waits(crew: Crew) -> None:
    key: dict[str, Any] = {"unique_key": "report", "unique_scope": UniqueScope.RUNNING}
    first = await crew.add(recurrence="FREQ=DAILY", **key)
    await crew.end(first)
    other = await crew.add("by hand", **key)
    await crew.go_on()
    assert len(await crew.series(first)) == 1
    await crew.end(other)
    await crew.sql("UPDATE recurrences SET wake_time = now() WHERE task_id = $1", first.id)
    await crew.go_on()
    assert len(await crew.series(first)) == 2


async def test_on_schedule_a_time_at_which_the_unique_key_is_taken_is_passed_over(crew: Crew) -> None:
    key: dict[str, Any] = {"unique_key": "poll", "unique_scope": UniqueScope.RUNNING, **ON_SCHEDULE}
    first = await crew.add(recurrence="FREQ=DAILY", due_time=now() - HOUR, **key)
    await pass_a_day(crew, first)
    await crew.go_on()
    assert len(await crew.series(first)) == 1
    await pass_a_day(crew, first)
    await crew.end(first)
    await crew.go_on()
    assert (await crew.next(first)).due_time == (await crew.now(first)).due_time + 2 * DAY  # type: ignore[operator]


async def test_a_rule_that_can_no_longer_be_read_holds_up_no_other(crew: Crew) -> None:
    broken = await crew.add(recurrence="FREQ=DAILY")
    sound = await crew.add(recurrence="FREQ=DAILY")
    await crew.sql("UPDATE tasks SET recurrence_time_zone = 'Atlantis' WHERE id = $1", broken.id)
    await crew.end(broken)
    await crew.end(sound)
    await crew.go_on()
    assert len(await crew.series(broken)) == 1
    assert len(await crew.series(sound)) == 2
    await crew.delete(broken)


async def test_a_series_of_a_deleted_project_rests(crew: Crew) -> None:
    first = await crew.add(recurrence="FREQ=DAILY")
    await crew.end(first)
    await crew.sql("UPDATE projects SET delete_time = now() WHERE id = $1", first.project_id)
    try:
        await crew.go_on()
    finally:
        await crew.sql("UPDATE projects SET delete_time = NULL WHERE id = $1", first.project_id)
    assert len(await crew.series(first)) == 1
