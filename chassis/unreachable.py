"""Why there is no connection, in plain words: gRPC tells it in those of the libraries under it."""

from typing import Final

from chassis.tls import Tls

_TOLD: Final = (
    ("certificate has expired", "its certificate has expired"),
    ("certificate is not yet valid", "its certificate is not valid yet: is a clock wrong?"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate comes from no authority that is trusted here"),
    ("Hostname Verification", "its certificate is for another name than the one in the address"),
    ("WRONG_VERSION_NUMBER", "it doesn't speak TLS"),
    ("CERTIFICATE_REQUIRED", "it asks for a client certificate"),
    ("UNKNOWN_CA", "it doesn't trust the authority of our certificate"),
    ("CERTIFICATE_EXPIRED", "it says that our certificate has expired"),
    ("Connection refused", "nobody listens there"),
    ("DNS resolution failed", "the name can't be resolved"),
    ("Domain name not found", "the name can't be resolved"),
)
# A server that refuses a handshake closes the connection without a word, as one that is killed does.
_HUNG_UP: Final = ("Socket closed", "Connection reset", "Broken pipe")


def why(details: str, tls: Tls | None) -> str:
    """What is the matter, or nothing if that isn't known. `tls` is how it was tried."""
    for sign, meaning in _TOLD:
        if sign in details:
            return meaning
    if not any(sign in details for sign in _HUNG_UP):
        return ""
    if tls is None:
        return "it hung up: perhaps it speaks TLS only"
    if tls.current().own is None:
        return "it hung up: perhaps it asks for a client certificate"
    return "it hung up: perhaps it doesn't accept our certificate"
