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


@pytest.fixture
def secret(tmp_path):
    """A file that holds a text."""

    def written(text):
        file = tmp_path / "secret"
        file.write_bytes(text)
        return str(file)

    return written


def test_a_setting_may_stand_in_a_file_that_a_variable_names(environment, secret):
    key = secret(b"0123456789abcdef in a file\n")
    environment(TASKBELL_SERVICE_KEY_FILE=key, TASKBELL_DATABASE_URL="postgres://127.0.0.1/taskbell")
    assert load(Settings).service_key.get_secret_value() == "0123456789abcdef in a file"


@pytest.mark.parametrize(("content", "says"), [(b"", "empty"), (b"\xff\xfe", "UTF-8"), (b"too short\n", "at least 16")])
def test_a_file_that_gives_no_good_value_is_named_and_its_content_kept_quiet(refusal, secret, content, says):
    path = secret(content)
    told = refusal(TASKBELL_SERVICE_KEY_FILE=path, TASKBELL_DATABASE_URL="postgres://127.0.0.1/taskbell")
    [line] = [each for each in told.splitlines() if "TASKBELL_SERVICE_KEY_FILE" in each]
    assert repr(path) in line
    assert says in line
    assert "too short" not in told


def test_a_file_that_is_not_there_is_told_with_all_else_that_is_wrong(refusal):
    told = refusal(**GOOD, TASKBELL_OTLP_ENDPOINT_FILE="/nowhere/endpoint", TASKBELL_GRACE="a while")
    assert "TASKBELL_OTLP_ENDPOINT_FILE is '/nowhere/endpoint': the file can't be read: No such file" in told
    assert "TASKBELL_GRACE" in told


def test_a_setting_that_is_given_twice_is_refused(refusal, secret):
    told = refusal(**GOOD, TASKBELL_SERVICE_KEY_FILE=secret(b"0123456789abcdef"))
    assert "TASKBELL_SERVICE_KEY is set as well" in told
