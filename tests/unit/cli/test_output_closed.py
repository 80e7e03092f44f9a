"""Whatever standard output is, a command says what is wrong, and never with a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest


def taskbell(shell: str, config: Path) -> subprocess.CompletedProcess[str]:
    """A command of the shell in which `taskbell` is our own program."""
    script = f'taskbell() {{ "{sys.executable}" -m cli "$@"; }}; {shell}'
    environment = {"TASKBELL_CONFIG": str(config), "PATH": "/usr/bin:/bin"}
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - our own program


@pytest.mark.parametrize("command", ["config list", "config list -o json", "completion bash", "--help"])
def test_output_that_was_closed_is_no_mistake(command: str, tmp_path: Path) -> None:
    ran = taskbell(f"taskbell {command} >&-", tmp_path / "config.json")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("command", ["config list", "config list -o json", "completion bash", "--help"])
def test_a_full_disk_is_told_in_one_line(command: str, tmp_path: Path) -> None:
    ran = taskbell(f"taskbell {command} >/dev/full", tmp_path / "config.json")
    assert (ran.returncode, ran.stderr) == (2, "error: the output can't be written: No space left on device\n")
