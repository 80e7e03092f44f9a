"""`python -m chassis.health_check grpc://127.0.0.1:50051` ends with 0 if a server takes calls, else with 1.

For the container's own health check, which has no other client at hand. `http://127.0.0.1:8080/readyz` works as well.
Where the server's settings, which are in the environment, say TLS, it is spoken.
"""

import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

if TYPE_CHECKING:
    from chassis.tls import Tls

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

    tls = own_tls(os.environ)
    channel = (
        grpc.insecure_channel(address)
        if tls is None
        else grpc.secure_channel(address, tls.current().for_client(), name_option(tls))
    )
    with channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            answer = check(b"", timeout=PATIENCE)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "" if answer == _SERVING else "NOT_SERVING"


def _over_http(url: str) -> str:
    """The same."""
    if os.environ.get("TASKBELL_HTTP_TLS_CERT_FILE"):
        url = url.replace("http:", "https:", 1)
    try:
        with urlopen(url, timeout=PATIENCE, context=blind()):  # noqa: S310 - the scheme is http or https
            return ""
    except (URLError, OSError) as error:
        return str(error)


def own_tls(environment: Mapping[str, str]) -> "Tls | None":
    """How the server with these settings is spoken to. Its own certificate does for a client, too."""
    if environment.get("TASKBELL_TLS", "off") in ("", "off"):
        return None
    from chassis.tls import Tls, TlsFiles  # noqa: PLC0415 - most do without

    certificate, key, authority = (
        Path(name) if (name := environment.get(f"TASKBELL_TLS_{kind}_FILE")) else None for kind in ("CERT", "KEY", "CA")
    )
    return Tls(TlsFiles(certificate, key, authority))


def name_option(tls: "Tls") -> tuple[tuple[str, str], ...]:
    """The channel's option: it is looked for at 127.0.0.1, which its certificate need not name."""
    return (("grpc.ssl_target_name_override", tls.current().name),)


def blind() -> ssl.SSLContext:
    """Believes whatever answers at an address of this very host."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
