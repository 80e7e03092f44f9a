"""What tasksvc is told by its environment."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from chassis.grpc_server import CONNECTION_AGE
from chassis.settings import DatabaseSettings, NatsUrl, Port, RedisUrl, Seconds
from tasksvc.signing_keys import read_signing_keys

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _lifetime(value: Any) -> Any:
    parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)([smhd])\s*", value) if isinstance(value, str) else None
    return float(parts[1]) * _UNITS[parts[2]] if parts else value


Lifetime = Annotated[float, BeforeValidator(_lifetime), Field(ge=0)]
"""Seconds, or a number with its unit: `15m`, `24h`, `30d`."""


class Settings(DatabaseSettings):
    """tasksvc's settings."""

    metrics_port: Port = 9101
    tasks_port: Port = 50051
    connection_age: Annotated[Seconds, Field(ge=1)] = CONNECTION_AGE
    """After which clients are asked to connect anew: so long may it take until they find a new replica."""
    redis_url: RedisUrl
    nats_url: NatsUrl
    relay: Literal["on", "off"] = "on"
    """Whether this replica takes part in publishing events."""
    jwt_key: SecretStr | None = None
    """Ed25519 private keys in PEM: the first signs, all check. Without it one is made, and kept in the database."""
    access_token_lifetime: Lifetime = 15 * 60
    refresh_token_lifetime: Lifetime = 30 * 86400
    request_id_lifetime: Lifetime = 86400
    """For how long a request_id gets the first answer again."""

    @field_validator("jwt_key")
    @classmethod
    def _holds_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_signing_keys(value.get_secret_value())
        return value
