"""Migrations run while programs of the release before still serve."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MIGRATIONS = sorted(ROOT.glob("*svc/sql/migrations/*.sql"))
TAKES_AWAY = re.compile(r"\bDROP\s+(TABLE|COLUMN|VIEW|FUNCTION|TYPE)\b|\bRENAME\b|\bSET\s+NOT\s+NULL\b", re.IGNORECASE)


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_a_migration_that_takes_something_away_says_who_can_do_without_it(path):
    number, *rest = path.stem.split(".")
    statements = re.sub(r"--.*", "", path.read_text())
    since = re.fullmatch(r"since-(\d+)", rest[0])
    assert bool(since) or not TAKES_AWAY.search(statements)
    assert since is None or int(since[1]) < int(number)


def test_numbers_are_taken_once():
    for folder in {path.parent for path in MIGRATIONS}:
        numbers = [path.stem.partition(".")[0] for path in folder.glob("*.sql")]
        assert len(numbers) == len(set(numbers))
