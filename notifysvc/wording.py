"""What the mails about tasks say, in each language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.concerned import Reason
from notifysvc.preferences import Language


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind of news is told. `{who}` is a username."""

    subject: str
    label: str
    somebody: str
    """When another person did it."""
    you: str
    """When the reader did it."""
    nobody: str
    """When it came by itself."""
    why: str
    """Why the reader gets it."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One language."""

    language: Language
    tellings: Mapping[Reason, Telling]
    priorities: Mapping["Task.Priority.ValueType", str]
    fields: Mapping[str, str]
    """What stands before a field's value: error, priority, due, labels."""
    open_task: str
    written_to: str
    """`{username}`, `{why}`."""
    written_digest_to: str
    stop_kind: str
    stop_digest: str
    preferences: str
    digest_subject: str
    """`{events}`, `{tasks}`: counted, as below."""
    events: Mapping[str, str]
    """`{n}` of them, by plural category."""
    tasks: Mapping[str, str]

    def moment(self, time: datetime, zone: tzinfo) -> str:
        """A time as the reader's clock shows it."""
        local = time.astimezone(zone)
        return f"{format_datetime(local, 'd MMMM y, HH:mm', locale=self.language)} {local:%Z}"

    def clock(self, time: datetime, zone: ZoneInfo) -> str:
        """The same, short."""
        return format_datetime(time.astimezone(zone), "d MMM, HH:mm", locale=self.language)

    def count(self, forms: Mapping[str, str], number: int) -> str:
        """So many of something."""
        return forms.get(_locale(self.language).plural_form(number), forms["other"]).format(n=number)


@cache
def _locale(language: str) -> Locale:
    return Locale(language)


_YOURS: Final = "you created the task or are assigned to it"
_VASHA: Final = "вы создали задачу или назначены на неё"

_ENGLISH: Final = Wording(
    language="en",
    tellings={
        Notification.ASSIGNED: Telling(
            subject="Assigned to you",
            label="Assigned",
            somebody="{who} assigned a task to you",
            you="You assigned a task to yourself",
            nobody="A task was assigned to you",
            why="you are assigned to the task",
        ),
        Notification.COMPLETED: Telling(
            subject="Completed",
            label="Completed",
            somebody="{who} completed a task",
            you="You completed a task",
            nobody="A task was completed",
            why=_YOURS,
        ),
        Notification.FAILED: Telling(
            subject="Failed",
            label="Failed",
            somebody="{who} reported that a task failed",
            you="You reported that a task failed",
            nobody="A task failed",
            why=_YOURS,
        ),
        Notification.CANCELLED: Telling(
            subject="Cancelled",
            label="Cancelled",
            somebody="{who} cancelled a task",
            you="You cancelled a task",
            nobody="A task was cancelled",
            why=_YOURS,
        ),
        Notification.DUE_SOON: Telling(
            subject="Due soon",
            label="Due soon",
            somebody="A task is due soon",
            you="A task is due soon",
            nobody="A task is due soon",
            why="the task is yours to do",
        ),
        Notification.OVERDUE: Telling(
            subject="Overdue",
            label="Overdue",
            somebody="A task is overdue",
            you="A task is overdue",
            nobody="A task is overdue",
            why="the task is yours to do",
        ),
        Notification.MENTIONED: Telling(
            subject="Mentioned",
            label="Mentioned",
            somebody="{who} mentioned you",
            you="You mentioned yourself",
            nobody="You were mentioned",
            why="a text names you",
        ),
        Notification.COMMENTED: Telling(
            subject="Comment",
            label="Comment",
            somebody="{who} commented on a task",
            you="You commented on a task",
            nobody="Somebody commented on a task",
            why="you created the task, are assigned to it or have commented on it",
        ),
    },
    priorities={Task.HIGH: "High", Task.URGENT: "Urgent"},
    fields={"error": "Error", "priority": "Priority", "due": "Due", "labels": "Labels"},
    open_task="Open the task",
    written_to="Taskbell wrote this to {username}, because {why}.",
    written_digest_to="Taskbell wrote this digest to {username}.",
    stop_kind="No more mails of this kind",
    stop_digest="No more digests",
    preferences="All preferences",
    digest_subject="Digest: {events} in {tasks}",
    events={"one": "{n} event", "other": "{n} events"},
    tasks={"one": "{n} task", "other": "{n} tasks"},
)

_RUSSIAN: Final = Wording(
    language="ru",
    tellings={
        Notification.ASSIGNED: Telling(
            subject="Назначено вам",
            label="Назначено",
            somebody="{who}: вам назначена задача",
            you="Вы назначили задачу себе",
            nobody="Вам назначена задача",
            why="вы назначены на эту задачу",
        ),
        Notification.COMPLETED: Telling(
            subject="Выполнено",
            label="Выполнено",
            somebody="{who}: задача выполнена",
            you="Вы выполнили задачу",
            nobody="Задача выполнена",
            why=_VASHA,
        ),
        Notification.FAILED: Telling(
            subject="Ошибка",
            label="Ошибка",
            somebody="{who}: задача завершилась ошибкой",
            you="Вы сообщили, что задача завершилась ошибкой",
            nobody="Задача завершилась ошибкой",
            why=_VASHA,
        ),
        Notification.CANCELLED: Telling(
            subject="Отменено",
            label="Отменено",
            somebody="{who}: задача отменена",
            you="Вы отменили задачу",
            nobody="Задача отменена",
            why=_VASHA,
        ),
        Notification.DUE_SOON: Telling(
            subject="Скоро срок",
            label="Скоро срок",
            somebody="Скоро наступит срок задачи",
            you="Скоро наступит срок задачи",
            nobody="Скоро наступит срок задачи",
            why="это ваша задача",
        ),
        Notification.OVERDUE: Telling(
            subject="Просрочено",
            label="Просрочено",
            somebody="Срок задачи прошёл",
            you="Срок задачи прошёл",
            nobody="Срок задачи прошёл",
            why="это ваша задача",
        ),
        Notification.MENTIONED: Telling(
            subject="Вас упомянули",
            label="Упоминание",
            somebody="{who}: вас упомянули",
            you="Вы упомянули себя",
            nobody="Вас упомянули",
            why="в тексте есть ваше имя",
        ),
        Notification.COMMENTED: Telling(
            subject="Комментарий",
            label="Комментарий",
            somebody="{who}: комментарий к задаче",
            you="Ваш комментарий к задаче",
            nobody="Комментарий к задаче",
            why="вы создали задачу, назначены на неё или писали к ней комментарии",
        ),
    },
    priorities={Task.HIGH: "высокий", Task.URGENT: "срочный"},
    fields={"error": "Ошибка", "priority": "Приоритет", "due": "Срок", "labels": "Метки"},
    open_task="Открыть задачу",
    written_to="Taskbell пишет вам, {username}, потому что {why}.",
    written_digest_to="Taskbell прислал эту сводку вам, {username}.",
    stop_kind="Не присылать такие письма",
    stop_digest="Не присылать сводки",
    preferences="Все настройки",
    digest_subject="Сводка: {events} по {tasks}",
    events={"one": "{n} событие", "few": "{n} события", "other": "{n} событий"},
    tasks={"one": "{n} задаче", "other": "{n} задачам"},
)

COLOURS: Final[Mapping[Reason, str]] = {
    Notification.ASSIGNED: "#2563eb",
    Notification.COMPLETED: "#15803d",
    Notification.FAILED: "#b91c1c",
    Notification.CANCELLED: "#6b7280",
    Notification.DUE_SOON: "#b45309",
    Notification.OVERDUE: "#b91c1c",
    Notification.MENTIONED: "#7c3aed",
    Notification.COMMENTED: "#0e7490",
}
"""Of the labels, white on this: readable on light and on dark pages."""

WORDINGS: Final[Mapping[Language, Wording]] = {each.language: each for each in (_ENGLISH, _RUSSIAN)}
