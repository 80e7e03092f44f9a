from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.letter import one_line, sender

ANN = User(id="ann-id", username="ann", email="ann@example.com")
BOB = User(id="bob-id", username="bob", email="bob@example.com")
SENDER = sender("Taskbell <bell@example.org>", "https://tasks.example.com")


def letter(
    title: str = "Buy milk",
    *,
    reason: Notification.Reason.ValueType = Notification.ASSIGNED,
    to: User = BOB,
    actor: User | None = ANN,
    **task: object,
) -> EmailMessage:
    event = Event(event_id="event-id", task_id="task-id", task=Task(title=title, **task))  # type: ignore[arg-type]
    event.time.FromDatetime(datetime(2026, 11, 23, 12, 30, tzinfo=UTC))
    return SENDER.compose(event, reason, to, actor)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def test_it_is_addressed_and_named_by_the_event_and_the_person() -> None:
    message = letter()
    assert message["From"] == "Taskbell <bell@example.org>"
    assert message["To"] == "bob <bob@example.com>"
    assert message["Message-ID"] == "<event-id.bob-id@example.org>"
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
    assert "Taskbell reported that a task failed" in part(letter(reason=Notification.FAILED, actor=None), "html")


@pytest.mark.parametrize(
    ("reason", "told"), [(Notification.DUE_SOON, "due soon"), (Notification.OVERDUE, "overdue")], ids=["soon", "over"]
)
def test_a_deadline_is_told_by_taskbell_with_its_time(reason: Notification.Reason.ValueType, told: str) -> None:
    due = Timestamp()
    due.FromDatetime(datetime(2026, 11, 23, 13, 30, tzinfo=UTC))
    message = letter(reason=reason, actor=None, due_time=due)
    assert message["Subject"] == f"{told.capitalize()}: Buy milk"
    assert f"Taskbell reminds you of a task that is {told}" in part(message, "plain")
    assert "23 November 2026, 13:30 UTC" in part(message, "html")


def test_every_reason_has_its_words() -> None:
    for reason in Notification.Reason.values():
        if reason:
            assert letter(reason=reason)["Subject"]


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
