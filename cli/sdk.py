"""The SDK's generated modules by short names, each imported when first used: `taskbell --help` needs none of them."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cli.api.google import protobuf as google
    from cli.api.taskbell.accounts import v1 as accounts
    from cli.api.taskbell.comments import v1 as comments
    from cli.api.taskbell.events import v1 as events
    from cli.api.taskbell.notifications import v1 as notifications
    from cli.api.taskbell.projects import v1 as projects
    from cli.api.taskbell.queues import v1 as queues
    from cli.api.taskbell.tasks import v1 as tasks
    from cli.api.taskbell.webhooks import v1 as webhooks

__all__ = ["accounts", "comments", "events", "google", "notifications", "projects", "queues", "tasks", "webhooks"]

_MODULES: Final = {name: f"cli.api.taskbell.{name}.v1" for name in __all__} | {"google": "cli.api.google.protobuf"}


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        raise AttributeError(name)
    return importlib.import_module(_MODULES[name])
