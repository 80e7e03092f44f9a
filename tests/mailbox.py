"""The mails that a stack's inbox has taken in."""

import asyncio
import shlex
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

POLL: Final = 0.05


class Mailbox:
    """Asks the inbox over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(self._url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def find(self, query: str) -> list[dict[str, Any]]:
        """The mails that match, newest first, each with its text: `to:ann@example.com subject:done`."""
        async with self._http.get("/api/v1/messages", params={"query": query, "limit": 1000}) as response:
            found = (await response.json())["messages"]
        return [await self._message(each["ID"]) for each in found if _matches(each, query)]

    async def arrived(self, query: str, count: int = 1, *, within: float = 60.0) -> list[dict[str, Any]]:
        """The same, once that many have come. Raises TimeoutError when they don't."""
        async with asyncio.timeout(within):
            while len(found := await self.find(query)) < count:  # noqa: ASYNC110 - the inbox has no event to wait for
                await asyncio.sleep(POLL)
        return found

    async def _message(self, mail_id: str) -> dict[str, Any]:
        async with self._http.get(f"/api/v1/message/{mail_id}") as response:
            message: dict[str, Any] = await response.json()
            return message


def _matches(mail: dict[str, Any], query: str) -> bool:
    """Whether it does, as far as `to:` and `subject:` go: other catchers list all mails, whatever they are asked."""
    texts = {"to": " ".join(each["Address"] for each in mail["To"]), "subject": mail["Subject"]}
    terms = [term.partition(":") for term in shlex.split(query)]
    return all(value.lower() in texts[name].lower() for name, _, value in terms if name in texts)
