"""What the gateway asks for."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FilePath, ValidationInfo, field_validator

from chassis.settings import Port, ProxyNetworks, RedisUrl, ServiceSettings
from chassis.tls import CertificateUnusable
from gatewaysvc.crowd import MOST, MOST_OF_AN_ADDRESS
from gatewaysvc.https import Https


class Settings(ServiceSettings):
    """Where it listens, whom it asks, whom it lets in."""

    metrics_port: Port = 9103
    http_port: Port = 8080
    """Where REST, streams and the web page are served."""
    http_tls_cert_file: FilePath | None = None
    """The certificate for browsers, in PEM, with the intermediate ones: with it the port speaks HTTPS, else HTTP."""
    http_tls_key_file: FilePath | None = Field(default=None, validate_default=True)
    """Its private key, without a password."""
    tasks_address: str = "127.0.0.1:50051"
    """Where tasksvc is: a name may lead to many replicas."""
    notify_address: str = "127.0.0.1:50052"
    """The same of notifysvc."""
    cors_origins: str = ""
    """The web pages that may call from a browser: origins with commas between, or `*`. Empty: only our own."""
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = MOST
    """How many connections of clients may be open; more are refused. Each takes a file descriptor."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = MOST_OF_AN_ADDRESS
    """How many of them one address may have, and how many streams, which also go through proxies."""
    rate_limits: Literal["on", "off"] = "on"
    """Whether calls are limited, by user and by address."""
    redis_url: RedisUrl | None = None
    """Where all replicas count the calls; each for itself while it is away, or if there is none."""
    trusted_proxies: ProxyNetworks = ""
    """Whose X-Forwarded-For is believed. Rates are limited by address."""

    @field_validator("http_tls_key_file")
    @classmethod
    def _goes_with_the_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("http_tls_cert_file", ...)
        if certificate is ... or (key is None and certificate is None):
            return key
        if key is None or certificate is None:
            raise ValueError("a certificate and its key are given together, or neither")
        try:
            Https(certificate, key)
        except CertificateUnusable as error:
            raise ValueError(str(error)) from error
        return key

    def https(self) -> Https | None:
        """What the port for browsers shows, if it speaks HTTPS."""
        if self.http_tls_cert_file is None or self.http_tls_key_file is None:
            return None
        return Https(self.http_tls_cert_file, self.http_tls_key_file)
