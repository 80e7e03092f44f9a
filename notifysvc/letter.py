"""What an e-mail says and how it is addressed; sending it is the mailer's."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

import jinja2
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.concerned import Reason

_SUBJECT_LENGTH: Final = 120
_EXCERPT_LENGTH: Final = 600
_TURNS_TEXT_ROUND: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("notifysvc"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class _Wording:
    """How a reason is told: in the subject, in the headline after who did it, and as a label with its colour."""

    subject: str
    deed: str
    label: str
    colour: str


_WORDINGS: Final = {
    Notification.ASSIGNED: _Wording("Assigned to you", "assigned a task to you", "Assigned", "#2563eb"),
    Notification.COMPLETED: _Wording("Completed", "completed a task", "Completed", "#15803d"),
    Notification.FAILED: _Wording("Failed", "reported that a task failed", "Failed", "#b91c1c"),
    Notification.CANCELLED: _Wording("Cancelled", "cancelled a task", "Cancelled", "#6b7280"),
    Notification.DUE_SOON: _Wording("Due soon", "reminds you of a task that is due soon", "Due soon", "#b45309"),
    Notification.MENTIONED: _Wording("Mentioned", "mentioned you", "Mentioned", "#7c3aed"),
    Notification.COMMENTED: _Wording("Comment", "commented on a task", "Comment", "#0e7490"),
    Notification.OVERDUE: _Wording("Overdue", "reminds you of a task that is overdue", "Overdue", "#b91c1c"),
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the mails come from, and where their links lead."""

    address: Address
    public_url: str

    def compose(self, event: Event, reason: Reason, to: User, actor: User | None) -> EmailMessage:
        """The mail that tells a user of an event. The same event and user always give the same Message-ID."""
        wording = _WORDINGS[reason]
        task = event.task
        domain = self.address.domain or "localhost"
        thread = f"<task.{event.task_id}@{domain}>"
        who = "You" if actor and actor.id == to.id else actor.username if actor else "Taskbell"
        facts = {
            "headline": f"{who} {wording.deed}",
            "label": wording.label,
            "colour": wording.colour,
            "title": one_line(task.title),
            "excerpt": _shortened((event.comment.text or task.description).strip(), _EXCERPT_LENGTH),
            "error": task.last_error if reason == Notification.FAILED else "",
            "priority": Task.Priority.Name(task.priority).capitalize() if task.priority > Task.NORMAL else "",
            "due": f"{task.due_time.ToDatetime(UTC):%d %B %Y, %H:%M} UTC" if task.HasField("due_time") else "",
            "labels": ", ".join(task.labels),
            "url": f"{self.public_url.rstrip('/')}/#/tasks/{event.task_id}",
            "username": to.username,
        }
        message = EmailMessage(SMTP)
        message["Message-ID"] = f"<{event.event_id}.{to.id}@{domain}>"
        message["Date"] = format_datetime(event.time.ToDatetime(UTC) if event.HasField("time") else datetime.now(UTC))
        message["From"] = self.address
        message["To"] = Address(to.username, addr_spec=to.email)
        message["Subject"] = _shortened(f"{wording.subject}: {facts['title']}", _SUBJECT_LENGTH)
        # Mail programs show a task's mails as one conversation, though its first message was never sent.
        message["In-Reply-To"] = message["References"] = thread
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(TEMPLATES.get_template("letter.txt").render(facts), cte="quoted-printable")
        html = TEMPLATES.get_template("letter.html").render(facts)
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        # Not by chance, as it would be else: a mail that is sent again is the same to the last byte.
        message.set_boundary(sha256(str(message["Message-ID"]).encode()).hexdigest()[:32])
        return message


def sender(mail_from: str, public_url: str) -> Sender:
    """Reads `Name <address>` or an address alone. Raises ValueError."""
    header = EmailMessage(SMTP)
    header["From"] = mail_from
    addresses = header["From"].addresses
    if len(addresses) != 1 or not addresses[0].domain:
        raise ValueError("must be one e-mail address, such as `Taskbell <taskbell@example.org>`")
    return Sender(addresses[0], public_url)


def one_line(text: str) -> str:
    """The text without what ends a line, steers a terminal or turns text round: fit for a header."""
    visible = (
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} else char
        for char in text
        if char not in _TURNS_TEXT_ROUND
    )
    return " ".join("".join(visible).split())


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
