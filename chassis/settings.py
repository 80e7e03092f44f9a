"""Settings from TASKBELL_* variables, or from the files that TASKBELL_*_FILE variables name.

Whatever is wrong is named at once, before anything is opened.
"""

import os
import sys
from collections.abc import Container
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NatsDsn,
    PostgresDsn,
    RedisDsn,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from chassis import setting_files
from chassis.proxies import networks
from chassis.tls_settings import PREFIX, TlsServerSettings, TlsSettings


def _seconds(value: Any) -> Any:
    return value.strip().removesuffix("s") if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=3600)]
"""A duration: `20s`, `0.5`."""
Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 takes a free one."""
Url = Annotated[str, Field(min_length=1)]
"""An address with its scheme."""


def _address(kind: Any, separator: str | None = None) -> AfterValidator:
    """Checks what is kept as the text that it is: clients read more of it than the type does."""
    known = TypeAdapter(kind)

    def check(text: str) -> str:
        try:
            for each in text.split(separator) if separator else [text]:
                known.validate_python(each)
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"]) from None
        return text

    return AfterValidator(check)


def _networks(text: str) -> str:
    networks(text)
    return text


DatabaseUrl = Annotated[Url, _address(PostgresDsn)]
"""`postgres://user:password@host:port/database`."""
RedisUrl = Annotated[Url, _address(RedisDsn)]
"""`redis://:password@host:port/number`."""
NatsUrl = Annotated[Url, _address(NatsDsn, ",")]
"""`nats://user:password@host:port`, or several with commas between them."""
ProxyNetworks = Annotated[str, AfterValidator(_networks)]
"""Addresses and networks with commas between: `10.0.0.0/8, 192.0.2.7`."""


class ServiceSettings(TlsSettings):
    """What every service asks for."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on a line is written; with `debug` also what the libraries say."""
    log_format: Literal["json", "console"] = "json"
    """Lines of JSON, or text for people."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    metrics_port: Port = 0
    """Where Prometheus finds `/metrics`; 0 takes a free one."""
    grace: Seconds = 20.0
    """How long calls and workers may take to finish after SIGTERM."""
    otlp_endpoint: str = ""
    """Where traces go; empty means nowhere."""
    trace_sampling: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of calls that are traced, of those whose caller doesn't say."""
    service_key: SecretStr = Field(min_length=16)
    """What the services know each other by."""


class DatabaseSettings(ServiceSettings, TlsServerSettings):
    """What a service with a database asks for as well."""

    database_url: DatabaseUrl
    """Where PostgreSQL is: `postgres://user:password@host:port/database`."""
    database_pool: Annotated[int, Field(ge=1, le=200)] = 10
    """Connections to PostgreSQL at most."""


class EventSettings(ServiceSettings):
    """What a service that publishes or reads events asks for as well."""

    nats_url: NatsUrl
    """Where NATS is: `nats://user:password@host:port`, or several with commas between them."""
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """On how many nodes of a NATS cluster each event lies; the same in every service."""


Settings = TypeVar("Settings", bound=ServiceSettings)


def load(settings_type: type[Settings]) -> Settings:
    """The settings, or the end of the process (78, EX_CONFIG) with every wrong variable on stderr."""
    from_files, problems = setting_files.read(settings_type.model_fields, PREFIX)
    try:
        settings = settings_type.model_validate(from_files)  # what isn't given is read from the environment
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        _refuse(problems + [_wrong(settings_type, each["loc"], each["msg"], from_files) for each in wrong])
    if problems:
        _refuse(problems)
    return settings


def _wrong(
    settings_type: type[ServiceSettings], place: tuple[int | str, ...], problem: str, from_files: Container[str]
) -> str:
    field = str(place[0]) if place else ""
    variable = (PREFIX + field).upper()
    if field in from_files:
        return f"{variable}{setting_files.SUFFIX} is {os.environ[variable + setting_files.SUFFIX]!r}: {problem}"
    value = os.environ.get(variable)
    described = settings_type.model_fields.get(field)
    hidden = described is not None and SecretStr in {described.annotation, *get_args(described.annotation)}
    shown = "is missing" if not value else "(hidden)" if hidden else f"is {value!r}"
    return f"{variable} {shown}: {problem}"


def _refuse(problems: list[str]) -> NoReturn:
    sys.stderr.write("The settings are wrong:\n" + "".join(f"  {problem}\n" for problem in problems))
    sys.exit(os.EX_CONFIG)
