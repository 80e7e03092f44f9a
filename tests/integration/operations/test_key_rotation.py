"""The key that signs access tokens is replaced, one replica after the other, and nobody has to log in again."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from devstack.stack import Stack
from tests.certificates import replace
from tests.conftest import MakeStack
from tests.integration.operations.conftest import Json, asked, sign_up


def new_key() -> bytes:
    """What `openssl genpkey -algorithm ed25519` prints."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "jwt.pem"
    path.write_bytes(new_key())
    return path


@pytest.fixture
async def stack(make_stack: MakeStack, key_file: Path) -> AsyncIterator[Stack]:
    async with make_stack(
        environment={"TASKBELL_JWT_KEY_FILE": str(key_file)},
        replicas={"tasksvc": 2, "notifysvc": 1, "gatewaysvc": 1},
    ) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_new_key_takes_over_and_tokens_of_the_old_one_hold_until_they_end(
    stack: Stack, http: aiohttp.ClientSession, key_file: Path
) -> None:
    old, new = key_file.read_bytes(), new_key()
    session = await sign_up(http, stack, "ann")

    async def accepted(*sessions: Json) -> None:
        """By whichever replica is asked, and by notifysvc."""
        for each in sessions:
            for _ in range(6):
                await asked(http, "GET", f"{stack.http_url}/v1/tasks", each["accessToken"])
            await asked(http, "GET", f"{stack.http_url}/v1/notifications", each["accessToken"])

    async def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{stack.http_url}/v1/tasks", headers=headers) as answer:
            return answer.status

    async def renewed(session: Json) -> Json:
        url = f"{stack.http_url}/v1/sessions:refresh"
        return await asked(http, "POST", url, json={"refreshToken": session["refreshToken"]})

    async def keys() -> list[str]:
        published = await asked(http, "GET", f"{stack.http_url}/.well-known/jwks.json")
        return [each["kid"] for each in published["keys"]]

    # Everybody can check what the new key signs, before anybody signs with it: then it signs.
    for content in (old + new, new + old):
        replace(key_file, content)
        for replica in stack.running["tasksvc"]:
            await replica.stop()
            await replica.start()
            await accepted(session)
        assert len(await keys()) == 2
    later = await renewed(session)
    assert jwt.get_unverified_header(later["accessToken"])["kid"] == (await keys())[0]
    await accepted(session, later)

    # What the old key signed has ended by now, or is to end.
    replace(key_file, new)
    for replica in stack.running["tasksvc"]:
        await replica.stop()
        await replica.start()
    assert len(await keys()) == 1
    assert await status(session["accessToken"]) == 401
    await accepted(later, await renewed(later))
