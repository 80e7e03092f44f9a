"""What is asked about TLS between services, and what is made of the answers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Literal

from prometheus_client import Gauge
from pydantic import FilePath, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.tls import CertificateUnusable, Tls, TlsFiles

PREFIX: Final = "TASKBELL_"
_EXPIRY: Final = Gauge(
    "taskbell_certificate_expiry_timestamp_seconds",
    "When the certificate that this process shows ends, in seconds since 1970.",
    ["use"],
)
_OWN: Final = ("tls_cert_file", "tls_key_file")


class TlsSettings(BaseSettings):
    """Whether services speak TLS, what a process shows and whom it trusts. The files may be replaced while it runs."""

    # Of all settings: of two parents, the second one's would hold.
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    tls_needs: ClassVar[Mapping[str, Sequence[str]]] = {"tls": (), "mtls": ("tls_ca_file", *_OWN)}
    """The files that a mode can't do without."""

    tls_ca_file: FilePath | None = None
    """The authorities that are trusted, in PEM. Without it the public ones are."""
    tls_cert_file: FilePath | None = None
    """This process' certificate in PEM, with the intermediate ones."""
    tls_key_file: FilePath | None = None
    """Its private key, without a password."""
    tls_server_name: str = ""
    """The name in the servers' certificates, where it isn't the host in their address."""
    tls: Literal["off", "tls", "mtls"] = "off"
    """`tls`: servers show a certificate. `mtls`: clients do as well, and servers refuse those that don't."""

    @field_validator("tls")
    @classmethod
    def _files_serve(cls, mode: str, info: ValidationInfo) -> str:
        # A file that isn't there is missing here, and has been complained of already.
        files = [info.data.get(name, ...) for name in (*_OWN, "tls_ca_file")]
        if mode == "off" or ... in files:
            return mode
        prefix = str(cls.model_config.get("env_prefix"))
        if missing := [(prefix + name).upper() for name in cls.tls_needs[mode] if info.data[name] is None]:
            raise ValueError(f"it needs {', '.join(missing)} as well")
        try:
            Tls(TlsFiles(*files))
        except CertificateUnusable as error:
            raise ValueError(str(error)) from error
        return mode


class TlsServerSettings(TlsSettings):
    """A server can't do without a certificate."""

    tls_needs: ClassVar[Mapping[str, Sequence[str]]] = {**TlsSettings.tls_needs, "tls": _OWN}


def service_tls(settings: TlsSettings, *uses: Literal["server", "client"]) -> Tls | None:
    """How the process speaks TLS with others, if it does. Prometheus is told until when its certificate lasts."""
    if settings.tls == "off":
        return None
    files = TlsFiles(settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file)
    return watched(Tls(files, mutual=settings.tls == "mtls", server_name=settings.tls_server_name), *uses)


def watched(tls: Tls, *uses: Literal["server", "client"]) -> Tls:
    """The same, its expiry told to Prometheus from now on."""
    if tls.current().own is not None:
        for use in uses:
            _EXPIRY.labels(use).set_function(lambda: tls.current().expires)
    return tls
