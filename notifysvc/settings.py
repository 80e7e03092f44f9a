"""What notifysvc is told by its environment."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, FilePath, SecretStr, ValidationInfo, field_validator

from chassis.grpc_server import CONNECTION_AGE
from chassis.settings import DatabaseSettings, EventSettings, Port, Seconds, Url
from chassis.webhook_settings import WebhookSettings
from notifysvc import letter
from notifysvc.smtp import SmtpServer

_SHORTEST_KEY: Final = 16


def _one_address(text: str) -> str:
    letter.sender(text, "")
    return text


class Settings(WebhookSettings, EventSettings, DatabaseSettings):
    """notifysvc's settings."""

    metrics_port: Port = 9102
    notify_port: Port = 50052
    """Where gRPC is served."""
    connection_age: Annotated[Seconds, Field(ge=1)] = CONNECTION_AGE
    """After which clients are asked to connect anew: so long may it take until they find a new replica."""
    tasks_address: str = "127.0.0.1:50051"
    """Where tasksvc is: a name may lead to many replicas."""
    smtp_host: str = "127.0.0.1"
    """The mail server that e-mails are handed to."""
    smtp_port: Port = 1025
    """Its port."""
    smtp_tls: Literal["auto", "none", "starttls", "tls"] = "auto"
    """`starttls`, or `tls` from the first byte on; `auto`: STARTTLS if the server offers it."""
    smtp_ca_file: FilePath | None = None
    """Who may have signed its certificate, in PEM. Without it, the public authorities."""
    smtp_username: str = ""
    """Who signs in there; only over TLS."""
    smtp_password: Annotated[SecretStr, Field(validate_default=True)] = SecretStr("")
    """And the password."""
    mail_rate: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """How many e-mails a minute the domain of a recipient is given at most; the others wait. 0: any number."""
    mail_from: Annotated[str, AfterValidator(_one_address)] = "Taskbell <taskbell@localhost>"
    """Who e-mails come from: an address, or `Name <address>`."""
    unsubscribe_key: SecretStr | None = None
    """What the links that end e-mails are signed with: one or more keys, with spaces in between. The first signs, all
    are believed. Without it the service key is taken."""
    public_url: Url = "http://127.0.0.1:8080"
    """Where people find Taskbell: the links in e-mails lead there."""

    @field_validator("unsubscribe_key")
    @classmethod
    def _are_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None and any(len(key) < _SHORTEST_KEY for key in keys.get_secret_value().split() or [""]):
            raise ValueError(f"each key must have {_SHORTEST_KEY} characters at least")
        return keys

    @field_validator("smtp_password")
    @classmethod
    def _goes_with_the_username(cls, password: SecretStr, info: ValidationInfo) -> SecretStr:
        if bool(password.get_secret_value()) is not bool(info.data.get("smtp_username")):
            raise ValueError("a username and its password are given together, or neither")
        if password.get_secret_value() and info.data.get("smtp_tls") not in ("starttls", "tls"):
            raise ValueError("a password is sent over TLS alone: set TASKBELL_SMTP_TLS to starttls or tls")
        return password

    def unsubscribe_keys(self) -> list[str]:
        """What signs the links that end e-mails, the newest first."""
        return (self.unsubscribe_key or self.service_key).get_secret_value().split()

    def smtp(self) -> SmtpServer:
        """The mail server."""
        password = self.smtp_password.get_secret_value()
        return SmtpServer(
            self.smtp_host, self.smtp_port, self.smtp_tls, self.smtp_ca_file, self.smtp_username, password
        )
