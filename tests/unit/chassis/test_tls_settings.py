"""What is wrong with the settings of TLS is told at start, by the name of the variable."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from chassis.settings import DatabaseSettings, ServiceSettings, load
from chassis.tls_settings import service_tls
from gatewaysvc.settings import Settings as GatewaySettings
from tests.certificates import Authority

AUTHORITY = Authority()


class Server(DatabaseSettings):
    """A service that takes calls."""


@pytest.fixture
def files(tmp_path):
    return AUTHORITY.issue(tmp_path)


@pytest.fixture
def told(monkeypatch, capsys):
    """What stands on stderr when the settings are refused; nothing when they are taken."""

    def try_it(settings_type, **variables):
        monkeypatch.setenv("TASKBELL_SERVICE_KEY", "0123456789abcdef")
        monkeypatch.setenv("TASKBELL_DATABASE_URL", "postgres://127.0.0.1/taskbell")
        for name, value in variables.items():
            monkeypatch.setenv(f"TASKBELL_{name}", str(value))
        try:
            load(settings_type)
        except SystemExit as ended:
            if ended.code != 78:
                raise
        return capsys.readouterr().err

    return try_it


def own(files):
    return {"TLS_CERT_FILE": files.certificate, "TLS_KEY_FILE": files.key}


def test_a_server_needs_a_certificate_and_a_client_none(told, files):
    assert "TASKBELL_TLS is 'tls': Value error, it needs TASKBELL_TLS_CERT_FILE, TASKBELL_TLS_KEY_FILE as well" in told(
        Server, TLS="tls"
    )
    assert told(ServiceSettings, TLS="tls") == ""
    assert told(Server, TLS="tls", **own(files)) == ""


def test_both_sides_of_mtls_need_everything(told, files):
    for settings_type in (Server, ServiceSettings):
        assert "it needs TASKBELL_TLS_CA_FILE as well" in told(settings_type, TLS="mtls", **own(files))
    assert told(ServiceSettings, TLS="mtls", TLS_CA_FILE=files.authority) == ""


def test_a_way_to_speak_tls_that_there_is_not_is_refused(told):
    assert "TASKBELL_TLS is 'on': Input should be 'off', 'tls' or 'mtls'" in told(ServiceSettings, TLS="on")


def test_a_file_that_is_not_there_is_named_once(told, files):
    said = told(Server, TLS="tls", TLS_CERT_FILE=files.certificate, TLS_KEY_FILE="/nowhere/tls.key")
    assert said.count("\n") == 2
    assert "TASKBELL_TLS_KEY_FILE is '/nowhere/tls.key'" in said


def test_an_expired_certificate_is_refused_at_start(told, tmp_path):
    old = AUTHORITY.issue(tmp_path, lasts=-timedelta(days=1))
    assert f"{old.certificate} is valid from" in told(Server, TLS="tls", **own(old))


def test_the_gateways_own_certificate_comes_with_its_key(told, files):
    together = "a certificate and its key are given together, or neither"
    assert f"TASKBELL_HTTP_TLS_KEY_FILE is missing: Value error, {together}" in told(
        GatewaySettings, HTTP_TLS_CERT_FILE=files.certificate
    )
    assert told(GatewaySettings, HTTP_TLS_KEY_FILE=files.key) == ""


def test_a_gateway_does_not_start_with_another_certificates_key(told, files, tmp_path):
    other = AUTHORITY.issue(tmp_path / "other")
    said = told(GatewaySettings, HTTP_TLS_CERT_FILE=files.certificate, HTTP_TLS_KEY_FILE=other.key)
    assert f"{other.key} is not the key of {files.certificate}" in said


def test_prometheus_is_told_when_the_certificate_ends(monkeypatch, told, files):
    assert told(Server, TLS="tls", **own(files)) == ""
    tls = service_tls(load(Server), "server")
    assert tls is not None
    expiry = REGISTRY.get_sample_value("taskbell_certificate_expiry_timestamp_seconds", {"use": "server"})
    assert expiry == tls.current().expires
