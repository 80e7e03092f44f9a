"""The command line of a service with a database of its own: `serve` (also when nothing is said) or `migrate`."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import structlog

from chassis import telemetry
from chassis.postgres import Pool
from chassis.run import CannotStart, launch
from chassis.schema_check import missing_migrations
from chassis.settings import DatabaseSettings, load

Settings = TypeVar("Settings", bound=DatabaseSettings)


def run_service(
    schema: str,
    migrations: Path,
    settings_type: type[Settings],
    serve: Callable[[Settings], Coroutine[Any, Any, None]],
    *,
    description: str,
) -> None:
    """Does what the command line says. The service is called as its schema is."""
    parser = argparse.ArgumentParser(prog=schema, description=description)
    parser.add_argument("command", nargs="?", choices=["serve", "migrate"], default="serve")
    if parser.parse_args().command == "serve":
        launch(settings_type, serve)
        return
    from chassis.migrations import migrate  # noqa: PLC0415  # 12 MiB that a process that serves need not hold

    settings = load(settings_type)
    telemetry.configure_logs(schema, settings)
    applied = migrate(settings.database_url, schema, migrations)
    structlog.get_logger(f"{schema}.migrate").info("migrated", applied=applied)


async def check_migrated(pool: Pool, schema: str, migrations: Path) -> None:
    """Raises CannotStart if the schema lacks something."""
    if missing := await missing_migrations(pool, migrations):
        raise CannotStart(f"the database lacks {', '.join(missing)}: run `python -m {schema} migrate` first")
