"""One line of an import: a task in the JSON of the REST API, and what of it can be made again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cli import sdk
from cli.failures import UsageProblem

_GIVEN: Final = (
    *("project_id", "title", "description", "priority", "labels", "assignee_id", "due_time", "schedule_time"),
    *("parent_id", "blocked_by", "queue", "payload", "unique_key", "unique_scope", "unique_period"),
    *("concurrency_key", "max_attempts", "recurrence", "recurrence_mode", "recurrence_time_zone"),
)
"""What a caller may say of a new task; the rest is the server's."""


@dataclass(frozen=True)
class Line:
    """A task as it stood in the file."""

    number: int
    text: str
    task: "sdk.tasks.Task"

    @property
    def id(self) -> str:
        """What it was called where it comes from; empty if it is new."""
        return self.task.id

    @property
    def status(self) -> "sdk.tasks.TaskStatus":
        """Where it stood, as far as it can be brought there: a worker begins anew."""
        return sdk.tasks.TaskStatus.PENDING if self.task.queue else self.task.status

    @property
    def left_out(self) -> str:
        """Why it isn't made; empty if it is."""
        status = sdk.tasks.TaskStatus
        if self.task.delete_time is not None:
            return "the task is deleted"
        if self.task.queue and self.task.status in {status.COMPLETED, status.FAILED, status.CANCELLED}:
            return "its work has ended, and a worker would do it again"
        return ""

    def copy_for(self, project_id: str, copies: Mapping[str, str]) -> "sdk.tasks.Task":
        """The new task, in this project (if any), which refers to the copies of what was made before it."""
        task = sdk.tasks.Task(**{name: getattr(self.task, name) for name in _GIVEN})
        task.project_id = project_id or task.project_id
        task.parent_id = copies.get(task.parent_id, task.parent_id)
        task.blocked_by = [copies.get(id_, id_) for id_ in task.blocked_by]
        return task


def parse_line(number: int, text: str) -> Line:
    """The line, or UsageProblem with its number and what is wrong."""
    # The SDK's own JSON takes some wrong values; protobuf's is what the REST API is held to.
    from google.protobuf.json_format import ParseDict, ParseError
    from taskbell.tasks.v1.tasks_pb2 import Task

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"line {number} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageProblem(f"line {number} must be a JSON object: a task")
    names = {name for field in Task.DESCRIPTOR.fields for name in (field.name, field.json_name)}
    if unknown := value.keys() - names:
        raise UsageProblem(f"line {number}: a task has no field {min(unknown)!r}")
    try:
        task = ParseDict(value, Task())
    except (ParseError, ValueError, OverflowError) as error:
        raise UsageProblem(f"line {number}: {' '.join(str(error).split())}") from error
    return Line(number, text.strip(), sdk.tasks.Task.parse(task.SerializeToString()))
