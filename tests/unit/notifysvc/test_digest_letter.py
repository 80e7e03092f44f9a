from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

import pytest
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.digest_letter import Digest, write_digest
from notifysvc.letter import sender
from notifysvc.news_letter import News, Reader
from notifysvc.preferences import Language, Preferences
from notifysvc.unsubscribe_links import DIGEST, UnsubscribeLinks

ANN = User(id="0194e7a4-0000-7000-8000-00000000000a", username="ann", email="ann@example.com")
BOB = User(id="0194e7a4-0000-7000-8000-00000000000b", username="bob", email="bob@example.com")
DIGEST_ID = UUID("0194e7a4-0000-7000-8000-00000000000c")
LINKS = UnsubscribeLinks("https://tasks.example.com", ["a key"])
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def news(number: int, task: str, title: str, reason: Notification.Reason.ValueType = Notification.ASSIGNED) -> News:
    event = Event(event_id=f"e{number}", task_id=task, task=Task(title=title))
    event.time.FromDatetime(NOON + timedelta(minutes=number))
    return News(event, reason, ANN)


def digest(*told: News, language: Language = "en") -> EmailMessage:
    reader = Reader(BOB, Preferences(language=language, time_zone="Europe/Moscow"))
    by = sender("bell@example.org", "https://tasks.example.com")
    return write_digest(by, LINKS, Digest(DIGEST_ID, NOON, told), reader)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def test_it_tells_task_by_task_what_happened_each_event_once() -> None:
    message = digest(
        news(1, "t1", "Buy milk"), news(2, "t2", "<Sell> cow"), news(3, "t1", "Buy 2 milk", Notification.COMPLETED)
    )
    assert message["Subject"] == "Digest: 3 events in 2 tasks"
    assert message["Message-ID"] == f"<digest.{DIGEST_ID}@example.org>"
    assert part(message, "plain").startswith(
        "Digest: 3 events in 2 tasks\n\n"
        "Buy 2 milk\nhttps://tasks.example.com/#/tasks/t1\n"
        "  23 Nov, 15:01  ann assigned a task to you\n  23 Nov, 15:03  ann completed a task\n\n"
        "<Sell> cow\nhttps://tasks.example.com/#/tasks/t2\n  23 Nov, 15:02  ann assigned a task to you\n"
    )
    html = part(message, "html")
    assert html.count("ann assigned a task to you") == 2
    assert "&lt;Sell&gt; cow" in html
    assert 'href="https://tasks.example.com/#/tasks/t2"' in html


@pytest.mark.parametrize(
    ("events", "subject"),
    [
        (1, "Сводка: 1 событие по 1 задаче"),
        (2, "Сводка: 2 события по 2 задачам"),
        (5, "Сводка: 5 событий по 5 задачам"),
        (21, "Сводка: 21 событие по 21 задаче"),
    ],
)
def test_russian_counts_as_russians_do(events: int, subject: str) -> None:
    told = [news(number, f"t{number}", "Молоко") for number in range(events)]
    assert digest(*told, language="ru")["Subject"] == subject


def test_one_click_ends_digests() -> None:
    link = digest(news(1, "t1", "Buy milk"))["List-Unsubscribe"].strip("<>")
    assert LINKS.read(link.partition("token=")[2]).reason == DIGEST


def test_a_title_cannot_add_lines_or_markup() -> None:
    message = digest(news(1, "t1", "Milk\r\nBcc: eve@example.com\n<script>"))
    assert message["Bcc"] is None
    assert "Milk Bcc: eve@example.com <script>" in part(message, "plain")
    assert "<script" not in part(message, "html")
