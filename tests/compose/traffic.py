"""People at work while something happens to the system: what was answered, and what they were told of it."""

import asyncio
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.compose.project import Project

Json = dict[str, Any]
PASSWORD: Final = "correct horse battery"
PATIENCE: Final = 20.0
"""Seconds for which a call is repeated before it counts as failed."""
_AGAIN: Final = {502, 503, 504}
_PAUSE: Final = 0.05
_WORKERS: Final = 6


@dataclass(slots=True)
class Traffic:
    """What became of it."""

    at_first: int = 0
    """Calls that the first attempt answered."""
    repeated: int = 0
    """Calls that were answered when they were made again, with the same Idempotency-Key."""
    failed: list[str] = field(default_factory=list)
    """Calls that nobody answered in time, or answered wrongly."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Why attempts had to be repeated."""
    longest: float = 0.0
    """Seconds that the slowest call took with its repeats."""
    changes: dict[str, int] = field(default_factory=dict)
    """The last version of each task that was acknowledged."""
    told: dict[str, list[int]] = field(default_factory=dict)
    """The versions of each task that the live stream told, in the order in which it did."""
    reconnections: int = 0
    gaps: int = 0

    @property
    def calls(self) -> int:
        """All of them."""
        return self.at_first + self.repeated + len(self.failed)

    def untold(self) -> dict[str, int]:
        """Tasks of which the stream hasn't told all versions."""
        return {
            task: version
            for task, version in self.changes.items()
            if not set(range(1, version + 1)) <= set(self.told.get(task, ()))
        }

    def wrongly_told(self) -> dict[str, list[int]]:
        """Tasks whose versions were told twice or out of order."""
        return {task: told for task, told in self.told.items() if told != sorted(set(told))}

    def __str__(self) -> str:
        why = ", ".join(f"{count} {reason}" for reason, count in self.refusals.most_common(4))
        return (
            f"{self.calls} calls: {self.at_first} answered at once, {self.repeated} when repeated"
            f"{f' ({why})' if why else ''}, {len(self.failed)} failed; slowest {self.longest:.1f} s; "
            f"{sum(map(len, self.told.values()))} events, {len(self.untold())} tasks with a missing one, "
            f"{len(self.wrongly_told())} told wrongly, {self.reconnections} reconnections of the stream"
        )


class People:
    """Somebody who works, and listens to the own project meanwhile."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str, project: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self.token = token
        self._project = project
        self._cursor = ""
        self._numbers = itertools.count()
        self.traffic = Traffic()

    async def call(self, method: str, path: str, body: Json | None = None) -> Json | None:
        """Makes a call as a careful client does: again with the same key, until it is answered or patience ends."""
        headers = {**self._headers, "Idempotency-Key": f"{os.urandom(6).hex()}-{next(self._numbers)}"}
        begun, attempts = time.monotonic(), 0
        problem = ""
        while time.monotonic() - begun < PATIENCE:
            attempts += 1
            try:
                async with self._http.request(method, self._url + path, json=body, headers=headers) as response:
                    answer: Json = await response.json(content_type=None) or {}
                    if response.status == 200:
                        self._answered(attempts, time.monotonic() - begun)
                        return answer
                    problem = f"{response.status} {answer.get('message', '')}"[:160]
                    if response.status not in _AGAIN:
                        break
            except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
                problem = type(error).__name__
            self.traffic.refusals[problem] += 1
            await asyncio.sleep(0.1 * min(attempts, 10))
        self.traffic.failed.append(f"{method} {path}: {problem}")
        return None

    def _answered(self, attempts: int, seconds: float) -> None:
        self.traffic.longest = max(self.traffic.longest, seconds)
        if attempts == 1:
            self.traffic.at_first += 1
        else:
            self.traffic.repeated += 1

    async def work(self, done: Callable[[], bool]) -> None:
        """Creates tasks, reads them back, changes and completes them."""
        while not done():
            task = await self.call("POST", "/v1/tasks", {"title": "Paint the wall"})
            if task is None:
                continue
            self._note(task)
            path = f"/v1/tasks/{task['id']}"
            for method, step, body in (("PATCH", "", {"title": "Paint it red"}), ("POST", ":complete", {})):
                changed = await self.call(method, path + step, body)
                if changed is not None:
                    self._note(changed)
                    read = await self.call("GET", path)
                    if read is not None and read["version"] < changed["version"]:
                        self.traffic.failed.append(f"GET {path}: version {read['version']} after {changed['version']}")
                await asyncio.sleep(_PAUSE)

    def _note(self, task: Json) -> None:
        self.traffic.changes[task["id"]] = max(task["version"], self.traffic.changes.get(task["id"], 0))

    async def listen(self, ready: asyncio.Event) -> None:
        """Follows the project over a WebSocket; goes on from the last cursor whenever the stream ends."""
        while True:
            with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                await self._follow(ready)
            self.traffic.reconnections += 1
            await asyncio.sleep(0.2)

    async def _follow(self, ready: asyncio.Event) -> None:
        async with self._http.ws_connect(f"{self._url}/v1/events", heartbeat=5) as socket:
            await socket.send_json({"hello": {"token": self.token}})
            after = {"after": self._cursor} if self._cursor else {}
            await socket.send_json({"subscribe": {"id": "s", "project": self._project, **after}})
            async for frame in socket:
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    return
                said = json.loads(frame.data)
                if "subscribed" in said:
                    self._cursor = self._cursor or said["subscribed"]["head"]
                    ready.set()
                elif "events" in said:
                    for event in said["events"]["events"]:
                        self._cursor = event["cursor"]
                        if event.get("taskId"):
                            self.traffic.told.setdefault(event["taskId"], []).append(event["taskVersion"])
                elif "progress" in said:
                    self._cursor = said["progress"].get("cursor", self._cursor)
                elif "gap" in said:
                    self.traffic.gaps += 1


@asynccontextmanager
async def people(project: Project) -> AsyncIterator[People]:
    """A new user of the system."""
    timeout = aiohttp.ClientTimeout(total=12)
    url = project.doors["TASKBELL_TEST_HTTP"]
    async with aiohttp.ClientSession(timeout=timeout) as http:
        name = f"p-{os.urandom(4).hex()}"
        body: Json = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        async with http.post(f"{url}/v1/users", json=body, raise_for_status=True) as response:
            user = await response.json()
        body = {"username": name, "password": PASSWORD}
        async with http.post(f"{url}/v1/sessions", json=body, raise_for_status=True) as response:
            session = await response.json()
        yield People(http, url, session["accessToken"], user["personalProjectId"])


@asynccontextmanager
async def traffic(project: Project, workers: int = _WORKERS) -> AsyncIterator[Traffic]:
    """People at work while the block runs; afterwards all that they changed has been told, or a minute has passed."""
    async with people(project) as somebody:
        over, ready = asyncio.Event(), asyncio.Event()
        listening = asyncio.create_task(somebody.listen(ready))
        try:
            await asyncio.wait_for(ready.wait(), PATIENCE)
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(somebody.work(over.is_set))
                try:
                    yield somebody.traffic
                finally:
                    over.set()
            deadline = time.monotonic() + 60
            while somebody.traffic.untold() and time.monotonic() < deadline:
                await asyncio.sleep(_PAUSE)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
