"""How an e-mail is addressed and put together; what it says is each letter's own, sending it the mailer's."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from hashlib import sha256
from typing import Any, Final

import jinja2
from taskbell.accounts.v1.accounts_pb2 import User

_SUBJECT_LENGTH: Final = 120
EXCERPT_LENGTH: Final = 600
_TURNS_TEXT_ROUND: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("notifysvc"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header whose words can't be broken: what is longer than a line is encoded else, and no id or link any more."""

    def fold(self, *, policy: "Policy[Any]") -> str:
        """The line."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS: Final = HeaderRegistry()
for _name in ("Message-ID", "In-Reply-To", "References", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"):
    _HEADERS.map_to_type(_name, _Verbatim)
POLICY: Final = SMTP.clone(header_factory=_HEADERS)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the mails come from, and where their links lead."""

    address: Address
    public_url: str

    @property
    def domain(self) -> str:
        """What ids of messages end with."""
        return self.address.domain or "localhost"

    @property
    def preferences_url(self) -> str:
        """Where somebody says what they want to be told."""
        return f"{self.public_url.rstrip('/')}/#/preferences"

    def task_url(self, task_id: str) -> str:
        """Where a task is shown."""
        return f"{self.public_url.rstrip('/')}/#/tasks/{task_id}"

    def message(self, to: User, *, subject: str, message_id: str, date: datetime) -> EmailMessage:
        """A mail that still says nothing."""
        message = EmailMessage(POLICY)
        message["Message-ID"] = f"<{message_id}@{self.domain}>"
        message["Date"] = format_datetime(date)
        message["From"] = self.address
        message["To"] = Address(to.username, addr_spec=to.email)
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        return message

    def add_list(self, message: EmailMessage, kind: str, unsubscribe: str) -> None:
        """Says which kind of mails it is one of, and how to end them with one click (RFC 2919, 8058)."""
        message["List-Id"] = f"<{kind.lower().replace('_', '-')}.taskbell.{self.domain}>"
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def fill(message: EmailMessage, template: str, facts: Mapping[str, Any]) -> EmailMessage:
    """The mail with what the template says, as text and as HTML."""
    for kind, add in (("txt", message.set_content), ("html", message.add_alternative)):
        text = TEMPLATES.get_template(f"{template}.{kind}").render(facts)
        add(text, subtype="plain" if kind == "txt" else "html", cte="quoted-printable")
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


def shortened(text: str, most: int = _SUBJECT_LENGTH) -> str:
    """The text, cut to so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
