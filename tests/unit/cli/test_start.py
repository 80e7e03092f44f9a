"""The help answers at once: what takes long to import is imported by the commands that need it."""

import json
import subprocess
import sys

HEAVY = {"grpc", "google.protobuf", "betterproto2", "pydantic", "rich", "yaml", "dateutil", "devstack", "aiohttp"}
PROGRAM = """
import json, sys
from cli import main
try:
    main.run()
except SystemExit:
    print("\\n" + json.dumps(sorted(sys.modules)))
"""


def test_the_help_imports_nothing_heavy() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, "--help"], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    loaded = json.loads(ran.stdout.splitlines()[-1])
    assert "cli.main" in loaded
    assert HEAVY.isdisjoint(loaded)
