"""What the Compose files ask of whoever runs them, and of the Docker that runs them."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).parents[2] / "compose"
SERVICES: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]


def test_every_variable_of_the_compose_files_is_listed_in_the_example():
    asked = {name for file in COMPOSE.glob("*.yaml") for name in re.findall(r"\${(TASKBELL_\w+)", file.read_text())}
    told = set(re.findall(r"^#(TASKBELL_\w+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE))
    assert told == asked


def test_each_image_of_ours_is_built_once_and_never_looked_for_elsewhere():
    """Docker builds all images at a time, and refuses to give two of them the same name."""
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("taskbell/")}
    built = Counter(service["image"] for service in ours.values() if "build" in service)
    assert built == {service["image"]: 1 for service in ours.values()}
    assert {service["pull_policy"] for service in ours.values() if "build" not in service} == {"never"}
