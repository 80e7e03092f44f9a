"""What notifysvc is told by its environment."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chassis.grpc_server import CONNECTION_AGE
from chassis.settings import DatabaseSettings, NatsUrl, Port, Seconds, Url
from notifysvc import letter


def _one_address(text: str) -> str:
    letter.sender(text, "")
    return text


class Settings(DatabaseSettings):
    """notifysvc's settings."""

    metrics_port: Port = 9102
    notify_port: Port = 50052
    connection_age: Annotated[Seconds, Field(ge=1)] = CONNECTION_AGE
    """After which clients are asked to connect anew: so long may it take until they find a new replica."""
    nats_url: NatsUrl
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """On how many nodes of a NATS cluster each event lies; the same in every service."""
    tasks_address: str = "127.0.0.1:50051"
    smtp_host: str = "127.0.0.1"
    smtp_port: Port = 1025
    mail_from: Annotated[str, AfterValidator(_one_address)] = "Taskbell <taskbell@localhost>"
    """Who e-mails come from: an address, or `Name <address>`."""
    public_url: Url = "http://127.0.0.1:8080"
    """Where people find Taskbell: the links in e-mails lead there."""
