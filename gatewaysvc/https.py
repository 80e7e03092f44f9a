"""HTTPS and WSS: each handshake is made with the certificate that lies in the files by then."""

import ssl
from pathlib import Path

import structlog

from chassis.tls import Tls, TlsFiles

_log = structlog.get_logger()


class Https:
    """What a listening socket is given once, whatever becomes of the certificate."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises CertificateUnusable."""
        self.tls = Tls(TlsFiles(certificate, key))
        self._files = certificate, key
        self._certificates = self.tls.current()
        self._newest = self._read()
        self.context = self._read()
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in each handshake, also for a client that names no server."""
        if (certificates := self.tls.current()) is not self._certificates:
            try:
                self._newest = self._read()
            except (OSError, ssl.SSLError) as error:
                # They were replaced once more in between: the next handshake looks again.
                _log.warning("a renewed certificate can't be used yet", reason=str(error))
            else:
                self._certificates = certificates
        connection.context = self._newest

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(*self._files)
        return context
