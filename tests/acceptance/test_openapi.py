"""Requests that schemathesis makes of our OpenAPI document, sane and insane ones, against the running system."""

import secrets
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devstack.stack import Stack
from gatewaysvc.openapi import openapi
from gatewaysvc.routes import RouteTable
from gatewaysvc.services import SERVICES

PASSWORD = "correct horse battery staple"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# A stream never ends.
schema = schemathesis.openapi.from_dict(openapi(RouteTable(each.descriptor for each in SERVICES).routes)).exclude(
    path="/v1/events"
)
# It alone sends thousands of requests: too many for every run.
schema.config.phases.coverage.enabled = False


class Person:
    """Somebody signed in, and again if a request ended the session."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._headers: dict[str, str] = {}

    @property
    def headers(self) -> dict[str, str]:
        """The credentials."""
        me = f"{self._url}/v1/users/me"
        if not self._headers or requests.get(me, headers=self._headers, timeout=10).status_code != 200:
            self._headers = {"Authorization": f"Bearer {self._sign_in()}"}
        return self._headers

    def _sign_in(self) -> str:
        name = f"fuzz-{secrets.token_hex(4)}"
        account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        self._post("/v1/users", account)
        token: str = self._post("/v1/sessions", {"username": name, "password": PASSWORD})["accessToken"]
        return token

    def _post(self, path: str, body: Any) -> Any:
        response = requests.post(self._url + path, json=body, timeout=10)
        response.raise_for_status()
        return response.json()


@pytest.fixture(scope="module")
def person(stack: Stack) -> Person:
    return Person(stack.http_url)


@schema.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_brings_a_server_error_or_an_answer_that_is_not_described(
    case: "Case[Any]", stack: Stack, person: Person
):
    if isinstance(case.body, dict):
        case.body.pop("wait", None)  # a long poll's answer would take that long
    case.call_and_validate(base_url=stack.http_url, headers=person.headers, checks=CHECKS)
