"""Makes, on the first start, what the parts of the system keep from the world; what is there already stays.

A folder for each part, of which its container mounts just that one: /secrets/tasksvc/database_url. To replace a secret,
write the new one over the old in every folder that has it, and start those parts again.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(os.environ.get("SECRETS", "/secrets"))


def kept(name: str, new: str) -> str:
    """The secret of this name, or the new one, which is kept from now on."""
    file = ROOT / name
    if not file.exists():
        file.parent.mkdir(mode=0o755, exist_ok=True)
        beside = file.with_suffix(".new")
        beside.write_text(f"{new}\n")
        # Who reads it is a matter of who mounts the folder: each image has a user of its own.
        beside.chmod(0o444)
        beside.rename(file)
    return file.read_text().strip()


def signing_key() -> str:
    """An Ed25519 key in PEM."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()


def main() -> None:
    """Everything that is missing."""
    postgres = kept("postgres/password", secrets.token_urlsafe(24))
    valkey = kept("valkey/password", secrets.token_urlsafe(24))
    nats = kept("nats/password", secrets.token_urlsafe(24))
    begun = (ROOT / "tasksvc/service_key").exists()
    service_key = kept("tasksvc/service_key", secrets.token_urlsafe(32))
    kept("tasksvc/jwt_key", signing_key())
    kept("notifysvc/webhook_key", kept("tasksvc/webhook_key", secrets.token_urlsafe(32)))
    # Where mails were sent before there was such a key, the links in them are signed with the service key.
    before = f" {service_key}" if begun else ""
    kept("notifysvc/unsubscribe_key", secrets.token_urlsafe(32) + before)
    kept("grafana/password", secrets.token_urlsafe(12))
    kept("valkey/valkey.conf", f"requirepass {valkey}")
    kept("nats/users.conf", f'authorization {{ user: taskbell, password: "{nats}" }}')
    for service in ("tasksvc", "gatewaysvc"):
        kept(f"{service}/redis_url", f"redis://:{valkey}@valkey:6379/0")
    for service in ("tasksvc", "notifysvc"):
        kept(f"{service}/database_url", f"postgresql://taskbell:{postgres}@postgres:5432/taskbell")
        kept(f"{service}/nats_url", f"nats://taskbell:{nats}@nats:4222")
    for service in ("notifysvc", "gatewaysvc"):
        kept(f"{service}/service_key", service_key)


if __name__ == "__main__":
    main()
