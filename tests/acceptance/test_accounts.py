"""A user's account and its mails, over REST and by mail."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.acceptance.conftest import PASSWORD, Newcomer, Person
from tests.acceptance.system import System
from tests.mailbox import Mailbox

NEW_PASSWORD = "a better one than before"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def letters(system: System) -> AsyncIterator[Mailbox]:
    """What the system's people are mailed."""
    async with Mailbox(system.mail_url) as box:
        yield box


async def link(letters: Mailbox, person: Person, subject: str, page: str) -> str:
    """The token in the link of a mail."""
    (mail,) = await letters.arrived(f'to:{person.user["email"]} subject:"{subject}"')
    found = re.search(rf"/#/{page}\?token=(\S+)", mail["Text"])
    assert found
    return found[1]


async def log_in(person: Person, password: str, user_agent: str) -> int:
    body = {"username": person.username, "password": password}
    return (await person.ask("POST", "/v1/sessions", body, User_Agent=user_agent, Authorization="")).status


async def test_a_user_confirms_the_address_forgets_the_password_and_hears_of_strange_sign_ins(
    newcomer: Newcomer, letters: Mailbox
) -> None:
    ann = await newcomer()
    assert (await ann.ask("POST", "/v1/users/me:sendConfirmation", {})).body == {}
    token = await link(letters, ann, "Confirm your e-mail address", "confirm")
    assert "emailConfirmTime" not in (await ann.ask("GET", "/v1/users/me")).body
    assert (await ann.ask("POST", "/v1/users:confirmEmail", {"token": token})).body == {}
    assert (await ann.ask("GET", "/v1/users/me")).body["emailConfirmTime"]
    again = await ann.ask("POST", "/v1/users:confirmEmail", {"token": token})
    assert (again.status, again.reason) == (400, "LINK_INVALID")
    assert (await ann.ask("POST", "/v1/users/me:sendConfirmation", {})).body == {}

    asked = await ann.ask("POST", "/v1/users:requestPasswordReset", {"email": ann.user["email"]})
    assert (asked.status, asked.body) == (200, {})
    token = await link(letters, ann, "Set a new password", "reset")
    weak = await ann.ask("POST", "/v1/users:resetPassword", {"token": token, "password": "short"})
    assert (weak.status, weak.reason) == (400, "INVALID_FIELD")
    assert "short" not in weak.body["message"].replace("shorter", "")
    done = await ann.ask("POST", "/v1/users:resetPassword", {"token": token, "password": NEW_PASSWORD})
    assert done.body == {"endedSessions": 1}
    assert (await ann.ask("GET", "/v1/users/me")).reason == "SESSION_ENDED"
    await letters.arrived(f'to:{ann.user["email"]} subject:"Your password was changed"')

    assert await log_in(ann, PASSWORD, "Firefox/1") == 401
    assert await log_in(ann, NEW_PASSWORD, "Firefox/1") == 200
    (mail,) = await letters.arrived(f'to:{ann.user["email"]} subject:"A new sign-in"')
    assert "Firefox/1" in mail["Text"]


@pytest.mark.parametrize("path", ["/v1/users:confirmEmail", "/v1/users:resetPassword"])
async def test_bad_links_are_refused_in_words(ann: Person, path: str) -> None:
    body = {"token": "made-up"} | ({"password": NEW_PASSWORD} if "reset" in path else {})
    refused = await ann.ask("POST", path, body)
    assert (refused.status, refused.reason) == (400, "LINK_INVALID")
    empty = await ann.ask("POST", path, body | {"token": ""})
    assert (empty.status, empty.reason) == (400, "INVALID_FIELD")


async def test_an_unknown_address_is_answered_like_a_known_one(newcomer: Newcomer) -> None:
    ann = await newcomer()
    known, unknown = [
        await ann.ask("POST", "/v1/users:requestPasswordReset", {"email": email})
        for email in (ann.user["email"], "nobody-at-all@example.com")
    ]
    assert (known.status, known.body) == (unknown.status, unknown.body) == (200, {})
    headers = [{name for name in answer.headers if name != "X-Request-Id"} for answer in (known, unknown)]
    assert headers[0] == headers[1]
