"""What is typed wrong is told in a line, without asking a server."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from cli import main

ROOT = Path(__file__).parents[3]
NOBODY = "0190a0b0-0000-7000-8000-0000000fffff"


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A configuration folder of the test's own, and no server."""
    for name in ("TOKEN", "CONTEXT", "OUTPUT", "CONFIG"):
        monkeypatch.delenv(f"TASKBELL_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("TASKS", "NOTIFY"):
        monkeypatch.setenv(f"TASKBELL_{name}_ADDRESS", "127.0.0.1:1")
    return tmp_path / "taskbell" / "config.json"


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["taskbell", *arguments])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Usage: taskbell"),
        (["project"], "Usage: taskbell project"),
        (["nonsense"], "No such command 'nonsense'"),
        (["serach"], "Did you mean 'search'"),
        (["add"], "Missing argument 'TITLE...'"),
        (["add", "x", "--due", "whenever"], "'whenever' is no time"),
        (["add", "x", "-p", "hot"], "'hot' is not one of 'low'"),
        (["add", "x", "--payload", "[1]"], "must be a JSON object"),
        (["add", "x", "--payload", "{"], "no JSON"),
        (["add", "x", "--payload", '{"a": NaN}'], "NaN"),
        (["add", "x", "--payload", f'{{"a": {10**400}}}'], "too large"),
        (["add", "x", "--payload", "@/nowhere.json"], "/nowhere.json can't be read: No such file"),
        (["add", "x", "--at", "whenever"], "'whenever' is no time"),
        (["add", "x", "--unique-key", "k", "--unique-for", "long"], "no length of time"),
        (["queue"], "Usage: taskbell queue"),
        (["queue", "set", "q"], "nothing to change"),
        (["queue", "set", "q", "--rate", "fast"], "'fast' is no rate"),
        (["queue", "set", "q", "--rate", "10/x"], "no length of time"),
        (["queue", "set", "q", "--rate", "1/s", "--clear", "rate"], "set and cleared"),
        (["queue", "set", "q", "--backoff", "1s", "--clear", "backoff"], "set and cleared"),
        (["worker", "--", "true"], "Missing option '--queue'"),
        (["worker", "--queue", "q"], "Missing argument"),
        (["worker", "--queue", "q", "--", "/nowhere/to/be/found"], "is no command that can be run"),
        (["worker", "--queue", "q", "-c", "0", "--", "true"], "--concurrency"),
        (["worker", "--queue", "q", "--timeout", "soon", "--", "true"], "no length of time"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "-o", "xml"], "'xml' is not one of 'table'"),
        (["list", "--context", "nowhere"], "there is no context 'nowhere'"),
        (["show", "short"], "last 6 or more"),
        (["show", "task!!!"], "last 6 or more"),
        (["edit", NOBODY], "nothing to change"),
        (["edit", NOBODY, "--due", "2h", "--clear", "due"], "set and cleared"),
        (["inbox", "--state", "new"], "'new' is not one of 'unread'"),
        (["inbox", "read"], "--all"),
        (["inbox", "read", NOBODY, "--all"], "--all"),
        (["inbox", "archive", "--all", "-r", "failed"], "--filter"),
        (["inbox", "-r", "soon"], "'soon' is not one of 'assigned'"),
        (["comment", NOBODY], "Missing argument 'TEXT...'"),
        (["comment", NOBODY, " "], "nothing to say"),
        (["comments"], "Usage: taskbell comments"),
        (["comments", "short"], "last 6 or more"),
        (["token", "create", "ci", "-s", "everything"], "'everything' is not one of"),
        (["token", "create", "ci", "-s", "account", "--expires", "never"], "no length of time"),
        (["config", "use", "nowhere"], "there is no context"),
        (["config", "set", "tasks-address", "nowhere"], "HOST:PORT"),
        (["config", "set", "tasks-address", "host:99999"], "HOST:PORT"),
        (["config", "set", "output", "xml"], "no output format"),
        (["config", "set", "tls", "on"], "'on' is no way to speak TLS: it is one of off, tls, mtls"),
        (["config", "set", "tls-ca-file", "/nowhere/ca.crt"], "there is no file '/nowhere/ca.crt'"),
        (["logout"], "nobody is logged in"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_typed_wrong_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert typed(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""


def test_it_tells_its_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(monkeypatch, "--version") == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"taskbell {project['version']}\n"


def test_a_server_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(monkeypatch, "show", NOBODY) == 78
    told = capsys.readouterr().err
    assert told.startswith("error: there is no answer from 127.0.0.1:1: nobody listens there (UNAVAILABLE)\nhint: ")


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"contexts": {"default": {"colour": 1}}, "current": "default"}'])
def test_a_broken_configuration_is_named_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path, broken: str
) -> None:
    config.parent.mkdir()
    config.write_text(broken)
    assert typed(monkeypatch, "config", "set", "output", "json") == 2
    assert str(config) in capsys.readouterr().err
    assert config.read_text() == broken


def test_contexts_are_made_used_and_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(monkeypatch, "config", "set", "tasks-address", "tasks.example.com:50051", "--context", "work") == 0
    assert typed(monkeypatch, "config", "use", "work") == 0
    assert typed(monkeypatch, "config", "set", "output", "jsonl") == 0
    capsys.readouterr()
    assert typed(monkeypatch, "config", "list") == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        '{"name":"work","current":true,"tasksAddress":"tasks.example.com:50051",'
        '"notifyAddress":"127.0.0.1:50052","tls":"off","output":"jsonl","username":""}'
    )
    monkeypatch.setenv("TASKBELL_CONTEXT", "default")
    assert typed(monkeypatch, "config", "list", "-o", "table") == 0
    assert re.search(r"^\* +work +tasks\.example\.com:50051", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    assert typed(monkeypatch, "completion", shell) == 0
    assert f"complete_{shell}" in capsys.readouterr().out


def test_a_shell_completes_commands_and_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TASKBELL_COMPLETE", "complete_bash")
    for words, answer in (("taskbell pro", "project"), ("taskbell list --status comp", "completed")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        assert typed(monkeypatch) == 0
        assert capsys.readouterr().out.split() == [answer]


@pytest.mark.parametrize(("command", "module"), [("dev", "devstack.dev"), ("demo", "cli.demo")])
def test_without_the_dev_extra_dev_and_demo_say_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert typed(monkeypatch, command, "--free-ports") == 2
    assert "taskbell[dev]" in capsys.readouterr().err
