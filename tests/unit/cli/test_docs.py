"""docs/cli.md tells the truth."""

import re
from pathlib import Path
from typing import Any

import grpc
import pytest
import typer.main

from chassis.errors import ServiceError
from cli import failures
from cli.main import app

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
TREE: Any = typer.main.get_command(app)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    listed = {int(code): name for code, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|$", PAGE, re.MULTILINE)}
    assert listed == {64 + code.value[0]: code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK}


def test_each_error_ends_with_the_exit_code_of_its_grpc_code(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ServiceError.kinds():
        code = failures.report(kind("no luck."))
        assert re.search(rf"^\| {code} \| {kind.code.name} \|$", PAGE, re.MULTILINE)
        assert capsys.readouterr().err.startswith(f"error: no luck ({kind.reason})\n")


@pytest.mark.parametrize("code", [failures.UsageProblem.exit_code, failures.INTERRUPTED, failures.PIPE_CLOSED])
def test_the_commands_own_exit_codes_are_listed(code: int) -> None:
    assert f"\n| {code} | " in PAGE


def test_each_command_is_listed() -> None:
    named = " ".join(re.findall(r"^\| (`.*`) \|", PAGE, re.MULTILINE))
    for name, command in TREE.commands.items():
        assert f"`{name}" in named
        for part in getattr(command, "commands", {}):
            assert f"`{name} {part}`" in named or f"`{part}`" in named


def test_hints_are_for_reasons_that_exist() -> None:
    assert failures.HINTS.keys() <= {kind.reason for kind in ServiceError.kinds()}


def test_each_variable_is_listed() -> None:
    read = {
        name
        for path in (Path(__file__).parents[3] / "cli").glob("*.py")
        if path.name != "demo.py"
        for name in re.findall(r"\"(TASKBELL_\w+)\"", path.read_text())
    }
    assert read == set(re.findall(r"^\| `(TASKBELL_\w+)` \|", PAGE, re.MULTILINE))
