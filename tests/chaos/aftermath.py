"""What is left of a storm: what PostgreSQL, the mail server and each client know of it."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg

from chassis import jetstream
from devstack.stack import Stack
from tests.chaos.listeners import Transcript
from tests.chaos.storm import Storm
from tests.chaos.writers import Writers

_MESSAGE_ID: Final = re.compile(r"<?(?P<event>[0-9a-f-]{36})\.(?P<user>[0-9a-f-]{36})@")
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Events and people are named by their ids, mails and notifications by both."""

    told: list[asyncpg.Record]
    concerned: Counter[tuple[str, str]]
    notified: list[asyncpg.Record]
    mails: Counter[tuple[str, str]]
    writers: Writers
    everything: list[Transcript]
    inboxes: dict[str, Transcript]
    storm: Storm

    @property
    def twice(self) -> Counter[tuple[str, str]]:
        """The mails that came again, and how often."""
        return self.mails - Counter(dict.fromkeys(self.mails, 1))

    @property
    def in_doubt(self) -> set[tuple[str, str]]:
        """The mails of which nobody could say whether they had been taken."""
        return {(row["event_id"], row["user_id"]) for row in self.notified if row["doubts"]}

    def __str__(self) -> str:
        """The figures."""
        blows, writers, mails = self.storm.blows, self.writers, self.mails
        lines = [f"{blows.total()} blows: {', '.join(f'{blow} {count}' for blow, count in sorted(blows.items()))}"]
        lines.append(f"{len(writers.answered)} tasks, {len(self.told)} events; {writers.repeats} calls were repeated")
        lines.extend(
            f"{each.name}: {len(each.heard)} events, {each.connections} connections, {each.gaps} gaps"
            for each in (*self.everything, *self.inboxes.values())
        )
        lines.append(f"{len(self.notified)} notifications, {mails.total()} mails")
        lines.append(f"{len(self.in_doubt)} mails in doubt, of which {self.twice.total()} came a second time")
        return "\n".join(lines)


class Database:
    """PostgreSQL, asked once the storm is over."""

    def __init__(self, url: str) -> None:
        self._url = url
        statements = Path(__file__).with_name("delivery.sql").read_text("utf-8").split("\n\n")
        self._sql = {each.split("\n", 1)[0].removeprefix("-- "): each for each in statements}

    async def ask(self, name: str, *values: Any) -> list[asyncpg.Record]:
        """The rows of a statement in delivery.sql."""
        connection = await asyncpg.connect(self._url)
        try:
            return await connection.fetch(self._sql[name], *values)
        finally:
            await connection.close()


async def settled(stack: Stack, database: Database) -> None:
    """Returns when all is published, has had its effect, and is mailed."""
    for each in stack.running["notifysvc"]:
        await each.stop()
    await database.ask("end_leases")
    for each in stack.running["notifysvc"]:
        await each.start()
    async with jetstream.connect(stack.nats_url) as bus:
        await bus.ready()
        while True:
            consumer = await bus.jetstream.consumer_info(jetstream.STREAM, "notifysvc")
            ((unsettled,),) = await database.ask("unsettled")
            if not (unsettled or consumer.num_pending or consumer.num_ack_pending):
                return
            await asyncio.sleep(0.2)  # neither the bus nor the database tells when nothing is left


async def heard(transcript: Transcript, count: int) -> None:
    """Returns when it has so many events, or they won't come any more."""
    for _ in range(150):
        if len(transcript.heard) >= count:
            return
        await asyncio.sleep(0.2)


async def mails(stack: Stack) -> Counter[tuple[str, str]]:
    """How often the mail of each event and person came."""
    found: Counter[tuple[str, str]] = Counter()
    async with aiohttp.ClientSession(stack.mail_url) as http:
        while True:
            async with http.get("/api/v1/messages", params={"start": found.total(), "limit": _PAGE}) as response:
                page = (await response.json())["messages"]
            if not page:
                return found
            for mail in page:
                match = _MESSAGE_ID.match(mail["MessageID"])
                assert match, mail
                found[match["event"], match["user"]] += 1
