"""The mail that tells somebody of many events, task by task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from notifysvc.letter import Sender, fill, one_line, shortened
from notifysvc.news_letter import News, Reader
from notifysvc.unsubscribe_links import DIGEST, UnsubscribeLinks
from notifysvc.wording import COLOURS


@dataclass(frozen=True, slots=True)
class Digest:
    """What one mail tells."""

    id: UUID
    time: datetime
    """When it was put together."""
    told: Sequence[News]


def write_digest(sender: Sender, links: UnsubscribeLinks, digest: Digest, reader: Reader) -> EmailMessage:
    """The mail. The same digest always has the same Message-ID."""
    user, wording = reader.user, reader.wording
    tasks = _by_task(sender, digest.told, reader)
    subject = wording.digest_subject.format(
        events=wording.count(wording.events, len(digest.told)), tasks=wording.count(wording.tasks, len(tasks))
    )
    message = sender.message(user, subject=shortened(subject), message_id=f"digest.{digest.id}", date=digest.time)
    unsubscribe = links.link(user.id, DIGEST)
    sender.add_list(message, "DIGEST", unsubscribe)
    return fill(
        message,
        "digest",
        {
            "wording": wording,
            "language": wording.language,
            "title": subject,
            "tasks": tasks,
            "unsubscribe": unsubscribe,
            "preferences": sender.preferences_url,
            "footer": wording.written_digest_to.format(username=user.username),
        },
    )


def _by_task(sender: Sender, told: Sequence[News], reader: Reader) -> list[Mapping[str, Any]]:
    """The tasks in the order of their first event, each as it is called after the last."""
    groups: dict[str, list[News]] = {}
    for news in told:
        groups.setdefault(news.event.task_id, []).append(news)
    return [
        {
            "title": one_line(group[-1].event.task.title),
            "url": sender.task_url(task_id),
            "events": [_line(news, reader) for news in group],
        }
        for task_id, group in groups.items()
    ]


def _line(news: News, reader: Reader) -> Mapping[str, str]:
    wording = reader.wording
    return {
        "time": wording.clock(news.time, reader.preferences.zone),
        "headline": news.headline(wording, reader.user),
        "label": wording.tellings[news.reason].label,
        "colour": COLOURS[news.reason],
    }
