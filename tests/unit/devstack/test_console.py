import json
from io import StringIO
from pathlib import Path

import pytest

from devstack import console as module
from devstack.console import Console


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path, StringIO())


def shown(console: Console) -> list[str]:
    console.catch_up()
    assert isinstance(console.out, StringIO)
    return console.out.getvalue().splitlines()


def test_a_json_line_becomes_time_process_event_and_values(console: Console) -> None:
    entry = {"event": "listening", "level": "info", "timestamp": "2026-11-23T19:44:28.307Z", "grpc": "127.0.0.1:50051"}
    line = console.render("tasksvc-1", json.dumps(entry | {"n": 3, "why": "two words", "service": "tasksvc"}))
    assert line.endswith('28.307 tasksvc-1    listening grpc=127.0.0.1:50051 n=3 why="two words"')


def test_a_warning_says_so_and_a_traceback_keeps_its_lines(console: Console) -> None:
    entry = {"event": "crashed", "level": "error", "timestamp": "2026-11-23T19:44:28Z", "exception": "Traceback\n  at"}
    assert console.render("tasksvc-1", json.dumps(entry)).endswith("ERROR crashed\n    Traceback\n      at")


@pytest.mark.parametrize("line", ["plain words", "[1, 2]", "{broken", ""])
def test_what_is_no_entry_is_shown_as_it_is(console: Console, line: str) -> None:
    assert console.render("mail", line) == f"mail         {line}"


@pytest.mark.parametrize("line", ['{"event": null}', '{"timestamp": 7, "level": ["x"]}', "{}"])
def test_an_entry_may_lack_anything(console: Console, line: str) -> None:
    assert "mail" in console.render("mail", line)


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    assert "\x1b[" in Console(tmp_path, StringIO(), coloured=True).render("mail", "words")
    assert "\x1b[" not in Console(tmp_path, StringIO()).render("mail", "words")


def test_it_shows_whole_new_lines_once(tmp_path: Path) -> None:
    log = tmp_path / "tasksvc-1.log"
    log.write_text("before\n")
    console = Console(tmp_path, StringIO())
    with log.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert shown(console) == ["tasksvc-1    one"]
        file.write("o\n")
    assert shown(console) == ["tasksvc-1    one", "tasksvc-1    two"]


def test_the_servers_own_logs_stay_in_their_files(console: Console, tmp_path: Path) -> None:
    (tmp_path / "postgres.log").write_text("LOG: checkpoint starting\n")
    assert shown(console) == []


def test_a_log_that_grew_too_large_is_put_aside_and_followed_on(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    with (tmp_path / "mail.log").open("a") as writer:
        writer.write("more than ten bytes\n")
        writer.flush()
        assert len(shown(console)) == 1
        writer.write("after\n")
    assert (tmp_path / "mail.log.1").read_text() == "more than ten bytes\n"
    assert (tmp_path / "mail.log").read_text() == "after\n"
    assert shown(console)[-1] == "mail         after"
