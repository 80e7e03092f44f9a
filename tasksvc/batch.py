"""Changes that are stored together, and what goes along with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from tasksvc.blockers import is_open
from tasksvc.domain.change import Change
from tasksvc.domain.queue import QueueRef, queue_of
from tasksvc.domain.task import Status, Task
from tasksvc.domain.unique import frees_key, takes_key


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one task."""

    before: Task
    change: Change
    place: str
    """Where in the call's batch it stands, for errors."""

    @property
    def after(self) -> Task:
        """The task, as it is to be."""
        return self.change.task

    @property
    def new_blockers(self) -> tuple[str, ...]:
        """What it comes to wait for."""
        return tuple(each for each in self.after.blocked_by if each not in self.before.blocked_by)

    @property
    def comes_back(self) -> bool:
        """Whether it was ended or deleted, and has still, or again, to be done."""
        return not _has_to_be_done(self.before) and _has_to_be_done(self.after)


@dataclass(frozen=True)
class Batch:
    """Of each task one change."""

    steps: list[Step]

    @classmethod
    def of(cls, decided: Iterable[tuple[Task, Change | None, str]]) -> Self:
        """Without those that don't change."""
        return cls([Step(before, change, place) for before, change, place in decided if change])

    @cached_property
    def rehomed(self) -> list[Step]:
        """Those that come to another place."""
        return [step for step in self.steps if step.change.rehomes]

    @cached_property
    def moved(self) -> list[Step]:
        """Those that go to another project."""
        return [step for step in self.steps if step.before.project_id != step.after.project_id]

    @cached_property
    def trees(self) -> set[str]:
        """The projects in which tasks come to stand under others, or no longer do."""
        return {task.project_id for step in self.rehomed for task in (step.before, step.after)}

    @cached_property
    def parents(self) -> set[str]:
        """Under what they come to stand."""
        return {step.after.parent_id for step in self.rehomed if step.after.parent_id}

    @cached_property
    def queued(self) -> list[Step]:
        """Those of queues."""
        return [step for step in self.steps if step.after.queue]

    @cached_property
    def queues(self) -> set[QueueRef]:
        """Which they are in."""
        return {queue for step in self.queued if (queue := queue_of(step.after))}

    @cached_property
    def blocked(self) -> list[Step]:
        """Those that wait for other tasks than before."""
        return [step for step in self.steps if step.before.blocked_by != step.after.blocked_by]

    @cached_property
    def newly_blocked(self) -> list[Step]:
        """Those that wait for more tasks than before."""
        return [step for step in self.blocked if step.new_blockers]

    @cached_property
    def blockers(self) -> set[str]:
        """What must not change meanwhile: the old and the new blockers where it matters which of them are open."""
        steps = [*self.blocked, *(step for step in self.steps if step.comes_back)]
        return {each for step in steps for task in (step.before, step.after) for each in task.blocked_by}

    @cached_property
    def begun(self) -> list[Step]:
        """Those that leave waiting to be done, and so must not be blocked."""
        return [
            step
            for step in self.steps
            if step.after.blocked_by
            and step.before.status is Status.PENDING
            and step.after.status in {Status.IN_PROGRESS, Status.COMPLETED}
        ]

    @cached_property
    def turned(self) -> list[Step]:
        """Those that what waits for them may go on without from now on, or no longer."""
        return [step for step in self.steps if is_open(step.before) != is_open(step.after)]

    @cached_property
    def key_freed(self) -> list[Step]:
        """Those that give up their unique_key."""
        return [step for step in self.steps if frees_key(step.before, step.after)]

    @cached_property
    def key_taken(self) -> list[Step]:
        """Those that take their unique_key again."""
        return [step for step in self.steps if takes_key(step.before, step.after)]


def _has_to_be_done(task: Task) -> bool:
    return task.delete_time is None and task.status in {Status.PENDING, Status.IN_PROGRESS}
