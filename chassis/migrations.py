"""Schema migrations: yoyo's files and ledger, under a lock that dies with its holder.

yoyo by itself locks with a row, which a kill -9 leaves behind, and applies and notes a migration in two transactions.
Here one connection holds an advisory lock, and a migration and its note are one transaction: several processes may
migrate at once, and one that is killed at any moment has done the whole of a migration or nothing of it.

Services go on meanwhile. A migration that waits for a table holds up all who come after it, so it waits for a moment
only, lets them pass, and tries again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Final

from psycopg.errors import LockNotAvailable
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI, parse_uri
from yoyo.migrations import Migration, default_migration_table

LOCK: Final = 0x7461736B62656C6C
"""The advisory lock's number ("taskbell"). One for the whole database: the services' schemas share its extensions."""


_LOCK_TIMEOUT: Final = 1000
"""Milliseconds that a migration waits for a table at most; so long others may have to wait behind it."""
_PATIENCE: Final = 2.0
"""Seconds that they have before the next attempt."""
_ATTEMPTS: Final = 100


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """One session that holds the advisory lock while it migrates."""

    def __init__(self, uri: DatabaseURI) -> None:
        super().__init__(uri, default_migration_table)

    @contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:  # noqa: ARG002  # yoyo's signature
        """Waits for whoever migrates now. The lock may be taken again while it is held."""
        self.execute(f"SELECT pg_advisory_lock({LOCK})")
        try:
            yield
        finally:
            self.execute(f"SELECT pg_advisory_unlock({LOCK})")

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002
        """The migration and its note in the ledger, in one transaction."""
        self.ensure_internal_schema_updated()
        for patience in (*repeat(_PATIENCE, _ATTEMPTS - 1), 0):
            try:
                with self.transaction():
                    self.execute(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT}")
                    migration.process_steps(self, "apply")
                    self.mark_one(migration, log=False)
            except LockNotAvailable:
                if not patience:
                    raise
                time.sleep(patience)
            else:
                return


def migrate(url: str, schema: str, folder: Path) -> list[str]:
    """Brings the schema up to the newest migration in the folder; the ids of those that were applied, in order."""
    uri = parse_uri(url)
    args = {**uri.args, "options": f"-c search_path={schema},public", "application_name": f"{schema} migrate"}
    with _Backend(uri._replace(scheme="postgresql+psycopg", args=args)) as backend, backend.lock():
        backend.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        waiting = backend.to_apply(read_migrations(str(folder)))
        for migration in waiting:
            backend.apply_one(migration)
        return [migration.id for migration in waiting]
