"""docs/operations.md has an answer to each alert."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
ALERTS = [
    rule
    for group in yaml.safe_load((ROOT / "compose/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
HEADINGS = re.findall(r"^### (\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)


def test_each_alert_has_its_section_and_no_section_is_left_over():
    assert sorted({alert["alert"] for alert in ALERTS}) == sorted(HEADINGS)


def test_each_alert_leads_to_its_section():
    for alert in ALERTS:
        assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{alert['alert'].lower()}"
