"""Which keys sign access tokens: those of the settings, or one that the first replica made and all of them share."""

import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.postgres import Pool, transaction
from tasksvc.access_tokens import SigningKey
from tasksvc.statements import SQL

_PEM: Final = re.compile(r"-----BEGIN [^-]+-----.+?-----END [^-]+-----", re.DOTALL)


def read_signing_keys(pem: str) -> list[SigningKey]:
    """The keys in a text, the one that signs first. Raises ValueError if there is none, or one of another kind."""
    # In an environment variable a line break is often written as \n.
    keys = [SigningKey.from_pem(block) for block in _PEM.findall(pem.replace("\\n", "\n"))]
    if not keys:
        raise ValueError("there is no PEM block in it")
    return keys


async def kept_signing_keys(pool: Pool) -> list[SigningKey]:
    """The keys in the database, newest first; one is made if there is none yet."""
    async with transaction(pool) as connection:
        # Replicas that start at the same time: one makes the key, the others wait here and then find it.
        await connection.execute(SQL["lock_signing_keys"])
        rows = await connection.fetch(SQL["list_signing_keys"])
        if rows:
            return [SigningKey.from_pem(row["private_pem"]) for row in rows]
        pem = (
            Ed25519PrivateKey.generate()
            .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            .decode("ascii")
        )
        key = SigningKey.from_pem(pem)
        await connection.execute(SQL["keep_signing_key"], key.kid, pem)
        return [key]
