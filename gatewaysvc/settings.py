"""What the gateway asks for."""

from typing import Literal

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """Where it listens, whom it asks, whom it lets in."""

    metrics_port: Port = 9103
    http_port: Port = 8080
    tasks_address: str = "127.0.0.1:50051"
    notify_address: str = "127.0.0.1:50052"
    cors_origins: str = ""
    """The web pages that may call from a browser: origins with commas between, or `*`. Empty: only our own."""
    rate_limits: Literal["on", "off"] = "on"
