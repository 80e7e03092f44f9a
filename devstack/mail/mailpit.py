"""A mail in the JSON that mailpit gives, so that programs written for one read the other."""

import functools
import html
import re
from collections.abc import Iterable, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final, cast

from devstack.mail.inbox import Mail

SNIPPET: Final = 250
REMEMBERED: Final = 1024
PLAIN: Final = {"content-type": "text/plain", "content-disposition": "inline"}
"""What these mean where they can't be read."""
UNSEEN: Final = re.compile(r"<(style|script|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class Lenient(EmailPolicy):
    """The modern policy, which also survives the headers that its parser stumbles over."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The header as an object, or as the text that it is."""
        try:
            return super().header_fetch_parse(name, value)
        except Exception:  # noqa: BLE001 - the parser's own slips: IndexError, AttributeError and more
            plain = PLAIN.get(name.casefold())
            return super().header_fetch_parse(name, plain) if plain else " ".join(value.split())


def summary(mail: Mail) -> dict[str, Any]:
    """The mail in a list."""
    message = parse(mail)
    return _head(mail, message) | {
        "Created": mail.arrival,
        "Attachments": len(_attachments(message)),
        "Snippet": snippet(message),
    }


def details(mail: Mail) -> dict[str, Any]:
    """The mail by itself, with its text."""
    message = parse(mail)
    return _head(mail, message) | {
        "Date": _date(message) or mail.arrival,
        "ReturnPath": mail.sender,
        "ListUnsubscribe": {
            "Header": _header(message, "List-Unsubscribe"),
            "HeaderPost": _header(message, "List-Unsubscribe-Post"),
            "Links": re.findall(r"<([^<>]+)>", _header(message, "List-Unsubscribe")),
            "Errors": "",
        },
        "Text": body(message, "plain"),
        "HTML": body(message, "html"),
        "Inline": [],
        "Attachments": [
            {
                "PartID": str(number),
                "FileName": part.get_filename() or "",
                "ContentType": part.get_content_type(),
                "ContentID": _header(part, "Content-ID").strip("<>"),
                "Size": len(cast("bytes | None", part.get_payload(decode=True)) or b""),
            }
            for number, part in enumerate(_attachments(message), 1)
        ],
    }


def headers(mail: Mail) -> dict[str, list[str]]:
    """Every header with all its values."""
    message = parse(mail)
    return {name: [str(value) for value in message.get_all(name, [])] for name in dict.fromkeys(message.keys())}


def matches(mail: Mail, words: Sequence[str]) -> bool:
    """Whether every word is in the mail: anywhere, or in the part that it names (`to:`, `from:`, `subject:`, ...)."""
    parts, everything = _searched(mail)
    return all(_found(word, parts, everything) for word in words)


@functools.lru_cache(REMEMBERED)
def _searched(mail: Mail) -> tuple[dict[str, str], str]:
    """Where words are looked for. Remembered: whoever waits for a mail asks again and again."""
    message = parse(mail)
    parts = {
        "to": f"{_header(message, 'To')} {' '.join(mail.recipients)}",
        "from": f"{_header(message, 'From')} {mail.sender}",
        "cc": _header(message, "Cc"),
        "subject": _header(message, "Subject"),
        "message-id": _header(message, "Message-ID"),
    }
    parts = {name: text.casefold() for name, text in parts.items()}
    return parts, " ".join([*parts.values(), body(message, "plain").casefold(), body(message, "html").casefold()])


def query_words(query: str) -> list[str]:
    """The words of a search; quotes keep some together."""
    return [quoted.replace('"', "").casefold() for quoted in re.findall(r'(?:[^\s"]|"[^"]*"?)+', query)]


def parse(mail: Mail) -> EmailMessage:
    """The message, however crooked."""
    # The policy makes it an EmailMessage; mypy knows that of the library's own policies only.
    return cast("EmailMessage", message_from_bytes(mail.raw, policy=Lenient()))


def body(message: EmailMessage, kind: str) -> str:
    """The text or HTML of a message; empty if it has none."""
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError):  # a character set that doesn't exist
        return cast("bytes", part.get_payload(decode=True)).decode(errors="replace")


def snippet(message: EmailMessage) -> str:
    """The first words of a message."""
    text = body(message, "plain") or html.unescape(UNSEEN.sub(" ", body(message, "html")))
    return " ".join(text.split())[:SNIPPET]


def _head(mail: Mail, message: EmailMessage) -> dict[str, Any]:
    named = _addresses(message, "To") + _addresses(message, "Cc")
    seen = {each["Address"].casefold() for each in named}
    return {
        "ID": mail.id,
        "MessageID": _header(message, "Message-ID").strip().strip("<>"),
        "Read": mail.read,
        "From": next(iter(_addresses(message, "From")), {"Name": "", "Address": mail.sender}),
        "To": _addresses(message, "To"),
        "Cc": _addresses(message, "Cc"),
        # Who got it without being named in it.
        "Bcc": [{"Name": "", "Address": each} for each in mail.recipients if each.casefold() not in seen],
        "ReplyTo": _addresses(message, "Reply-To"),
        "Subject": _header(message, "Subject"),
        "Username": "",
        "Tags": [],
        "Size": len(mail.raw),
    }


def _addresses(message: EmailMessage, name: str) -> list[dict[str, str]]:
    values = [str(value) for value in message.get_all(name, [])]
    return [{"Name": display, "Address": address} for display, address in getaddresses(values) if address]


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _date(message: EmailMessage) -> str:
    try:
        return parsedate_to_datetime(_header(message, "Date")).isoformat()
    except ValueError:
        return ""


def _attachments(message: EmailMessage) -> list[EmailMessage]:
    return list(cast("Iterable[EmailMessage]", message.iter_attachments())) if message.is_multipart() else []


def _found(word: str, parts: dict[str, str], everything: str) -> bool:
    name, colon, rest = word.partition(":")
    if colon and name in parts:
        return rest in parts[name]
    return word in everything
