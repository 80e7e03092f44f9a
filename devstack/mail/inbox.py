"""The mails that came in, in a file that outlives the process."""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mails (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    arrival TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    raw BLOB NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
)
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it arrived: the envelope, and the message byte for byte."""

    id: str
    arrival: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    read: bool

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The mail of a row."""
        return cls(
            row["id"],
            row["arrival"],
            row["sender"],
            tuple(json.loads(row["recipients"])),
            row["raw"],
            bool(row["read"]),
        )


class Inbox:
    """Everybody's mails, the newest first."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(SCHEMA)

    def put(self, sender: str, recipients: Sequence[str], raw: bytes) -> str:
        """Keeps a mail; its ID."""
        made = secrets.token_hex(11)
        arrival = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._database as write:
            write.execute(
                "INSERT INTO mails (id, arrival, sender, recipients, raw) VALUES (?, ?, ?, ?, ?)",
                (made, arrival, sender, json.dumps(list(recipients)), raw),
            )
        return made

    def get(self, mail_id: str) -> Mail | None:
        """The mail, or the newest one for `latest`."""
        which = "ORDER BY number DESC LIMIT 1" if mail_id == "latest" else "WHERE id = ?"
        row = self._database.execute(
            f"SELECT * FROM mails {which}",  # noqa: S608 - one of the two constants above
            () if mail_id == "latest" else (mail_id,),
        ).fetchone()
        return Mail.from_row(row) if row else None

    def all(self) -> Iterator[Mail]:
        """Every mail."""
        return map(Mail.from_row, self._database.execute("SELECT * FROM mails ORDER BY number DESC"))

    def mark(self, ids: Sequence[str], *, read: bool) -> None:
        """Marks these, or all if none is named."""
        with self._database as write:
            if ids:
                write.executemany("UPDATE mails SET read = ? WHERE id = ?", [(read, each) for each in ids])
            else:
                write.execute("UPDATE mails SET read = ?", (read,))

    def delete(self, ids: Sequence[str]) -> None:
        """Deletes these, or all if none is named."""
        with self._database as write:
            if ids:
                write.executemany("DELETE FROM mails WHERE id = ?", [(each,) for each in ids])
            else:
                write.execute("DELETE FROM mails")

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()
