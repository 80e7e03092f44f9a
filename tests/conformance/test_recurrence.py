"""Tasks that come again."""

from collections.abc import Callable

from taskbell.tasks.v1.tasks_pb2 import Task

from tests.conformance.board import Board, eventually, moment

DAY = 86_400


async def series(board: Board, enough: Callable[[list[Task]], bool]) -> list[Task]:
    """The project's tasks, oldest first, as soon as they are enough."""
    return await eventually(board.listed, enough)


async def test_the_next_task_is_made_when_this_one_has_ended(board: Board) -> None:
    first = await board.add("water", queue="", due_time=moment(3600), recurrence="FREQ=DAILY", labels=["home"])
    assert first.recurrence_mode == Task.AFTER_END
    await board.finish(first)
    _, second = await series(board, lambda tasks: len(tasks) == 2)
    assert (second.title, list(second.labels), second.status) == ("water", ["home"], Task.PENDING)
    assert second.due_time.seconds - first.due_time.seconds == DAY
    assert (second.recurrence, second.series_id) == ("FREQ=DAILY", first.id)


async def test_the_next_task_is_made_once(board: Board) -> None:
    for number in range(5):
        await board.finish(await board.add(str(number), queue="", due_time=moment(60), recurrence="FREQ=WEEKLY"))
    await series(board, lambda tasks: len(tasks) >= 10)
    marker = await board.add("marker", queue="", due_time=moment(60), recurrence="FREQ=WEEKLY")
    await board.finish(marker)
    tasks = await series(board, lambda tasks: sum(task.title == "marker" for task in tasks) == 2)
    assert sorted(task.title for task in tasks) == sorted([*"0011223344", "marker", "marker"])


async def test_a_series_on_schedule_goes_on_whatever_became_of_the_last(board: Board) -> None:
    first = await board.add(schedule_time=moment(-90), recurrence="FREQ=MINUTELY", recurrence_mode=Task.ON_SCHEDULE)
    tasks = await series(board, lambda tasks: len(tasks) >= 2)
    assert tasks[0].status == Task.PENDING
    assert tasks[1].schedule_time.seconds > first.schedule_time.seconds


async def test_work_that_recurs_is_leased_each_time(board: Board) -> None:
    await board.add("backup", recurrence="FREQ=DAILY;COUNT=2", schedule_time=moment(-2 * DAY), payload={"disk": "a"})
    await board.complete(await board.lease_one())
    _, second = await series(board, lambda tasks: len(tasks) == 2)
    assert dict(second.payload) == {"disk": "a"}
    assert second.attempt == 0


async def test_a_series_ends_with_its_rule(board: Board) -> None:
    first = await board.add("once more", queue="", due_time=moment(60), recurrence="FREQ=DAILY;COUNT=2")
    await board.finish(first)
    _, second = await series(board, lambda tasks: len(tasks) == 2)
    await board.finish(second)
    other = await board.add("marker", queue="", due_time=moment(60), recurrence="FREQ=DAILY")
    await board.finish(other)
    tasks = await series(board, lambda tasks: sum(task.title == "marker" for task in tasks) == 2)
    assert sum(task.title == "once more" for task in tasks) == 2


async def test_a_series_ends_when_its_rule_is_taken_away(board: Board) -> None:
    first = await board.add("water", queue="", due_time=moment(60), recurrence="FREQ=DAILY")
    await board.update(first, recurrence=None)
    await board.finish(first)
    other = await board.add("marker", queue="", due_time=moment(60), recurrence="FREQ=DAILY")
    await board.finish(other)
    tasks = await series(board, lambda tasks: sum(task.title == "marker" for task in tasks) == 2)
    assert sum(task.title == "water" for task in tasks) == 1
