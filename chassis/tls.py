"""TLS: the certificate that a process shows and the authorities that it trusts, read anew when their files change.

Whoever renews certificates replaces files, and need not tell anybody. Servers take what is new with the next handshake,
clients with a new connection (`chassis.renewed_channel`). Files that don't go together, as in the middle of a renewal,
change nothing: what was read before stays in use until they do.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc

if TYPE_CHECKING:
    from cryptography import x509

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the files."""

_Seen: TypeAlias = tuple[tuple[int, int, int], ...]


class CertificateUnusable(Exception):
    """A file that can't be read, is no PEM, has expired, or doesn't belong to the other one."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where they lie, in PEM. A certificate comes with its key; without an authority the public ones are meant."""

    certificate: Path | None = None
    """The certificate, and the intermediate ones that lead to the authority."""
    key: Path | None = None
    authority: Path | None = None
    """The certificates of the authorities that are trusted: several while one replaces another."""

    def __post_init__(self) -> None:
        if (self.certificate is None) is not (self.key is None):
            raise CertificateUnusable("a certificate and its key are given together, or neither")


@dataclass(frozen=True, slots=True, eq=False)
class Certificates:
    """What lay in the files at one time."""

    own: tuple[bytes, bytes] | None
    """The key, and the certificate with those that lead to the authority."""
    authority: bytes | None
    expires: float
    """When the own certificate, or one that leads to it, ends: seconds since 1970. Without one: never."""
    name: str = ""
    """One of those that the own certificate is for."""

    def for_client(self) -> grpc.ChannelCredentials:
        """For a channel, which shows the own certificate if there is one."""
        key, chain = self.own or (None, None)
        return grpc.ssl_channel_credentials(self.authority, key, chain)

    def for_server(self) -> grpc.ServerCertificateConfiguration:
        """For the handshakes of a server."""
        return grpc.ssl_server_certificate_configuration([self.own] if self.own else [], self.authority)


class Tls:
    """One set of files, and what they hold now. Asked from any thread, at any rate."""

    def __init__(
        self,
        files: TlsFiles,
        *,
        mutual: bool = False,
        server_name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises CertificateUnusable for files that can't be used now.

        A `mutual` server refuses clients without a certificate of its authority. A client expects `server_name` in the
        server's certificate, where that isn't the host in the address.
        """
        self.mutual = mutual
        self.server_name = server_name
        self._files = files
        self._clock = clock
        self._lock = Lock()
        self._seen = _signature(files)
        self._refused: _Seen = ()
        self._current = _read(files)
        self._look_again = clock() + _LOOK_EVERY

    def current(self) -> Certificates:
        """What the files hold; the same object as before unless they changed."""
        if self._clock() >= self._look_again:
            with self._lock:
                if self._clock() >= self._look_again:
                    self._look()
                    self._look_again = self._clock() + _LOOK_EVERY
        return self._current

    def server_credentials(self) -> grpc.ServerCredentials:
        """For a port of a server: each handshake is made with what the files hold by then."""
        taken = self.current()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            # gRPC asks under a lock of its own; None means what it has.
            nonlocal taken
            before, taken = taken, self.current()
            return None if taken is before else taken.for_server()

        return grpc.dynamic_ssl_server_credentials(
            taken.for_server(),
            renewed,  # type: ignore[arg-type]  # the stubs forget the None
            self.mutual,
        )

    def _look(self) -> None:
        seen = _signature(self._files)
        if seen == self._seen:
            return
        # Not for a command that ends long before its certificates do: it takes longer to import than gRPC.
        import structlog  # noqa: PLC0415

        log = structlog.get_logger()
        try:
            self._current = _read(self._files)
        except CertificateUnusable as error:
            if seen != self._refused:
                log.warning("a renewed certificate can't be used: the one before stays", reason=str(error))
            self._refused = seen
        else:
            self._seen = seen
            log.info("a renewed certificate is in use", expires=_day(self._current.expires))


def _signature(files: TlsFiles) -> _Seen:
    """What tells a file from its successor, also one that was moved into its place or that a link leads to."""
    told = []
    for path in _paths(files):
        try:
            status = path.stat()
        except OSError:
            told.append((0, 0, 0))
        else:
            told.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(told)


def _paths(files: TlsFiles) -> list[Path]:
    return [path for path in (files.certificate, files.key, files.authority) if path is not None]


def _read(files: TlsFiles) -> Certificates:
    # Only whoever speaks TLS pays for it: 15 MiB.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    def certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise CertificateUnusable(f"{path} holds no certificates in PEM") from error

    authority = None
    if files.authority is not None:
        authority = _bytes(files.authority)
        certificates(files.authority, authority)
    if files.certificate is None or files.key is None:
        return Certificates(None, authority, math.inf)
    chain, key = _bytes(files.certificate), _bytes(files.key)
    held = certificates(files.certificate, chain)
    try:
        own = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateUnusable(f"{files.key} holds no private key in PEM without a password") from error
    if own.public_key() != held[0].public_key():
        raise CertificateUnusable(f"{files.key} is not the key of {files.certificate}")
    begins = max(each.not_valid_before_utc for each in held).timestamp()
    expires = min(each.not_valid_after_utc for each in held).timestamp()
    if not begins <= time.time() < expires:
        raise CertificateUnusable(f"{files.certificate} is valid from {_day(begins)} to {_day(expires)}: not now")
    return Certificates((key, chain), authority, expires, _name(held[0]))


def _name(certificate: "x509.Certificate") -> str:
    from cryptography import x509  # noqa: PLC0415  # see above

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next(
        iter((*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))), ""
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"{path} can't be read: {error.strerror}") from error


def _day(when: float) -> str:
    return "never" if math.isinf(when) else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")
