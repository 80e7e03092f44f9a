"""Which handlers of installed packages are taken."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chassis.run import CannotStart
from tasksvc.handlers import Handler, Job
from tasksvc.workers.handler_entry_points import with_installed

Install = Callable[[dict[str, str]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package with these handlers."""

    def do(handlers: dict[str, str]) -> None:
        package = tmp_path / "plugged-1.0.dist-info"
        package.mkdir()
        (package / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
        lines = "".join(f"{queue} = {handler}\n" for queue, handler in handlers.items())
        (package / "entry_points.txt").write_text(f"[taskbell.handlers]\n{lines}")
        (tmp_path / "plugged.py").write_text(
            "async def resize(job): pass\n"
            "def blocking(job): pass\n"
            "class Crop:\n"
            "    async def __call__(self, job): pass\n"
            "crop = Crop()\n"
        )
        monkeypatch.syspath_prepend(tmp_path)

    return do


@pytest.fixture
def builtin() -> dict[str, Handler]:
    async def webhook(_job: Job) -> None:
        pass

    return {"webhook": webhook}


def test_handlers_of_packages_join_the_builtin_ones(install: Install, builtin: dict[str, Handler]) -> None:
    install({"resize": "plugged:resize", "crop.v2": "plugged:crop"})
    assert with_installed(builtin).keys() == {"webhook", "resize", "crop.v2"}


@pytest.mark.parametrize(
    ("queue", "handler", "told"),
    [
        ("No Queue", "plugged:resize", "a handler's name is that of its queue"),
        ("q" * 65, "plugged:resize", "a handler's name is that of its queue"),
        ("webhook", "plugged:resize", "there is another handler for this queue"),
        ("resize", "no_such_module:resize", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("resize", "plugged:shrink", "AttributeError: "),
        ("resize", "plugged:blocking", "a handler is an async function"),
        ("resize", "json", "a handler is an async function"),
    ],
)
def test_one_that_can_not_be_used_is_named_with_the_reason(
    install: Install, builtin: dict[str, Handler], queue: str, handler: str, told: str
) -> None:
    install({queue: handler})
    with pytest.raises(CannotStart, match=re.escape(f"The handler {queue} = {handler} can't be used: {told}")):
        with_installed(builtin)
