"""What an e-mail about an account says and how it is addressed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

from taskbell.accounts.v1.accounts_pb2 import Link, User
from taskbell.events.v1.events_pb2 import Event

from notifysvc import wording as news_wording
from notifysvc.account_wording import CONFIRMATION, FOOTER, RESET, WORDINGS
from notifysvc.letter import Sender, fill, one_line
from notifysvc.preferences import Language

PAGES = {CONFIRMATION: "confirm", RESET: "reset"}
"""Where on the web page a link leads. Its token stands in the fragment, which is in no server's log."""


@dataclass(frozen=True, slots=True)
class AccountLetter:
    """One mail to be."""

    event: Event
    to: User
    link: Link | None = None


def compose(sender: Sender, letter: AccountLetter, language: Language) -> EmailMessage:
    """The mail. The same event always gives the same Message-ID."""
    event, to, link = letter.event, letter.to, letter.link
    wording, client, webhook = WORDINGS[language][event.type], event.account.client, event.account.webhook
    happened = event.time.ToDatetime(UTC)
    facts = {
        "username": to.username,
        "email": to.email,
        "time": _told(link.expire_time.ToDatetime(UTC) if link else happened, language),
        "client": one_line(client.user_agent),
        "address": one_line(client.address),
        "webhook": one_line(webhook.url),
        "project": one_line(webhook.project_title),
        "since": _told(webhook.failing_since_time.ToDatetime(UTC), language),
    }
    subject = wording.subject.format(**facts)
    content = {
        "language": language,
        "title": subject,
        "text": wording.text.format(**facts).rstrip(),
        "button": wording.button,
        "url": f"{sender.public_url.rstrip('/')}/#/{PAGES[event.type]}?token={link.token}" if link else "",
        "note": wording.note.format(**facts),
        "footer": (wording.footer or FOOTER[language]).format(**facts),
    }
    message = sender.message(to, subject=subject, message_id=f"{event.event_id}.{to.id}", date=happened)
    fill(message, "account", content)
    message["Content-Language"] = language
    return message


def _told(time: datetime, language: Language) -> str:
    return news_wording.WORDINGS[language].moment(time, UTC)
