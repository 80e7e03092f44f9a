"""How a context's servers are spoken to: in plain text, over TLS, or with a certificate of one's own as well."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.config_file import Context
from cli.failures import UsageProblem

if TYPE_CHECKING:
    from chassis.tls import Tls

MODES: Final = ("off", "tls", "mtls")


def context_tls(context: Context) -> "Tls | None":
    """None for plain text. Raises UsageProblem for files that can't be used."""
    if context.tls not in MODES:
        raise UsageProblem(f"{context.tls!r} is no way to speak TLS: it is one of {', '.join(MODES)}")
    if context.tls == "off":
        return None
    if context.tls == "mtls" and not context.tls_cert_file:
        raise UsageProblem(
            "mtls needs a certificate of your own",
            hint="`taskbell config set tls-cert-file PATH`, and tls-key-file; or TASKBELL_TLS_CERT_FILE, ..._KEY_FILE",
        )
    from chassis.tls import CertificateUnusable, Tls, TlsFiles

    certificate, key, authority = (
        Path(name) if name else None for name in (context.tls_cert_file, context.tls_key_file, context.tls_ca_file)
    )
    try:
        return Tls(TlsFiles(certificate, key, authority), server_name=context.tls_server_name)
    except CertificateUnusable as error:
        raise UsageProblem(str(error)) from error
