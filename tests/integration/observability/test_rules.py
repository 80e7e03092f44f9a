"""Alerts and dashboards as they lie in the repository: complete, and in step with what they are made from."""

from pathlib import Path
from typing import Final

import pytest

from compose.grafana.generate import DASHBOARDS, FOLDER, dashboard
from tests.integration.observability.prometheus import ALERTS, MISSING, SHIPPED, installed, promtool

FIRE: Final = Path(__file__).parent / "alerts_test.yml"
RUNBOOK: Final = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.mark.skipif(not installed(), reason=MISSING)
def test_promtool_takes_the_configuration_and_sees_every_alert_fire_when_it_should() -> None:
    promtool("check", "config", str(SHIPPED / "prometheus.yml"))
    promtool("test", "rules", str(FIRE))


def test_every_alert_is_tested_to_fire() -> None:
    tested = FIRE.read_text("utf-8")
    assert [rule["alert"] for rule in ALERTS if f'"{rule["alert"]}"' not in tested] == []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{str(rule['alert']).lower()}"
    assert f"### {rule['alert']}\n" in RUNBOOK.read_text("utf-8")


def test_the_dashboards_are_what_the_generator_writes() -> None:
    assert {path.stem: path.read_text("utf-8") for path in FOLDER.iterdir()} == {
        name: dashboard(name) for name in DASHBOARDS
    }
