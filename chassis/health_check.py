"""`python -m chassis.health_check grpc://127.0.0.1:50051` ends with 0 if a server takes calls, else with 1.

For the container's own health check, which has no other client at hand. `http://127.0.0.1:8080/readyz` works as well.
"""

import sys
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

PATIENCE: Final = 4.0
_SERVING: Final = b"\x08\x01"
"""A HealthCheckResponse that says so; its generated class would take longer to import than all the rest."""


def main(arguments: list[str]) -> int:
    """The exit code: 0 serving, 1 not, 2 when it isn't told where to look."""
    match arguments:
        case [url] if urlsplit(url).scheme == "grpc":
            problem = _over_grpc(urlsplit(url).netloc)
        case [url] if urlsplit(url).scheme == "http":
            problem = _over_http(url)
        case _:
            sys.stderr.write("usage: python -m chassis.health_check grpc://HOST:PORT | http://HOST:PORT/PATH\n")
            return 2
    if problem:
        sys.stdout.write(f"{problem}\n")
        return 1
    return 0


def _over_grpc(address: str) -> str:
    """What speaks against it, if anything does."""
    import grpc  # noqa: PLC0415 - a check over HTTP is done without

    with grpc.insecure_channel(address) as channel:
        try:
            answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=PATIENCE)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "" if answer == _SERVING else "NOT_SERVING"


def _over_http(url: str) -> str:
    """The same."""
    try:
        with urlopen(url, timeout=PATIENCE):  # noqa: S310 - the scheme is http
            return ""
    except (URLError, OSError) as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
