"""What the Compose files ask of whoever runs them."""

import re
from pathlib import Path

COMPOSE = Path(__file__).parents[2] / "compose"


def test_every_variable_of_the_compose_files_is_listed_in_the_example():
    asked = {name for file in COMPOSE.glob("*.yaml") for name in re.findall(r"\${(TASKBELL_\w+)", file.read_text())}
    told = set(re.findall(r"^#(TASKBELL_\w+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE))
    assert told == asked
