from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from taskbell.accounts.v1.accounts_pb2 import Link, User
from taskbell.events.v1.events_pb2 import Account, Client, EndedWebhook, Event

from notifysvc.account_letter import PAGES, AccountLetter, compose
from notifysvc.account_wording import CHANGED, CONFIRMATION, RESET, SIGNED_IN, WEBHOOK_GONE, WEBHOOK_PAUSED, WORDINGS
from notifysvc.letter import sender
from notifysvc.preferences import Language

ANN = User(id="ann-id", username="ann", email="ann@example.com")
SENDER = sender("Taskbell <bell@example.org>", "https://tasks.example.com/")


def letter(kind: str, language: Language = "en", user_agent: str = "Firefox", to: User = ANN) -> EmailMessage:
    event = Event(event_id="event-id", type=kind, account=Account(user_id="ann-id"))
    event.time.FromDatetime(datetime(2026, 11, 23, 12, 30, tzinfo=UTC))
    if kind == SIGNED_IN:
        event.account.client.CopyFrom(Client(user_agent=user_agent, address="192.0.2.7"))
    if kind in {WEBHOOK_PAUSED, WEBHOOK_GONE}:
        event.account.webhook.CopyFrom(EndedWebhook(url="https://shop.example.com/{0}", project_title=user_agent))
        event.account.webhook.failing_since_time.FromDatetime(datetime(2026, 11, 18, 9, tzinfo=UTC))
    link = None
    if kind in PAGES:
        link = Link(token="a-token")
        link.expire_time.FromDatetime(datetime(2026, 11, 23, 13, 30, tzinfo=UTC))
    return compose(SENDER, AccountLetter(event, to, link), language)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(("kind", "page"), PAGES.items())
def test_the_link_leads_to_its_page_and_says_until_when(kind: str, page: str, language: Language) -> None:
    message = letter(kind, language)
    url = f"https://tasks.example.com/#/{page}?token=a-token"
    assert f"\n  {url}\n" in part(message, "plain")
    assert f'href="{url}"' in part(message, "html")
    until = "23 November 2026, 13:30 UTC" if language == "en" else "23 ноября 2026, 13:30 UTC"
    assert all(until in part(message, body) for body in ("plain", "html"))


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", [CHANGED, SIGNED_IN])
def test_a_notice_has_no_link_that_somebody_could_imitate(kind: str, language: Language) -> None:
    message = letter(kind, language)
    assert all("http" not in part(message, body) for body in ("plain",))
    assert "href" not in part(message, "html")
    assert ("23 November 2026" if language == "en" else "23 ноября 2026") in part(message, "plain")


def test_a_notice_of_a_sign_in_says_from_where() -> None:
    text = part(letter(SIGNED_IN), "plain")
    assert "Firefox\n192.0.2.7" in text


@pytest.mark.parametrize(
    ("language", "since", "whose"),
    [
        ("en", "18 November 2026, 09:00 UTC", "ann, who owns the project"),
        ("ru", "18 ноября 2026, 09:00 UTC", "ваш проект"),
    ],
)
def test_a_notice_of_a_paused_webhook_says_which_and_since_when_it_takes_nothing(
    language: Language, since: str, whose: str
) -> None:
    message = letter(WEBHOOK_PAUSED, language, user_agent="Shop {1}\r\nBcc: eve@example.com")
    assert message["Bcc"] is None
    assert "Shop {1} Bcc: eve@example.com" in message["Subject"]
    for body in ("plain", "html"):
        assert all(each in part(message, body) for each in ("https://shop.example.com/{0}", since, whose))


def test_every_mail_exists_in_every_language_and_no_two_say_the_same() -> None:
    kinds = {CONFIRMATION, RESET, CHANGED, SIGNED_IN, WEBHOOK_PAUSED, WEBHOOK_GONE}
    assert all(wordings.keys() == kinds for wordings in WORDINGS.values())
    assert len({letter(kind, language)["Subject"] for kind in kinds for language in WORDINGS}) == 12
    assert letter(RESET, "ru")["Content-Language"] == "ru"


def test_it_is_addressed_and_named_by_the_event() -> None:
    message = letter(RESET)
    assert message["To"] == "ann <ann@example.com>"
    assert message["Message-ID"] == "<event-id.ann-id@example.org>"
    assert letter(RESET).as_bytes() == message.as_bytes()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "A\r\nBcc: eve@example.com", "\u202eklim", "{0.link}"])
def test_what_a_program_calls_itself_does_no_harm(name: str) -> None:
    message = letter(SIGNED_IN, user_agent=name)
    assert message["Bcc"] is None
    assert "<script>" not in part(message, "html")
    assert "\nBcc" not in part(message, "plain")
    assert "\u202e" not in part(message, "plain")


@pytest.mark.parametrize("email", ["ann@example.com\r\nBcc: eve@example.com", "nowhere"])
def test_an_address_that_is_none_is_refused_before_it_is_sent(email: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        letter(RESET, to=User(id="ann-id", username="ann", email=email))
