"""notifysvc's settings."""

from pathlib import Path

import pytest

from chassis.settings import load
from notifysvc.settings import Settings
from notifysvc.smtp import SmtpServer
from tests.certificates import Authority


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What must be given, and nothing else."""
    monkeypatch.setenv("TASKBELL_DATABASE_URL", "postgres://somewhere")
    monkeypatch.setenv("TASKBELL_NATS_URL", "nats://somewhere")
    monkeypatch.setenv("TASKBELL_SERVICE_KEY", "0123456789abcdef")
    return monkeypatch


def test_the_mail_server_is_the_dev_inbox_unless_said(environment: pytest.MonkeyPatch) -> None:
    assert load(Settings).smtp() == SmtpServer("127.0.0.1", 1025)


def test_a_mail_server_may_ask_for_tls_and_a_password(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority().issue(tmp_path).authority
    password = tmp_path / "password"
    password.write_text("a secret\n")
    for name, value in (
        *(("HOST", "smtp.example.com"), ("PORT", "587"), ("TLS", "starttls"), ("CA_FILE", str(authority))),
        *(("USERNAME", "bell"), ("PASSWORD_FILE", str(password))),
    ):
        environment.setenv(f"TASKBELL_SMTP_{name}", value)
    assert load(Settings).smtp() == SmtpServer("smtp.example.com", 587, "starttls", authority, "bell", "a secret")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SMTP_USERNAME": "bell"}, "together, or neither"),
        ({"SMTP_PASSWORD": "a secret", "SMTP_TLS": "tls"}, "together, or neither"),
        ({"SMTP_USERNAME": "bell", "SMTP_PASSWORD": "a secret"}, "over TLS alone"),
        ({"SMTP_USERNAME": "bell", "SMTP_PASSWORD": "a secret", "SMTP_TLS": "none"}, "over TLS alone"),
        ({"SMTP_TLS": "ssl"}, "TASKBELL_SMTP_TLS"),
        ({"SMTP_CA_FILE": "/nowhere.pem"}, "TASKBELL_SMTP_CA_FILE"),
        ({"MAIL_RATE": "-1"}, "TASKBELL_MAIL_RATE"),
        ({"MAIL_FROM": "nobody"}, "must be one e-mail address"),
    ],
)
def test_what_does_not_go_together_is_refused_at_the_start(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: dict[str, str], told: str
) -> None:
    for name, value in settings.items():
        environment.setenv(f"TASKBELL_{name}", value)
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert ended.value.code == 78
    said = capsys.readouterr().err
    assert told in said
    assert "a secret" not in said
