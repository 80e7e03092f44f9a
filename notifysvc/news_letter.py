"""The mail that tells somebody of one event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification

from notifysvc.concerned import Reason
from notifysvc.letter import EXCERPT_LENGTH, Sender, fill, one_line, shortened
from notifysvc.preferences import Preferences
from notifysvc.unsubscribe_links import UnsubscribeLinks
from notifysvc.wording import COLOURS, WORDINGS, Wording


@dataclass(frozen=True, slots=True)
class News:
    """An event, and why somebody is told of it."""

    event: Event
    reason: Reason
    actor: User | None = None

    @property
    def time(self) -> datetime:
        """When it happened."""
        return self.event.time.ToDatetime(UTC)

    def headline(self, wording: Wording, reader: User) -> str:
        """Who did what."""
        telling = wording.tellings[self.reason]
        if self.actor is None:
            return telling.nobody
        return telling.you if self.actor.id == reader.id else telling.somebody.format(who=self.actor.username)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is written to, and how they like it."""

    user: User
    preferences: Preferences

    @property
    def wording(self) -> Wording:
        """In the reader's language."""
        return WORDINGS[self.preferences.language]


def write_news(sender: Sender, links: UnsubscribeLinks, news: News, reader: Reader) -> EmailMessage:
    """The mail. The same event and reader always give the same Message-ID."""
    event, user, wording = news.event, reader.user, reader.wording
    telling = wording.tellings[news.reason]
    title = one_line(event.task.title)
    message = sender.message(
        user,
        subject=shortened(f"{telling.subject}: {title}"),
        message_id=f"{event.event_id}.{user.id}",
        date=news.time,
    )
    # Mail programs show a task's mails as one conversation, though its first message was never sent.
    message["In-Reply-To"] = message["References"] = f"<task.{event.task_id}@{sender.domain}>"
    unsubscribe = links.link(user.id, news.reason)
    sender.add_list(message, Notification.Reason.Name(news.reason), unsubscribe)
    return fill(
        message,
        "letter",
        {
            "wording": wording,
            "language": wording.language,
            "title": title,
            "headline": news.headline(wording, user),
            "label": telling.label,
            "colour": COLOURS[news.reason],
            "url": sender.task_url(event.task_id),
            "unsubscribe": unsubscribe,
            "preferences": sender.preferences_url,
            "footer": wording.written_to.format(username=user.username, why=telling.why),
            **_details(news, reader),
        },
    )


def _details(news: News, reader: Reader) -> Mapping[str, Any]:
    task, wording = news.event.task, reader.wording
    due = task.due_time.ToDatetime(UTC) if task.HasField("due_time") else None
    fields = {
        "priority": wording.priorities.get(task.priority, ""),
        "due": wording.moment(due, reader.preferences.zone) if due else "",
        "labels": ", ".join(task.labels),
    }
    return {
        "excerpt": shortened((news.event.comment.text or task.description).strip(), EXCERPT_LENGTH),
        "error": task.last_error if news.reason == Notification.FAILED else "",
        "fields": [(wording.fields[name], value) for name, value in fields.items() if value],
    }
