"""Password hashes."""

import asyncio

import pytest

from tasksvc.passwords import Passwords


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


async def test_only_the_password_matches_its_hash(passwords: Passwords) -> None:
    kept = await passwords.hash("correct horse")
    assert await passwords.check("correct horse", kept)
    assert not await passwords.check("correct house", kept)
    assert not passwords.is_outdated(kept)


async def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert not await passwords.check("correct horse", None)


async def test_the_loop_goes_on_while_passwords_are_hashed(passwords: Passwords) -> None:
    hashing = asyncio.gather(*(passwords.hash(f"password {number}") for number in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert len(set(await hashing)) == 4
    assert turns > 3


async def test_one_that_is_hashed_for_tests_holds_and_is_to_be_made_again_in_earnest(passwords: Passwords) -> None:
    fast = Passwords("fast")
    kept = await fast.hash("correct horse")
    assert not fast.is_outdated(kept)
    assert not await fast.check("correct house", kept)
    assert await passwords.check("correct horse", kept)
    assert passwords.is_outdated(kept)


async def test_a_hash_with_other_costs_is_to_be_made_again(passwords: Passwords) -> None:
    assert passwords.is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
