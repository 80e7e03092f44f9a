"""Whether a schema has all that this program expects of it. Without yoyo, which a process that serves need not hold."""

from pathlib import Path
from typing import Final

import asyncpg

from chassis.postgres import Pool

_LEDGER: Final = "_yoyo_migration"
"""yoyo's list of what was applied."""


async def missing_migrations(pool: Pool, folder: Path) -> list[str]:
    """The migrations in the folder that the schema lacks. One ahead of us, as in a rolling update, lacks none."""
    wanted = _migrations(folder)
    try:
        rows = await pool.fetch(f"SELECT migration_id FROM {_LEDGER}")  # noqa: S608  # a constant
    except asyncpg.UndefinedTableError:
        rows = []
    applied = {row["migration_id"] for row in rows}
    return [migration for migration in wanted if migration not in applied]


def _migrations(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.sql"))
