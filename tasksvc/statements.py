"""The statements of sql/*.sql by name."""

from collections.abc import Mapping
from typing import Final

from chassis.postgres import queries

SQL: Final[Mapping[str, str]] = queries("tasksvc")
