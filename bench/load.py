"""Load on a gRPC method or a path over HTTP/1.1 by h2load (nghttp2): its C client costs little beside the server."""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TICKS = 100  # clock ticks a second in /proc/PID/stat on Linux


@dataclass(frozen=True, slots=True)
class Call:
    """One method, with the request that is sent over and over."""

    name: str
    address: str
    method: str  # /package.Service/Method
    message: bytes
    token: str
    pids: tuple[int, ...]  # the server's processes, whose CPU time is counted


@dataclass(frozen=True, slots=True)
class Get:
    """A GET that is sent over and over."""

    name: str
    url: str
    token: str
    pids: tuple[int, ...]  # as above


@dataclass(frozen=True, slots=True)
class Measured:
    """What one round showed."""

    rate: float  # answers a second
    cpu: float  # microseconds of the server's CPU an answer


def require_h2load() -> None:
    """Ends with a sentence where h2load is missing."""
    if shutil.which("h2load") is None:
        sys.exit("The benchmarks need h2load: apt install nghttp2-client")


def measure(
    call: Call | Get, *, seconds: float, clients: int = 8, streams: int = 4, tolerated: float = 0.0
) -> Measured:
    """Sends `call` for `seconds` over `clients` connections, with `streams` calls each under way if it is gRPC.

    Ends with a sentence if more than the `tolerated` share of them fails.
    """
    before = sum(cpu_seconds(pid) for pid in call.pids)
    command = [
        "h2load",
        f"--duration={seconds:g}",
        f"--clients={clients}",
        f"--header=authorization: Bearer {call.token}",
    ]
    if isinstance(call, Get):
        printed = run([*command, "--h1", call.url])
    else:
        with tempfile.NamedTemporaryFile() as body:
            body.write(b"\0" + len(call.message).to_bytes(4, "big") + call.message)
            body.flush()
            command += ["--header=content-type: application/grpc", "--header=te: trailers", f"--data={body.name}"]
            printed = run([*command, f"--max-concurrent-streams={streams}", f"http://{call.address}{call.method}"])
    used = sum(cpu_seconds(pid) for pid in call.pids) - before
    answered = count(printed, r"(\d+) succeeded")
    failed = count(printed, r"(\d+) failed") + count(printed, r"(\d+) errored")
    if failed > tolerated * (failed + answered):
        sys.exit(f"{call.name}: {failed} of {failed + answered} calls failed")
    return Measured(rate=answered / seconds, cpu=used / answered * 1e6)


def run(command: list[str]) -> str:
    """What it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # our own


def count(printed: str, pattern: str) -> int:
    """The figure that h2load printed."""
    found = re.search(pattern, printed)
    if found is None:
        sys.exit(f"h2load printed no figure for {pattern}:\n{printed}")
    return int(found[1])


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Memory of a process that is its own or shared and in use (PSS), in MiB."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None, "the kernel prints it for every process"  # noqa: S101  # no input
    return int(found[1]) / 1024
