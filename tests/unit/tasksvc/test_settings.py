"""tasksvc's settings."""

import pytest

from chassis.settings import load
from tasksvc.settings import Settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What must be given, and nothing else."""
    for name, scheme in (("DATABASE_URL", "postgres"), ("REDIS_URL", "redis"), ("NATS_URL", "nats")):
        monkeypatch.setenv(f"TASKBELL_{name}", f"{scheme}://somewhere")
    monkeypatch.setenv("TASKBELL_SERVICE_KEY", "0123456789abcdef")
    return monkeypatch


@pytest.mark.parametrize(
    ("text", "seconds"), [("900", 900), ("0", 0), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("30d", 2_592_000)]
)
def test_a_lifetime_may_have_a_unit(environment: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    environment.setenv("TASKBELL_REFRESH_TOKEN_LIFETIME", text)
    assert load(Settings).refresh_token_lifetime == seconds


def test_every_wrong_setting_is_named_and_no_secret_shown(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("TASKBELL_JWT_KEY", "a secret that is no key")
    environment.setenv("TASKBELL_WEBHOOK_KEY", "long-enough-to-be-a-key a secret")
    environment.setenv("TASKBELL_REFRESH_TOKEN_LIFETIME", "a month")
    environment.setenv("TASKBELL_TASKS_PORT", "many")
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert ended.value.code == 78
    said = capsys.readouterr().err
    assert all(name in said for name in ("JWT_KEY", "WEBHOOK_KEY", "REFRESH_TOKEN_LIFETIME", "TASKS_PORT"))
    assert "a secret" not in said


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("DATABASE_URL", "mysql://somewhere"),
        ("REDIS_URL", "redis://somewhere:port"),
        ("NATS_URL", "nats://one,two"),
        ("NATS_URL", "somewhere"),
    ],
)
def test_an_address_that_leads_nowhere_is_named_before_anything_is_opened(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, address: str
) -> None:
    environment.setenv(f"TASKBELL_{name}", address)
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert ended.value.code == 78
    assert f"TASKBELL_{name} is {address!r}" in capsys.readouterr().err


def test_the_addresses_of_a_nats_cluster_are_taken(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TASKBELL_NATS_URL", "nats://one:4222,nats://two:4222")
    assert load(Settings).nats_url == "nats://one:4222,nats://two:4222"


def test_what_is_done_by_itself_can_be_set(environment: pytest.MonkeyPatch) -> None:
    assert (load(Settings).workers, load(Settings).due_soon, load(Settings).deleted_retention) == (
        "on",
        3600,
        2_592_000,
    )
    for name, value in (("WORKERS", "off"), ("DUE_SOON", "2h"), ("DELETED_RETENTION", "90d")):
        environment.setenv(f"TASKBELL_{name}", value)
    assert (load(Settings).workers, load(Settings).due_soon, load(Settings).deleted_retention) == (
        "off",
        7200,
        7_776_000,
    )


def test_passwords_are_hashed_in_earnest_unless_somebody_says_otherwise(environment: pytest.MonkeyPatch) -> None:
    assert load(Settings).password_hashing == "strong"
    environment.setenv("TASKBELL_PASSWORD_HASHING", "fast")
    assert load(Settings).password_hashing == "fast"
