"""Signs what the parts of the system show each other under compose.tls.yaml, by an authority of their own.

Each gets tls.crt, tls.key and ca.crt in its folder, anew each time: services take them up within a second. The
authority is made the first time, and its key stays in a folder that none of them sees.
"""

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT: Final = Path(os.environ.get("SECRETS", "/secrets"))
PARTS: Final = ("tasksvc", "notifysvc", "gatewaysvc", "edge", "cli")
YEAR: Final = timedelta(days=365)


def main() -> None:
    """New certificates for all."""
    authority, signing = the_authority(ROOT / "authority")
    for part in PARTS:
        certificate, key = signed(part, authority, signing)
        put(ROOT / part / "ca.crt", authority.public_bytes(Encoding.PEM))
        put(ROOT / part / "tls.crt", certificate.public_bytes(Encoding.PEM))
        put(ROOT / part / "tls.key", pem(key))


def the_authority(folder: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """Whom everybody trusts: the one that is there, or a new one."""
    if (folder / "ca.crt").exists():
        key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise SystemExit(f"{folder}/ca.key is no key of an elliptic curve")
        return x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()), key
    key = generate_private_key(SECP256R1())
    subject = name("Taskbell")
    certificate = (
        begun(subject, subject, key, 10 * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    put(folder / "ca.key", pem(key), mode=0o400)
    put(folder / "ca.crt", certificate.public_bytes(Encoding.PEM))
    return certificate, key


def signed(
    part: str, authority: x509.Certificate, signing: EllipticCurvePrivateKey
) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """A certificate and its key, for a server of that name as well as for a client."""
    key = generate_private_key(SECP256R1())
    names = [x509.DNSName(part), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    certificate = (
        begun(name(part), authority.subject, key, YEAR)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(issuer, critical=False)
        .sign(signing, hashes.SHA256())
    )
    return certificate, key


def begun(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    """What every certificate says."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks may differ a little.
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + lasts)
    )


def name(common: str) -> x509.Name:
    """A name that consists of that alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def pem(key: EllipticCurvePrivateKey) -> bytes:
    """The private key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def put(path: Path, content: bytes, mode: int = 0o444) -> None:
    """Puts the file into the place of the one before. Who reads it is a matter of who mounts the folder."""
    path.parent.mkdir(mode=0o755, exist_ok=True)
    beside = path.with_suffix(path.suffix + ".new")
    beside.unlink(missing_ok=True)
    beside.write_bytes(content)
    beside.chmod(mode)
    beside.rename(path)


if __name__ == "__main__":
    main()
