"""docs/settings.md: every setting of the services, out of the classes that read them.

`python -m tests.settings_table` writes it; a test sees to it that it was.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from chassis.settings import ServiceSettings
from chassis.tls_settings import PREFIX
from gatewaysvc.settings import Settings as OfGatewaysvc
from notifysvc.settings import Settings as OfNotifysvc
from tasksvc.settings import Settings as OfTasksvc

PAGE: Final = Path(__file__).parents[1] / "docs" / "settings.md"
SERVICES: Final[dict[str, type[ServiceSettings]]] = {
    "tasksvc": OfTasksvc,
    "notifysvc": OfNotifysvc,
    "gatewaysvc": OfGatewaysvc,
}
_BEGIN: Final = "<!-- settings -->\n"
_END: Final = "<!-- /settings -->\n"
_TIMES: Final = frozenset({"grace", "connection_age", "due_soon", "deleted_retention"})
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    return before + _BEGIN + "".join(_tables()) + _END + rest.partition(_END)[2]


def meanings(settings: type[ServiceSettings]) -> dict[str, str]:
    """What stands under each setting in its class."""
    found: dict[str, str] = {}
    for kind in reversed(settings.__mro__):
        if issubclass(kind, ServiceSettings) or kind in ServiceSettings.__mro__[1:2]:
            [made] = ast.parse(inspect.getsource(kind)).body
            assert isinstance(made, ast.ClassDef)
            for field, text in zip(made.body, made.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    said = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
                    if said:
                        found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())  # type: ignore[attr-defined]
    return found


def _tables() -> Iterator[str]:
    shared = [name for name in OfTasksvc.model_fields if all(name in each.model_fields for each in SERVICES.values())]
    yield _table("All three", OfTasksvc, shared)
    for service, settings in SERVICES.items():
        yield _table(service, settings, [name for name in settings.model_fields if name not in shared])


def _table(title: str, settings: type[ServiceSettings], names: list[str]) -> str:
    said, known = meanings(settings), settings.model_fields
    rows = [f"| `{_variable(name)}` | {_default(name, known[name])} | {said[name]} |\n" for name in names]
    return f"\n## {title}\n\n| variable | default | |\n| --- | --- | --- |\n{''.join(rows)}"


def _variable(name: str) -> str:
    return (PREFIX + name).upper()


def _default(name: str, known: FieldInfo) -> str:
    """What holds if nothing is said, and what else can be said."""
    if name == "metrics_port":
        return ", ".join(f"{settings.model_fields[name].default} ({service})" for service, settings in SERVICES.items())
    if known.is_required():
        return "must be set"
    value = known.default.get_secret_value() if isinstance(known.default, SecretStr) else known.default
    if get_origin(known.annotation) is Literal:
        others = [f"`{each}`" for each in get_args(known.annotation) if each != value]
        return f"`{value}`; or {', '.join(others)}"
    if name in _TIMES or name.endswith("_lifetime"):
        seconds = int(value)
        return next(f"`{seconds // size}{unit}`" for unit, size in _UNITS if seconds % size == 0)
    return "" if value in (None, "") else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
