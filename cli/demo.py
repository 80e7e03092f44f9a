"""`taskbell demo`: the main job end to end on a throw-away stack, with a transcript, checked as it goes.

Two people share a project. What one of them does over REST, the command line or gRPC, the other sees at once on a gRPC
stream and on a WebSocket, and finds in the mail.
"""

import argparse
import asyncio
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
from rich.console import Console
from taskbell.notifications.v1.notifications_pb2 import ConnectRequest, Subscribe
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub
from taskbell.tasks.v1.tasks_pb2 import CompleteTaskRequest, Task
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from devstack.stack import Stack

Json = dict[str, Any]
PATIENCE = 15.0  # seconds for anything to arrive
TODO = [
    ("Paint the kitchen walls", "Two coats of white; the ceiling was painted in spring."),
    ("Купить новые книги для дачи", "Про яблони и про постройку бани."),
    ("Call the plumber about the boiler", "He comes on weekdays only."),
]


class DemoFailed(Exception):
    """Something that the demo promises did not happen."""


@dataclass(slots=True)
class Ear:
    """Somebody who listens: when it heard of which change."""

    name: str
    heard: dict[tuple[str, str], "asyncio.Future[float]"] = field(default_factory=dict)

    def hear(self, kind: str, task_id: str) -> None:
        """Notes the moment."""
        moment = self.moment(kind, task_id)
        if not moment.done():
            moment.set_result(time.perf_counter())

    def moment(self, kind: str, task_id: str) -> "asyncio.Future[float]":
        """When it heard, or will hear, of a change."""
        return self.heard.setdefault((kind, task_id), asyncio.get_running_loop().create_future())


@dataclass(slots=True)
class Demo:
    """The stage: a stack, the transcript, and who listens."""

    stack: Stack
    http: aiohttp.ClientSession
    out: Console
    folder: Path
    ears: list[Ear] = field(default_factory=list)

    async def rest(self, method: str, path: str, token: str = "", body: Json | None = None) -> Json:
        """A REST call that must succeed."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(method, self.stack.http_url + path, headers=headers, json=body) as response:
            answer: Json = await response.json()
            expect(response.status == 200, f"{method} {path} answered {response.status}: {answer}")  # noqa: PLR2004 - OK
            return answer

    async def cli(self, person: str, *arguments: str, password: str = "") -> str:
        """A command of `taskbell`, as typed by one of the two, each with a configuration of their own."""
        environment = {**os.environ, **self.stack.service_environment(), "NO_COLOR": "1", "COLUMNS": "110"}
        environment["TASKBELL_CONFIG"] = str(self.folder / person)
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments), env=environment, stdin=pipe, stdout=pipe, stderr=pipe
        )
        printed, complaint = await child.communicate(password.encode())
        shown = shlex.join(arguments)
        expect(child.returncode == 0, f"taskbell {shown} ended with {child.returncode}: {complaint.decode()}")
        return printed.decode()

    def scene(self, title: str) -> None:
        """Says what comes now."""
        self.out.print(f"\n[bold]{title}[/bold]")

    def tell(self, text: str) -> None:
        """One line of the transcript."""
        self.out.print(f"  {text}", highlight=False)

    def show(self, command: str, printed: str) -> None:
        """A command and what it printed."""
        self.out.print(f"  [cyan]$ {command}[/cyan]", highlight=False)
        for line in printed.rstrip().splitlines():
            self.out.print(f"    {line}", markup=False, highlight=False)

    async def arrives(self, kind: str, task_id: str, since: float, what: str = "the call") -> None:
        """Tells how long each listener took to hear of a change, from the beginning of what made it."""
        for ear in self.ears:
            try:
                async with asyncio.timeout(PATIENCE):
                    moment = await ear.moment(kind, task_id)
            except TimeoutError:
                raise DemoFailed(f"{kind} did not reach the {ear.name} within {PATIENCE:g} s") from None
            passed = (moment - since) * 1000
            self.tell(f"[green]->[/green] {ear.name:<12} {kind:<16} {passed:6.1f} ms after {what} began")

    async def mail_arrives(self, address: str, words: str, since: float) -> None:
        """Tells how long a mail took whose subject has these words."""
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            async with self.http.get(f"{self.stack.mail_url}/api/v1/messages") as response:
                messages = (await response.json())["messages"]
            for message in messages:
                if message["To"][0]["Address"] == address and words in message["Subject"]:
                    passed = (time.perf_counter() - since) * 1000
                    self.tell(f"[green]->[/green] {'mail':<12} {address:<16} {passed:6.1f} ms after the call began")
                    self.tell(f"   “{message['Subject']}”")
                    return
            await asyncio.sleep(0.01)
        raise DemoFailed(f"no mail about “{words}” reached {address} within {PATIENCE:g} s")


def expect(kept: bool, otherwise: str) -> None:
    """Ends the demo where a promise was not kept."""
    if not kept:
        raise DemoFailed(otherwise)


@asynccontextmanager
async def listening(demo: Demo, token: str, project: str) -> AsyncIterator[None]:
    """Both live dialects, subscribed to a project: gRPC as a program speaks it, WebSocket as a browser does."""
    async with (
        grpc.aio.insecure_channel(demo.stack.notify_address) as channel,
        demo.http.ws_connect(demo.stack.http_url + "/v1/events") as socket,
        asyncio.TaskGroup() as listeners,
    ):
        stream = NotificationServiceStub(channel).Connect(metadata=(("authorization", f"Bearer {token}"),))
        await stream.write(ConnectRequest(subscribe=Subscribe(id="demo", project=project)))
        await socket.send_json({"hello": {"token": token}})
        await socket.send_json({"subscribe": {"id": "demo", "project": project}})
        ready = [asyncio.Event(), asyncio.Event()]

        async def over_grpc(ear: Ear) -> None:
            async for message in stream:
                if message.HasField("subscribed"):
                    ready[0].set()
                for event in message.events.events:
                    ear.hear(event.type, event.task_id)

        async def over_websocket(ear: Ear) -> None:
            async for frame in socket:
                message = json.loads(frame.data)
                if "subscribed" in message:
                    ready[1].set()
                for event in message.get("events", {}).get("events", []):
                    ear.hear(event["type"], event["taskId"])

        demo.ears = [Ear("gRPC stream"), Ear("WebSocket")]
        running = [listeners.create_task(over_grpc(demo.ears[0])), listeners.create_task(over_websocket(demo.ears[1]))]
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(each.wait() for each in ready))
        yield
        for listener in running:
            listener.cancel()


async def main_job(demo: Demo) -> None:
    """The whole play."""
    demo.scene("Two people register and share a project, over REST")
    people: dict[str, Json] = {}
    for name in ("ann", "bob"):
        account = {"username": name, "email": f"{name}@example.com", "password": f"{name} likes long passwords"}
        await demo.rest("POST", "/v1/users", body=account)
        people[name] = await demo.rest(
            "POST", "/v1/sessions", body={key: account[key] for key in ("username", "password")}
        )
        await demo.cli(name, "login", name, "--password-stdin", password=account["password"])
        demo.tell(f"{name} <{account['email']}> is registered and signed in")
    ann, bob = (people[name]["accessToken"] for name in ("ann", "bob"))
    project = await demo.rest("POST", "/v1/projects", ann, {"title": "Summer house"})
    await demo.rest("POST", f"/v1/projects/{project['id']}/members", ann, {"username": "bob", "role": "EDITOR"})
    demo.tell(f"ann's project “{project['title']}” has bob as its EDITOR")

    async with listening(demo, ann, project["id"]):
        task = await created_over_rest(demo, ann, people["bob"]["user"]["id"], project["id"])
        await edited_by_cli(demo, task)
        await completed_over_grpc(demo, bob, task)
    await found_by_search(demo, ann, project["id"])


async def created_over_rest(demo: Demo, token: str, assignee: str, project: str) -> Json:
    """Ann creates tasks; the first is bob's, who hears of it by mail."""
    demo.scene("ann creates a task for bob over REST")
    title, description = TODO[0]
    since = time.perf_counter()
    body = {
        "title": title,
        "description": description,
        "projectId": project,
        "assigneeId": assignee,
        "priority": "HIGH",
    }
    task = await demo.rest("POST", "/v1/tasks", token, body)
    demo.tell(f"POST /v1/tasks -> {task['id']} “{task['title']}” {task['status']}")
    await demo.arrives("task.created", task["id"], since)
    await demo.mail_arrives("bob@example.com", title, since)
    for title, description in TODO[1:]:
        await demo.rest("POST", "/v1/tasks", token, {"title": title, "description": description, "projectId": project})
    return task


async def edited_by_cli(demo: Demo, task: Json) -> None:
    """Bob lists and edits on the command line."""
    demo.scene("bob lists and edits on the command line")
    listed = await demo.cli("bob", "list", "--project", "Summer house")
    demo.show("taskbell list --project 'Summer house'", listed)
    expect(task["title"] in listed, "the task is not in bob's list")
    since = time.perf_counter()
    edit = ["edit", task["id"], "--title", "Paint the kitchen walls white", "--label", "indoors"]
    demo.show(f"taskbell {shlex.join(edit)}", await demo.cli("bob", *edit))
    await demo.arrives("task.updated", task["id"], since, "the command")


async def completed_over_grpc(demo: Demo, token: str, task: Json) -> None:
    """Bob's program completes the task; ann, who created it, hears of it by mail."""
    demo.scene("bob's program completes it over gRPC")
    async with grpc.aio.insecure_channel(demo.stack.tasks_address) as channel:
        since = time.perf_counter()
        done = await TaskServiceStub(channel).CompleteTask(
            CompleteTaskRequest(id=task["id"]), metadata=(("authorization", f"Bearer {token}"),)
        )
    expect(done.status == Task.COMPLETED, f"the task is {Task.Status.Name(done.status)}")
    demo.tell(f"TaskService.CompleteTask -> “{done.title}” COMPLETED, version {done.version}")
    await demo.arrives("task.completed", task["id"], since)
    await demo.mail_arrives("ann@example.com", done.title, since)


async def found_by_search(demo: Demo, token: str, project: str) -> None:
    """Other forms of the words, in both languages, and a slip of the finger."""
    demo.scene("Search finds other forms of a word, and forgives a slip")
    for query, title in (
        ("книгами", TODO[1][0]),
        ("painting", "Paint the kitchen walls white"),
        ("plumbr", TODO[2][0]),
    ):
        answer = await demo.rest("GET", f"/v1/tasks:search?projectId={project}&query={query}", token)
        found = [result["task"]["title"] for result in answer["results"]]
        expect(found[:1] == [title], f"a search for “{query}” found {found}, not “{title}”")
        snippet = answer["results"][0]["snippet"]
        marked = "".join(
            piece["text"] if not piece.get("hit") else f"[reverse]{piece['text']}[/reverse]"
            for piece in snippet["title"]
        )
        expect("[reverse]" in marked, f"the hit for “{query}” is not marked: {snippet}")
        shown = marked if demo.out.is_terminal else marked.replace("[reverse]", "»").replace("[/reverse]", "«")
        demo.tell(f"{query:<10} -> {shown}")


async def play() -> int:
    """Starts a stack, plays, stops it. 0 if every promise was kept, else 1 with the reason."""
    out = Console(width=None if sys.stdout.isatty() else 120)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="taskbell-demo-") as folder:
        out.print("[bold]Taskbell demo[/bold]: a throw-away stack on free ports")
        async with (
            Stack(data_dir=Path(folder) / "data", throwaway=True) as stack,
            aiohttp.ClientSession() as http,
        ):
            out.print(
                f"  PostgreSQL, Valkey, NATS, three services: ready after {time.perf_counter() - started:.1f} s",
                highlight=False,
            )
            try:
                await main_job(Demo(stack, http, out, Path(folder)))
            except DemoFailed as failure:
                out.print(f"\n[red bold]The demo failed:[/red bold] {failure}", highlight=False)
                return 1
    out.print(
        f"\n[green bold]All seen as promised[/green bold], in {time.perf_counter() - started:.1f} s.", highlight=False
    )
    return 0


def main(arguments: Sequence[str] = ()) -> int:
    """Plays the demo; the exit code."""
    argparse.ArgumentParser(prog="taskbell demo", description=__doc__).parse_args(arguments)
    return asyncio.run(play())
