import itertools
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import uuid4

import pytest
from taskbell.notifications.v1.notifications_pb2 import Notification

from chassis.errors import InvalidField
from notifysvc.unsubscribe_links import UnsubscribeLinks, Unsubscription

ANN = str(uuid4())
LINKS = UnsubscribeLinks("https://tasks.example.com/", ["the new key", "the old key"])


def token(links: UnsubscribeLinks = LINKS) -> str:
    link = links.link(ANN, Notification.FAILED)
    assert link.startswith("https://tasks.example.com/unsubscribe?token=")
    return link.partition("=")[2]


def test_a_link_says_whose_mails_and_which() -> None:
    assert LINKS.read(token()) == Unsubscription(ANN, Notification.FAILED)


def test_links_of_an_old_key_hold_until_it_is_dropped() -> None:
    old = token(UnsubscribeLinks("https://tasks.example.com", ["the old key"]))
    assert LINKS.read(old).user_id == ANN
    with pytest.raises(InvalidField):
        UnsubscribeLinks("", ["the new key"]).read(old)


def forged() -> list[str]:
    raw = urlsafe_b64decode(token() + "=")
    changed = [raw[:16] + b"\x01" + raw[17:], bytes([raw[0] ^ 1]) + raw[1:], raw[:-1], raw + b"x", b"", raw[:17]]
    return [urlsafe_b64encode(each).decode().rstrip("=") for each in changed] + ["?", "токен", "a"]


@pytest.mark.parametrize("text", forged(), ids=itertools.count())
def test_a_forged_or_shortened_link_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="is not from a mail of ours"):
        LINKS.read(text)
