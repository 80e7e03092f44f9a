"""What the Compose files ask of whoever runs them, and of the Docker that runs them."""

import os
import re
import subprocess
import sys
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


def first_secrets(folder: Path) -> dict[str, str]:
    """What lies there after a start, by part and name."""
    command = [sys.executable, str(COMPOSE / "first_secrets.py")]
    subprocess.run(command, check=True, env=os.environ | {"SECRETS": str(folder)})  # noqa: S603 - our own words
    return {str(file.relative_to(folder)): file.read_text().strip() for file in folder.rglob("*") if file.is_file()}


def test_every_secret_that_a_service_reads_is_made_on_the_first_start_and_stays(tmp_path: Path):
    made = first_secrets(tmp_path)
    read = {
        f"{name}/{Path(value).name}"
        for name in ("tasksvc", "notifysvc", "gatewaysvc")
        for value in SERVICES[name]["environment"].values()
        if str(value).startswith("/run/secrets/")
    }
    assert read <= made.keys()
    assert first_secrets(tmp_path) == made


def test_the_links_that_end_mails_are_signed_with_a_key_of_their_own(tmp_path: Path):
    made = first_secrets(tmp_path)
    assert SERVICES["notifysvc"]["environment"]["TASKBELL_UNSUBSCRIBE_KEY_FILE"] == "/run/secrets/unsubscribe_key"
    assert made["notifysvc/unsubscribe_key"] not in {made["notifysvc/service_key"], made["notifysvc/webhook_key"]}


def test_links_in_old_mails_hold_when_an_older_installation_gets_that_key(tmp_path: Path):
    made = first_secrets(tmp_path)
    (tmp_path / "notifysvc/unsubscribe_key").unlink()
    signs, held = first_secrets(tmp_path)["notifysvc/unsubscribe_key"].split()
    assert held == made["notifysvc/service_key"] != signs
