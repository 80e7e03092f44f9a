"""The real Prometheus, with the project's own configuration, on a stack of ours."""

import asyncio
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

from devstack.ports import HOST
from devstack.probe import serves_http
from devstack.process import Process

SHIPPED: Final = Path(__file__).parents[3] / "compose" / "prometheus"
ALERTS: Final = [
    rule for group in yaml.safe_load((SHIPPED / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
MISSING: Final = "There is no Prometheus here; on Debian: apt install prometheus"


def installed() -> bool:
    """Whether the server and its tool are there."""
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


def promtool(*arguments: str, said: str = "") -> str:
    """What it says against that; empty when it finds nothing. Raises AssertionError when it finds something wrong."""
    command = [str(shutil.which("promtool")), *arguments]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)  # noqa: S603 - our words
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


def prometheus(folder: Path, port: int, targets: Mapping[str, Sequence[str]]) -> Process:
    """The server, which asks these targets of each job every second, instead of a name server every ten."""
    home = folder / "prometheus"
    home.mkdir()
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text("utf-8"))
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(SHIPPED / "alerts.yml")]
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": list(targets.get(job["job_name"], [f"{HOST}:{port}"]))}]
    path = home / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), "utf-8")

    async def ready() -> bool:
        return await serves_http(port, "/-/ready")

    return Process(
        name="prometheus",
        port=port,
        command=[
            str(shutil.which("prometheus")),
            f"--config.file={path}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ],
        environment={"TZ": "UTC"},
        folder=folder,
        ready=ready,
    )


class Questions:
    """Asks it."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def ask(self, expression: str) -> list[Any]:
        """The series that an expression gives now. Raises AssertionError with Prometheus' words if it can't be read."""
        async with self._http.get(f"{self._url}/api/v1/query", params={"query": expression}) as response:
            answer = await response.json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        return [each for each in answer["data"]["result"] if each["value"][1] != "NaN"]

    async def firing(self) -> set[str]:
        """The alerts that fire."""
        async with self._http.get(f"{self._url}/api/v1/alerts") as response:
            alerts = (await response.json())["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    async def without_data(self, expressions: Sequence[str]) -> list[str]:
        """Those that give none, once they all do, or have been given half a minute to."""
        left = list(expressions)
        async with asyncio.timeout(60):
            for _ in range(60):
                left = [each for each in left if not await self.ask(each)]
                if not left:
                    break
                await asyncio.sleep(0.5)  # there is no event of a scrape to wait for
        return left
