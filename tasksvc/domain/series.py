"""Series of tasks: what a task must say to recur, and the task that comes after it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from chassis.errors import InvalidField
from tasksvc.domain.recurrence import Occurrence, Rule, check
from tasksvc.domain.task import MOMENT, RecurrenceMode, Task

_HOW: Final = ("recurrence_mode", "recurrence_time_zone")


def recurring(before: Task, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """New values of a task: with a rule come its mode and its series, without one neither it nor its time zone stays.

    Raises InvalidField.
    """
    new = dict(values)
    if new.keys().isdisjoint({"recurrence", *_HOW}):
        return new
    rule = new.get("recurrence", before.recurrence)
    if not rule:
        for name in _HOW:
            if told := new.get(name):
                raise InvalidField.named(
                    f"task.{name}", getattr(told, "name", told), "says how a task recurs: it needs a `recurrence`"
                )
        return new | {"recurrence": "", "recurrence_mode": RecurrenceMode.UNSAID, "recurrence_time_zone": ""}
    zone = new.get("recurrence_time_zone", before.recurrence_time_zone)
    if (rule, zone) != (before.recurrence, before.recurrence_time_zone):
        times = (new.get(name, getattr(before, name)) for name in ("schedule_time", "due_time"))
        made = now if before.create_time is MOMENT else before.create_time
        check(rule, zone, next(filter(None, times), made))
    new["recurrence_mode"] = new.get("recurrence_mode", before.recurrence_mode) or RecurrenceMode.AFTER_END
    new["series_id"] = before.series_id or before.id
    return new


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes of a series, at some moment."""

    now: Occurrence | None
    """The time whose task is to be made; None: none is."""
    later: datetime | None
    """When there will be another one; None: that depends on what becomes of the tasks."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the newest task of a series stands, as far as it is known."""

    schedule_time: datetime | None
    """As it was meant: attempts that fail move the task's."""
    wall: datetime | None
    """Which time of the rule it is, as clocks show it; None: what the task's times say."""
    number: int | None
    """Which one it is, from 1; None: the first."""

    def time(self, task: Task) -> datetime:
        """The moment."""
        return self.schedule_time or task.due_time or task.create_time


def outlook(task: Task, stand: Stand, moment: datetime) -> Outlook:
    """What comes after the newest task of a series. Raises InvalidField."""
    rule = Rule.read(task.recurrence, task.recurrence_time_zone)
    last = rule.begin(stand.time(task))
    last = replace(last, wall=stand.wall or last.wall, number=stand.number or last.number)
    coming = rule.after(last, moment)
    if task.recurrence_mode is RecurrenceMode.AFTER_END:
        return Outlook(coming, None)
    return Outlook(rule.newest(last, moment), coming.time if coming else None)


def following(task: Task, stand: Stand, occurrence: Occurrence, task_id: str) -> Task:
    """The first version of the next one, which has its times as far from each other. Raises OverflowError."""
    later = occurrence.time - stand.time(task)
    due_time = task.due_time and task.due_time + later
    return Task(
        id=task_id,
        project_id=task.project_id,
        title=task.title,
        description=task.description,
        priority=task.priority,
        labels=task.labels,
        creator_id=task.creator_id,
        assignee_id=task.assignee_id,
        due_time=due_time,
        # Without any time of its own, it still waits for its turn.
        schedule_time=occurrence.time if stand.schedule_time or not due_time else None,
        parent_id=task.parent_id,
        queue=task.queue,
        payload=task.payload,
        unique_key=task.unique_key,
        unique_scope=task.unique_scope,
        unique_period=task.unique_period,
        concurrency_key=task.concurrency_key,
        max_attempts=task.max_attempts,
        recurrence=task.recurrence,
        recurrence_mode=task.recurrence_mode,
        recurrence_time_zone=task.recurrence_time_zone,
        series_id=task.series_id or task.id,
    )
