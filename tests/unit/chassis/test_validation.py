from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from taskbell.accounts.v1.accounts_pb2 import CreateTokenRequest, RegisterUserRequest, Token
from taskbell.notifications.v1.notifications_pb2 import MarkNotificationsRequest
from taskbell.tasks.v1.tasks_pb2 import (
    BatchCreateTasksRequest,
    CreateTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Task,
)

from chassis.errors import InvalidField
from chassis.validation import validate

ID = "0194e7a4-0000-7000-8000-000000000000"
NO_PRIORITY: Any = 9
ALL_WRONG = CreateTaskRequest(
    task=Task(title="x" * 501, priority=NO_PRIORITY, parent_id="?", queue="Q"), request_id="r" * 65
)


def violations(message):
    with pytest.raises(InvalidField) as caught:
        validate(message)
    return {each.field: each.description for each in caught.value.violations}


@pytest.mark.parametrize(
    "message",
    [
        CreateTaskRequest(task=Task(title="milk", labels=[""] * 1_000_000)),
        BatchCreateTasksRequest(requests=[CreateTaskRequest(task=Task(title="milk", labels=[""] * 32))] * 1000),
    ],
)
def test_of_a_large_message_the_first_violation_is_told_and_the_others_are_not_looked_for(message):
    assert len(violations(message)) == 1


def test_a_good_message_passes():
    validate(CreateTaskRequest(task=Task(title="milk", labels=["home"], project_id=ID)))


@pytest.mark.parametrize(
    ("message", "field", "description"),
    [
        (GetTaskRequest(id="42"), "id", "'42' must be a valid UUID"),
        (GetTaskRequest(), "id", "'' is empty, which is not a valid UUID"),
        (ListTasksRequest(page_size=-1), "page_size", "-1 must be greater than or equal to 0"),
        (
            CreateTaskRequest(task=Task(title="x" * 501)),
            "task.title",
            f"'{'x' * 59}…' (501 characters) must be at most 500 characters",
        ),
        (
            CreateTaskRequest(task=Task(priority=NO_PRIORITY)),
            "task.priority",
            "9 must be one of LOW, NORMAL, HIGH, URGENT",
        ),
        (MarkNotificationsRequest(all=True), "state", "0 must be one of UNREAD, READ, ARCHIVED"),
        (
            CreateTaskRequest(task=Task(labels=["home", "a\tb"])),
            "task.labels[1]",
            r"'a\tb' must be 1 to 64 characters without control characters",
        ),
        (
            BatchCreateTasksRequest(requests=[CreateTaskRequest(task=Task()), CreateTaskRequest()]),
            "requests[1].task",
            "is required",
        ),
        (
            RegisterUserRequest(username="Ann", email="ann@example.com", password="12345678"),
            "username",
            "'Ann' must be 3 to 32 characters of a-z, 0-9, '_', '.', '-'",
        ),
        (
            RegisterUserRequest(username="ann", email="ann@example", password="12345678"),
            "email",
            "'ann@example' must have a whole domain, as in ann@example.com",
        ),
    ],
)
def test_a_wrong_field_is_told_with_its_path_its_value_and_what_is_allowed(message, field, description):
    assert violations(message) == {field: description}


@pytest.mark.parametrize(
    "email", ["ann@example.com", "ann@mail.example.co.uk", "Ann+tasks@EXAMPLE.ORG", "ann@localhost"]
)
def test_an_address_has_a_whole_domain_or_is_of_this_machine(email):
    validate(RegisterUserRequest(username="ann", email=email, password="12345678"))


def test_the_allowed_values_are_listed():
    told = violations(CreateTokenRequest(token=Token(name="ci", scopes=["tasks:rule"])))
    assert told["token.scopes[0]"].startswith("'tasks:rule' must be in list [")
    assert "queues:work" in told["token.scopes[0]"]


def test_all_wrong_fields_are_told_at_once_each_once():
    assert set(violations(ALL_WRONG)) == {"task.title", "task.priority", "task.parent_id", "task.queue", "request_id"}


def test_the_error_text_tells_the_first_ones_and_how_many_more():
    with pytest.raises(InvalidField, match=r"^task\.title: .*; task\.priority: .*; and 2 more$"):
        validate(ALL_WRONG)


def test_a_secret_is_never_quoted():
    told = violations(RegisterUserRequest(username="ann", email="ann@example.com", password="short"))
    assert told == {"password": "(hidden) must be at least 8 characters"}


def test_no_text_may_have_what_no_column_holds():
    payload = Struct()
    payload.update({"a": [1, {"b": "\0"}]})
    message = CreateTaskRequest(task=Task(title="a\0b", labels=["x"], payload=payload), request_id="r\0")
    assert violations(message) == dict.fromkeys(
        ["task.title", "task.payload", "request_id"], "must not contain the character U+0000"
    )


def test_zeros_that_are_no_text_pass():
    payload = Struct()
    payload.update({"a": [0, {"b": ""}], "": {}})
    validate(CreateTaskRequest(task=Task(title="a", payload=payload)))
