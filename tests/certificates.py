"""An authority for tests, and the certificates that it signs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chassis.tls import TlsFiles

LOCAL = ("127.0.0.1", "localhost")
DAY = timedelta(days=1)


class Authority:
    """Signs certificates and lays them into files: for servers and for clients."""

    def __init__(self, name: str = "tests") -> None:
        self._key = generate_private_key(SECP256R1())
        subject = _name(name)
        key = self._key.public_key()
        self._certificate = (
            _begun(subject, subject, self._key)
            .not_valid_after(datetime.now(UTC) + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return _pem(self._certificate)

    def sign(self, names: Sequence[str] = LOCAL, lasts: timedelta = DAY) -> tuple[bytes, bytes]:
        """A certificate for the names or addresses, and its key. One that `lasts` less than nothing has expired."""
        key = generate_private_key(SECP256R1())
        alternatives = [x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in names]
        certificate = (
            _begun(_name(names[0]), self._certificate.subject, key)
            .not_valid_after(datetime.now(UTC) + lasts)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(certificate), private

    def issue(self, folder: Path, names: Sequence[str] = LOCAL, lasts: timedelta = DAY) -> TlsFiles:
        """The same as files in the folder, with the authority's; those that are there already are replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = self.sign(names, lasts)
        files = TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
        replace(folder / "tls.crt", certificate)
        replace(folder / "tls.key", key)
        replace(folder / "ca.crt", self.pem)
        return files


def replace(path: Path, content: bytes) -> None:
    """Puts a new file into the place of the old one, as those who renew certificates do."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - 60 * DAY)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
