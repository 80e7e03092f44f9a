"""Whether a schema and this program go together. Without yoyo, which a process that serves need not hold.

A release's migrations are applied before its programs start, while those of the release before still run: so a
migration adds, and the older programs don't mind. What they no longer use is taken away by a later release, in a
migration whose name says which one a program must know of to do without it: `0009.since-0007.drop-old-title.sql`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from chassis.postgres import Pool

_LEDGER: Final = "_yoyo_migration"
"""yoyo's list of what was applied."""
_TAKES_AWAY: Final = re.compile(r"\d+\.since-(\d+)\.")


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands between a schema and a program."""

    missing: list[str]
    """The program's migrations that the schema lacks."""
    beyond: list[str]
    """The schema's migrations that took away something which the program still uses."""


async def difference(pool: Pool, folder: Path) -> Difference:
    """Compares the schema with the migrations in the folder, which are the program's."""
    known = _migrations(folder)
    try:
        rows = await pool.fetch(f"SELECT migration_id FROM {_LEDGER}")  # noqa: S608  # a constant
    except asyncpg.UndefinedTableError:
        rows = []
    applied = {row["migration_id"] for row in rows}
    newest = max((_number(each) for each in known), default=0)
    return Difference(
        [each for each in known if each not in applied],
        sorted(each for each in applied.difference(known) if _since(each) > newest),
    )


def _migrations(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.sql"))


def _number(migration: str) -> int:
    return int(migration.partition(".")[0])


def _since(migration: str) -> int:
    said = _TAKES_AWAY.match(migration)
    return int(said[1]) if said else 0
