"""Registering, logging in and out, and API tokens, as typed."""

import asyncio
import re
import stat
from collections.abc import Awaitable, Callable
from typing import Any

from devstack.stack import Stack
from tests.integration.cli.terminal import PASSWORD, Terminal
from tests.mailbox import Mailbox


async def test_who_registers_is_logged_in(nobody: Terminal) -> None:
    name = f"new-{id(nobody):x}"[:32]
    user = await nobody.json("register", name, "-e", f"{name}@example.com", "-p", PASSWORD)
    assert user["username"] == name
    assert await nobody.json("whoami") == user == await nobody.rest("/v1/users/me")


async def test_the_session_is_readable_by_its_owner_only(ann: Terminal) -> None:
    assert stat.S_IMODE(ann.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(ann.config.parent.stat().st_mode) == 0o700


async def test_log_out_ends_the_session_and_log_in_begins_another(nobody: Terminal, ann: Terminal) -> None:
    await nobody.ok("login", ann.username, "--password-stdin", stdin=PASSWORD + "\n")
    before = nobody.config.read_text()
    await nobody.ok("logout")
    assert "CREDENTIALS_MISSING" in await nobody.refused(80, "whoami")
    nobody.config.write_text(before)
    assert await nobody.refused(80, "whoami")
    await nobody.ok("logout")
    assert "nobody is logged in" in await nobody.refused(2, "logout")
    await nobody.ok("login", ann.username, "--password-stdin", stdin=PASSWORD)
    assert (await nobody.json("whoami"))["username"] == ann.username


async def test_a_wrong_password_logs_nobody_in(nobody: Terminal, ann: Terminal) -> None:
    assert "LOGIN_FAILED" in await nobody.refused(80, "login", ann.username, "--password-stdin", stdin="wrong password")
    assert not nobody.config.exists()


async def test_a_taken_name_and_bad_fields_are_refused(nobody: Terminal, ann: Terminal) -> None:
    taken, bad = await asyncio.gather(
        nobody.refused(70, "register", ann.username, "-e", "other@example.com", "-p", PASSWORD),
        nobody.refused(67, "register", "No Name", "-e", "nowhere", "-p", "short"),
    )
    assert taken.endswith("(USERNAME_TAKEN)")
    assert bad.endswith("(INVALID_FIELD)")
    assert all(field in bad for field in ("username", "email", "password"))
    assert "short" not in bad.replace("must be at least", "")


async def test_without_a_terminal_nothing_is_asked(nobody: Terminal) -> None:
    assert "--password-stdin" in await nobody.refused(2, "login", "ann")
    assert "--email" in await nobody.refused(2, "register", "ann", "-p", PASSWORD)


async def test_an_api_token_stands_in_for_the_session_until_it_is_revoked(ann: Terminal, nobody: Terminal) -> None:
    made = await ann.json("token", "create", "ci", "-s", "projects:read", "--expires", "90d")
    robot = nobody.given(TASKBELL_TOKEN=made["secret"])
    listed = (await ann.json("token", "list"))["tokens"]
    assert [each for each in listed if each["id"] == made["id"]] == [{**made, "secret": ""}]
    assert len((await robot.json("project", "list"))["projects"]) == 1
    assert "SCOPE_MISSING" in await robot.refused(71, "project", "create", "mine")
    assert "SESSION_REQUIRED" in await robot.refused(71, "token", "create", "more", "-s", "account")
    assert await ann.ok("token", "rm", "CI") == "Revoked.\n"
    assert await robot.refused(80, "project", "list")
    assert "TOKEN_NOT_FOUND" in await ann.refused(69, "token", "rm", "ci")
    assert made["secret"] not in await ann.ok("token", "list")


async def test_an_address_is_confirmed_and_a_forgotten_password_replaced_by_mailed_links(
    nobody: Terminal, somebody: Callable[[], Awaitable[Terminal]], stack: Stack
) -> None:
    carla = await somebody()
    email = f"{carla.username}@example.com"
    async with Mailbox(stack.mail_url) as box:
        assert "It isn't confirmed" in await carla.ok("whoami")
        assert "is on its way" in await carla.ok("confirm")
        (mail,) = await box.arrived(f"to:{email} subject:confirm")
        assert await carla.ok("confirm", link_in(mail)) == "The address is confirmed.\n"
        assert "confirmed already" in await carla.ok("confirm")
        assert (await carla.refused(67, "confirm", link_in(mail))).endswith("(LINK_INVALID)")
        assert "is on its way" in await nobody.ok("password", "reset", email)
        (mail,) = await box.arrived(f"to:{email} subject:password")
    changed = await nobody.ok("password", "set", link_in(mail), "--password-stdin", stdin="a better one than before\n")
    assert "1 session(s) have ended" in changed
    assert await carla.refused(80, "project", "list")
    await carla.ok("login", carla.username, "--password-stdin", stdin="a better one than before")
    assert "(INVALID_FIELD)" in await nobody.refused(67, "password", "reset", "nowhere")
    assert "LINK" in await nobody.refused(2, "password", "set")


def link_in(mail: dict[str, Any]) -> str:
    found = re.search(r"http\S+/#/\S+", mail["Text"])
    assert found
    return found[0]
