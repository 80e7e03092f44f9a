import pytest

from chassis.settings import Port, ServiceSettings, load


class Settings(ServiceSettings):
    http_port: Port = 8080
    database_url: str


GOOD = {"TASKBELL_SERVICE_KEY": "0123456789abcdef", "TASKBELL_DATABASE_URL": "postgres://127.0.0.1/taskbell"}


@pytest.fixture
def environment(monkeypatch):
    def be(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return be


@pytest.fixture
def refusal(environment, capsys):
    """What stands on stderr when the settings are refused."""

    def refused(**variables):
        environment(**variables)
        with pytest.raises(SystemExit) as caught:
            load(Settings)
        assert caught.value.code == 78
        return capsys.readouterr().err

    return refused


def test_settings_come_from_the_environment(environment):
    environment(**GOOD, TASKBELL_GRACE="1.5s", TASKBELL_HTTP_PORT="0", TASKBELL_LOG_LEVEL="debug")
    settings = load(Settings)
    assert (settings.grace, settings.http_port, settings.log_level) == (1.5, 0, "debug")
    assert settings.service_key.get_secret_value() == "0123456789abcdef"


def test_an_empty_variable_is_as_good_as_none(environment):
    environment(**GOOD, TASKBELL_GRACE="")
    assert load(Settings).grace == 20


def test_every_wrong_variable_is_named_at_once_with_its_value_and_what_is_allowed(refusal):
    told = refusal(
        TASKBELL_SERVICE_KEY="0123456789abcdef",
        TASKBELL_GRACE="a while",
        TASKBELL_HTTP_PORT="80800",
        TASKBELL_LOG_FORMAT="xml",
    )
    lines = told.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "TASKBELL_LOG_FORMAT",
        "TASKBELL_GRACE",
        "TASKBELL_HTTP_PORT",
        "TASKBELL_DATABASE_URL",
    ]
    assert "'xml'" in lines[1]
    assert "'json' or 'console'" in lines[1]
    assert "'80800'" in lines[3]
    assert "65535" in lines[3]
    assert "is missing" in lines[4]


def test_a_secret_is_never_shown(refusal):
    told = refusal(**GOOD | {"TASKBELL_SERVICE_KEY": "too short"})
    assert "TASKBELL_SERVICE_KEY" in told
    assert "too short" not in told


def test_a_password_in_an_address_is_not_printed_with_the_settings(environment):
    environment(**GOOD)
    assert "0123456789abcdef" not in repr(load(Settings))
