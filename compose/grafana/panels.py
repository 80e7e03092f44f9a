"""Panels of a dashboard, and the usual questions to Prometheus."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

_COLUMNS: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph, or a figure if it is `brief`: expressions, each with the legend of its lines."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    text: str = ""
    brief: bool = False

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """As Grafana reads it."""
        width, height = (4, 4) if self.brief else (8, 8)
        return {
            "id": number,
            "type": "stat" if self.brief else "timeseries",
            "title": self.title,
            "description": self.text,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": width, "h": height},
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0}, "overrides": []},
            "options": {} if self.brief else {"tooltip": {"mode": "multi", "sort": "desc"}},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
                for place, (expression, legend) in enumerate(self.lines)
            ],
        }


def graph(title: str, unit: str, *lines: tuple[str, str], text: str = "") -> Panel:
    """A panel with lines over time."""
    return Panel(title, unit, lines, text)


def figure(title: str, unit: str, expression: str, text: str = "") -> Panel:
    """A panel with the figure of this moment."""
    return Panel(title, unit, ((expression, ""),), text, brief=True)


def rate(metric: str, by: str = "", where: str = "") -> str:
    """How often a second, added up."""
    labels = f" by ({by})" if by else ""
    return f"sum{labels} (rate({metric}{{{where}}}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "", where: str = "") -> str:
    """What that share of the observations stays below."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{{{where}}}[$__rate_interval])))"


def delays(histogram: str) -> tuple[tuple[str, str], ...]:
    """The usual one, and those that are noticed."""
    return tuple((quantile(share, histogram), name) for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")))


def or_none(expression: str) -> str:
    """0 where there is nothing to add up."""
    return f"({expression} or vector(0))"


def laid_out(panels: Iterable[Panel]) -> Iterator[dict[str, Any]]:
    """From left to right, then below."""
    numbers, x, y, below = count(1), 0, 0, 0
    for panel in panels:
        model = panel.model(next(numbers), x, y)
        if x + model["gridPos"]["w"] > _COLUMNS or (x and model["gridPos"]["h"] != below - y):
            x, y = 0, below
            model["gridPos"] |= {"x": x, "y": y}
        x, below = x + model["gridPos"]["w"], y + model["gridPos"]["h"]
        yield model
