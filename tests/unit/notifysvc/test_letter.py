from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.letter import Sender, one_line, sender
from notifysvc.news_letter import News, Reader, write_news
from notifysvc.preferences import Language, Preferences
from notifysvc.unsubscribe_links import UnsubscribeLinks
from notifysvc.wording import WORDINGS

ANN = User(id="0194e7a4-0000-7000-8000-00000000000a", username="ann", email="ann@example.com")
BOB = User(id="0194e7a4-0000-7000-8000-00000000000b", username="bob", email="bob@example.com")
SENDER = sender("Taskbell <bell@example.org>", "https://tasks.example.com")
LINKS = UnsubscribeLinks("https://tasks.example.com", ["a key"])


def letter(
    title: str = "Buy milk",
    *,
    reason: Notification.Reason.ValueType = Notification.ASSIGNED,
    to: User = BOB,
    actor: User | None = ANN,
    language: Language = "en",
    time_zone: str = "UTC",
    by: Sender = SENDER,
    **task: object,
) -> EmailMessage:
    event = Event(event_id="event-id", task_id="task-id", task=Task(title=title, **task))  # type: ignore[arg-type]
    event.time.FromDatetime(datetime(2026, 11, 23, 12, 30, tzinfo=UTC))
    reader = Reader(to, Preferences(language=language, time_zone=time_zone))
    return write_news(by, LINKS, News(event, reason, actor), reader)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def test_it_is_addressed_and_named_by_the_event_and_the_person() -> None:
    message = letter()
    assert message["From"] == "Taskbell <bell@example.org>"
    assert message["To"] == "bob <bob@example.com>"
    assert message["Message-ID"] == f"<event-id.{BOB.id}@example.org>"
    assert message["Date"] == "Mon, 23 Nov 2026 12:30:00 +0000"
    assert letter()["Message-ID"] == message["Message-ID"]
    assert letter(to=ANN)["Message-ID"] != message["Message-ID"]


def test_all_mails_of_a_task_are_one_conversation() -> None:
    assert letter()["References"] == letter(reason=Notification.FAILED)["References"] == "<task.task-id@example.org>"


@pytest.mark.parametrize(
    "title",
    ["Milk\r\nBcc: eve@example.com", "Milk\nX: y", "Milk\x00\x1b[31m", "Milk\u2028Bcc: eve", "\u202eklim"],
)
def test_a_title_cannot_add_headers_or_hide_text(title: str) -> None:
    message = letter(title)
    raw = message.as_bytes()
    head = raw.partition(b"\r\n\r\n")[0]
    assert message["Bcc"] is None
    assert message["X"] is None
    assert b"Bcc:" not in head.replace(b"Subject: Assigned to you: Milk Bcc:", b"")
    assert "\x1b" not in part(message, "plain")
    assert not any(char in str(message["Subject"]) for char in "\r\n\x00\x1b\u2028\u202e")


def test_html_shows_what_was_written_and_runs_nothing() -> None:
    html = part(letter("<script>alert(1)</script>", description='"><img src=x onerror=alert(1)>'), "html")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_any_language_survives_the_wire() -> None:
    title = "Купить молоко и хлеб к ужину, пока магазин ещё открыт 🥛"
    message = letter(title)
    assert title in str(message["Subject"])
    assert title in part(message, "plain")
    assert title in part(message, "html")
    message.as_bytes().decode("ascii")


def test_a_long_title_is_cut_in_the_subject_only() -> None:
    message = letter("word " * 100)
    assert len(message["Subject"]) <= 120
    assert part(message, "plain").count("word") == 100


def test_it_says_who_did_what() -> None:
    assert "ann assigned a task to you" in part(letter(), "plain")
    assert "You completed a task" in part(letter(reason=Notification.COMPLETED, to=ANN), "plain")
    assert "A task failed" in part(letter(reason=Notification.FAILED, actor=None), "html")


@pytest.mark.parametrize(
    ("reason", "told"), [(Notification.DUE_SOON, "due soon"), (Notification.OVERDUE, "overdue")], ids=["soon", "over"]
)
def test_a_deadline_is_told_with_its_time(reason: Notification.Reason.ValueType, told: str) -> None:
    due = Timestamp()
    due.FromDatetime(datetime(2026, 11, 23, 13, 30, tzinfo=UTC))
    message = letter(reason=reason, actor=None, due_time=due)
    assert message["Subject"] == f"{told.capitalize()}: Buy milk"
    assert f"A task is {told}" in part(message, "plain")
    assert "23 November 2026, 13:30 UTC" in part(message, "html")


@pytest.mark.parametrize("language", WORDINGS)
def test_every_reason_has_its_words_in_every_language(language: Language) -> None:
    for reason in Notification.Reason.values():
        if reason:
            assert letter(reason=reason, language=language)["Subject"].endswith(": Buy milk")


def test_a_reader_may_have_it_in_russian_and_by_their_own_clock() -> None:
    due = Timestamp()
    due.FromDatetime(datetime(2026, 11, 23, 13, 30, tzinfo=UTC))
    message = letter(
        "Купить молоко",
        reason=Notification.COMPLETED,
        language="ru",
        time_zone="Europe/Moscow",
        due_time=due,
        priority=Task.URGENT,
    )
    assert message["Subject"] == "Выполнено: Купить молоко"
    for kind in ("plain", "html"):
        text = part(message, kind)
        assert "ann: задача выполнена" in text
        assert "23 ноября 2026, 16:30 MSK" in text
        assert "срочный" in text
        assert "Открыть задачу" in text
    assert '<html lang="ru">' in part(message, "html")


def test_it_can_be_ended_by_one_click_of_the_mail_program() -> None:
    message = letter(reason=Notification.DUE_SOON)
    link = message["List-Unsubscribe"].strip("<>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<due-soon.taskbell.example.org>"
    meant = LINKS.read(link.removeprefix("https://tasks.example.com/unsubscribe?token="))
    assert (meant.user_id, meant.reason) == (BOB.id, Notification.DUE_SOON)
    assert link in part(message, "plain")
    assert f'href="{link}"' in part(message, "html")


def test_it_leads_to_the_preferences() -> None:
    assert "https://tasks.example.com/#/preferences" in part(letter(), "plain")
    assert 'href="https://tasks.example.com/#/preferences"' in part(letter(), "html")


def test_ids_and_links_longer_than_a_line_stay_whole() -> None:
    long = sender(f"bell@{'a-rather-long-name.' * 4}example.org", "https://tasks.example.com")
    head = letter(by=long).as_bytes().partition(b"\r\n\r\n")[0].decode()
    lines = dict(line.split(": ", 1) for line in head.split("\r\n") if ": " in line)
    for name in ("Message-ID", "References", "In-Reply-To", "List-Unsubscribe"):
        assert lines[name].startswith("<")
        assert lines[name].endswith(">")


def test_a_dark_page_is_told_of_and_has_colours_of_its_own() -> None:
    html = part(letter(description="Two litres", last_error="x"), "html")
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "prefers-color-scheme: dark" in html


def test_a_failure_tells_its_reason() -> None:
    message = letter(reason=Notification.FAILED, last_error="disk is full")
    assert "disk is full" in part(message, "plain")
    assert "disk is full" in part(message, "html")
    assert "disk is full" not in part(letter(last_error="disk is full"), "plain")


def test_the_link_leads_to_the_task() -> None:
    assert "https://tasks.example.com/#/tasks/task-id" in part(letter(), "plain")
    assert 'href="https://tasks.example.com/#/tasks/task-id"' in part(letter(), "html")


@pytest.mark.parametrize("text", ["", "nobody", "a@example.org, b@example.org"])
def test_the_sender_is_one_address(text: str) -> None:
    with pytest.raises(ValueError, match="must be one e-mail address"):
        sender(text, "")


def test_a_line_keeps_its_words() -> None:
    assert one_line(" a\t b\r\n c 👩‍💻 ") == "a b c 👩‍💻"
