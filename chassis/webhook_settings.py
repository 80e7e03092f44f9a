"""What a service that calls webhooks is told by its environment."""

from typing import Literal

from pydantic import SecretStr, field_validator

from chassis.settings import ServiceSettings
from chassis.webhook_secrets import WebhookSecrets, read_webhook_keys


class WebhookSettings(ServiceSettings):
    """What a service that calls webhooks asks for as well."""

    webhook_key: SecretStr | None = None
    """What the secrets of webhooks follow from: one or more keys, with spaces in between. All sign; owners are told the
    secret of the first. Without it the service key is taken."""
    webhook_allow_private: Literal["on", "off"] = "off"
    """Whether webhooks may call addresses of private networks, and this machine."""

    @field_validator("webhook_key")
    @classmethod
    def _holds_webhook_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_webhook_keys(value.get_secret_value())
        return value

    def webhook_secrets(self) -> WebhookSecrets:
        """What webhooks are signed with."""
        if self.webhook_key is None:
            return WebhookSecrets([self.service_key.get_secret_value().encode()])
        return WebhookSecrets(read_webhook_keys(self.webhook_key.get_secret_value()))
