"""Which of the secrets of webhooks is a project's own."""

from uuid import UUID


def project_secret(project_id: str) -> bytes:
    """Its name."""
    return b"project " + UUID(project_id).bytes
