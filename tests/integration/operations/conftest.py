"""Somebody who uses a stack of a test's own, from outside."""

from collections.abc import Callable
from typing import Any

import aiohttp

from devstack.stack import Stack

Json = dict[str, Any]
PASSWORD = "correct horse battery"
SignUp = Callable[..., Any]


async def sign_up(http: aiohttp.ClientSession, stack: Stack, name: str) -> Json:
    """Registers somebody; the session."""
    person = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    await asked(http, "POST", f"{stack.http_url}/v1/users", json=person)
    return await asked(http, "POST", f"{stack.http_url}/v1/sessions", json={"username": name, "password": PASSWORD})


async def asked(http: aiohttp.ClientSession, method: str, url: str, token: str = "", **request: Any) -> Json:
    """The answer to a request that must be accepted."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.request(method, url, headers=headers, **request) as response:
        assert response.status == 200, await response.text()
        answer: Json = await response.json()
        return answer
