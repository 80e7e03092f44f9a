"""What tasksvc is told by its environment."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from chassis.grpc_server import CONNECTION_AGE
from chassis.replays import LIFETIME
from chassis.settings import DatabaseSettings, EventSettings, Port, ProxyNetworks, RedisUrl, Seconds
from chassis.webhook_settings import WebhookSettings
from tasksvc.access_tokens import SigningKey
from tasksvc.passwords import Hashing
from tasksvc.signing_keys import read_signing_keys

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_A_DECADE: Final = 10 * 366 * 86400.0


def _lifetime(value: Any) -> Any:
    parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)([smhd])\s*", value) if isinstance(value, str) else None
    return float(parts[1]) * _UNITS[parts[2]] if parts else value


Lifetime = Annotated[float, BeforeValidator(_lifetime), Field(ge=0)]
"""Seconds, or a number with its unit: `15m`, `24h`, `30d`."""


class Settings(WebhookSettings, EventSettings, DatabaseSettings):
    """tasksvc's settings."""

    metrics_port: Port = 9101
    tasks_port: Port = 50051
    """Where gRPC is served."""
    connection_age: Annotated[Seconds, Field(ge=1)] = CONNECTION_AGE
    """After which clients are asked to connect anew: so long may it take until they find a new replica."""
    redis_url: RedisUrl
    """Where Valkey, or Redis, is: `redis://:password@host:port/number`."""
    relay: Literal["on", "off"] = "on"
    """Whether this replica takes part in publishing events."""
    handlers: Literal["on", "off"] = "on"
    """Whether this replica runs handlers: that of webhooks, and those that installed packages bring."""
    handler_concurrency: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many handlers run at a time at most."""
    workers: Literal["on", "off"] = "on"
    """Whether this replica takes part in what is done by itself: it takes back leases, tells of deadlines, goes on with
    series, and removes what isn't kept."""
    due_soon: Annotated[Lifetime, Field(le=_A_DECADE)] = 3600
    """How long before its due_time a task is due soon; 0: never."""
    deleted_retention: Annotated[Lifetime, Field(le=_A_DECADE)] = 30 * 86400
    """How long deleted tasks can be restored before they are removed for good."""
    jwt_key: SecretStr | None = None
    """Ed25519 private keys in PEM: the first signs, all check. Without it one is made, and kept in the database."""
    access_token_lifetime: Lifetime = 15 * 60
    """For how long an access token is good; then the session is refreshed."""
    refresh_token_lifetime: Lifetime = 30 * 86400
    """For how long a session can be refreshed after it was last."""
    password_hashing: Hashing = "strong"  # noqa: S105 - no password
    """`fast` is for tests: such hashes are soon guessed."""
    confirm_on_register: Literal["on", "off"] = "off"
    """Whether who registers is mailed a link to confirm the address at once; else when the user asks for it."""
    rate_limits: Literal["on", "off"] = "on"
    """Whether wrong passwords, and mails with links to new ones, are limited by name."""
    trusted_proxies: ProxyNetworks = ""
    """Whose X-Forwarded-For is believed, of proxies that speak gRPC."""
    request_id_lifetime: Lifetime = LIFETIME
    """For how long a request_id gets the first answer again."""

    @field_validator("jwt_key")
    @classmethod
    def _holds_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_signing_keys(value.get_secret_value())
        return value

    def signing_keys(self) -> list[SigningKey]:
        """What access tokens are signed with; empty if that is left to the database."""
        return read_signing_keys(self.jwt_key.get_secret_value()) if self.jwt_key else []
