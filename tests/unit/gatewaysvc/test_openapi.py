import json
import re

import pytest

from gatewaysvc.openapi import openapi


@pytest.fixture(scope="module")
def document(table):
    return json.loads(json.dumps(openapi(table.routes)))


@pytest.fixture(scope="module")
def operations(document):
    return [(path, method, each) for path, item in document["paths"].items() for method, each in item.items()]


def test_every_route_over_plain_http_is_there_once(document, table, operations):
    assert len(operations) == len([route for route in table.routes if route.http_method != "WEBSOCKET"])
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    assert document["paths"].keys() >= {"/v1/tasks", "/v1/tasks/{id}", "/v1/tasks/{id}:start", "/v1/events"}
    assert document["paths"]["/v1/tasks/{id}"].keys() == {"get", "patch", "delete"}
    assert document["paths"]["/v1/projects/{projectId}/members/{userId}"].keys() == {"patch", "delete"}


def test_every_variable_of_a_path_is_a_parameter(operations):
    for path, _, operation in operations:
        declared = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"\{(\w+)\}", path))


def test_every_reference_leads_somewhere(document):
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert document["components"]["schemas"][name]["type"] == "object"


def test_what_a_method_takes_and_who_may_call_it_is_told(document):
    lists = document["paths"]["/v1/tasks"]["get"]
    names = {each["name"] for each in lists["parameters"]}
    assert names == {"projectId", "userId", "filter", "orderBy", "pageSize", "pageToken", "showDeleted"}
    assert "tasks:read" in lists["description"]
    change = document["paths"]["/v1/tasks/{id}"]["patch"]
    assert {each["name"] for each in change["parameters"]} == {
        "id", "updateMask", "requestId", "Idempotency-Key", "If-Match",
    }  # fmt: skip
    assert change["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Task"}
    start = document["paths"]["/v1/tasks/{id}:start"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert start["properties"].keys() == {"etag", "requestId"}
    assert document["paths"]["/v1/users"]["post"]["security"] == []
    assert document["paths"]["/v1/events"]["get"]["responses"]["200"]["content"].keys() == {
        "text/event-stream", "application/x-ndjson",
    }  # fmt: skip


def test_shapes_tell_the_rules_of_the_protos(document):
    task = document["components"]["schemas"]["Task"]["properties"]
    assert task["title"] == {"type": "string", "maxLength": 500}
    assert task["dueTime"] == {"type": "string", "format": "date-time"}
    assert "URGENT" in task["priority"]["enum"]
    assert task["labels"]["items"] == {"type": "string"}
    assert task["id"]["readOnly"]
    assert task["payload"] == {"type": "object", "additionalProperties": True}
    token = document["components"]["schemas"]["Token"]
    assert "tasks:read" in token["properties"]["scopes"]["items"]["enum"]
    assert token["required"] == ["name", "scopes"]
