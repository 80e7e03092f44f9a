"""Each service starts with what its own lock installs, as in its image, and nothing else."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALONE = """
import importlib, importlib.metadata, re, sys

def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()

service, locked = sys.argv[1], {plain(name) for name in sys.argv[2:]}
owners = importlib.metadata.packages_distributions()

class Lock:
    def find_spec(self, name, path=None, target=None):
        owned = owners.get(name.partition(".")[0], [])
        if owned and "taskbell" not in owned and not locked & set(map(plain, owned)):
            raise ModuleNotFoundError(f"{name} is not in the lock", name=name)

sys.meta_path.insert(0, Lock())
importlib.import_module(f"{service}.__main__")
"""


@pytest.mark.parametrize("service", ["tasksvc", "notifysvc", "gatewaysvc", "cli"])
async def test_a_service_starts_with_its_own_dependencies_alone(service):
    locked = re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / f"requirements/{service}.txt").read_text(), re.MULTILINE)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ALONE, service, *locked), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
