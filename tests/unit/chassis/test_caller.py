import asyncio

import pytest

from chassis.caller import Call, Caller, as_call, authorization, caller, request_id
from chassis.errors import CredentialsMissing


def test_nobody_calls_outside_of_a_call():
    with pytest.raises(CredentialsMissing):
        caller()
    assert (request_id(), authorization()) == ("", "")


def test_a_block_is_part_of_a_call_and_what_follows_is_not():
    with as_call(Call("the-request", caller=Caller("u1"))):
        assert (caller().user_id, request_id()) == ("u1", "the-request")
    with pytest.raises(CredentialsMissing):
        caller()


async def test_tasks_of_a_call_belong_to_it_and_no_others_do():
    async def who():
        await asyncio.sleep(0)
        return caller().user_id

    with as_call(Call(caller=Caller("u1"))):
        first = asyncio.create_task(who())
    with as_call(Call(caller=Caller("u2"))):
        second = asyncio.create_task(who())
    assert [await first, await second] == ["u1", "u2"]
