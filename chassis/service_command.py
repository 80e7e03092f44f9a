"""The command line of a service with a database of its own: `serve` (or nothing), `migrate`, and what else it can."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import structlog

from chassis.logs import configure_logs
from chassis.postgres import Pool
from chassis.run import CannotStart, launch
from chassis.schema_check import difference
from chassis.settings import DatabaseSettings, load

Settings = TypeVar("Settings", bound=DatabaseSettings)


def run_service(
    schema: str,
    migrations: Path,
    settings_type: type[Settings],
    serve: Callable[[Settings], Coroutine[Any, Any, None]],
    *,
    description: str,
    **more: Callable[[Settings], Coroutine[Any, Any, None]],
) -> None:
    """Does what the command line says. The service is called as its schema is; `more` are commands of its own."""
    commands = {"serve": serve, **more}
    parser = argparse.ArgumentParser(prog=schema, description=description)
    parser.add_argument("command", nargs="?", choices=[*commands, "migrate"], default="serve")
    command = parser.parse_args().command
    if command in commands:
        launch(settings_type, commands[command])
        return
    from chassis.migrations import migrate  # noqa: PLC0415  # 12 MiB that a process that serves need not hold

    settings = load(settings_type)
    configure_logs(schema, settings)
    applied = migrate(settings.database_url, schema, migrations)
    structlog.get_logger(f"{schema}.migrate").info("migrated", applied=applied)


async def check_migrated(pool: Pool, schema: str, migrations: Path) -> None:
    """Raises CannotStart if the schema lacks something, or is too new."""
    found = await difference(pool, migrations)
    if found.missing:
        raise CannotStart(f"the database lacks {', '.join(found.missing)}: run `python -m {schema} migrate` first")
    if found.beyond:
        raise CannotStart(
            f"the database is too new for this program, by {', '.join(found.beyond)}: run a newer release"
        )
