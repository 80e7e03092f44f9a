"""The command's JSON is the REST API's: the same message through protobuf's own JSON and through ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf import duration_pb2, field_mask_pb2, json_format, message_factory, struct_pb2, timestamp_pb2
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from taskbell.accounts.v1 import accounts_pb2
from taskbell.events.v1 import events_pb2
from taskbell.notifications.v1 import notifications_pb2
from taskbell.projects.v1 import projects_pb2
from taskbell.queues.v1 import queues_pb2
from taskbell.tasks.v1 import tasks_pb2

from cli import sdk
from cli.json_shape import camel_case, to_plain

TWINS = [
    (tasks_pb2.Task, sdk.tasks.Task),
    (tasks_pb2.ListTasksResponse, sdk.tasks.ListTasksResponse),
    (tasks_pb2.SearchTasksResponse, sdk.tasks.SearchTasksResponse),
    (tasks_pb2.ListTaskHistoryResponse, sdk.tasks.ListTaskHistoryResponse),
    (tasks_pb2.UpdateTaskRequest, sdk.tasks.UpdateTaskRequest),
    (events_pb2.Event, sdk.events.Event),
    (projects_pb2.Project, sdk.projects.Project),
    (projects_pb2.Member, sdk.projects.Member),
    (accounts_pb2.User, sdk.accounts.User),
    (accounts_pb2.Token, sdk.accounts.Token),
    (queues_pb2.Queue, sdk.queues.Queue),
    (notifications_pb2.ListNotificationsResponse, sdk.notifications.ListNotificationsResponse),
]

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone follows
LENGTHS = st.timedeltas(timedelta(days=-3660), timedelta(days=3660))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def scalars(field: Any) -> st.SearchStrategy[Any]:
    match field.type:
        case field.TYPE_STRING:
            return st.text(max_size=8)
        case field.TYPE_BOOL:
            return st.booleans()
        case field.TYPE_INT32:
            return st.integers(-(2**31), 2**31 - 1)
        case field.TYPE_INT64:
            return st.integers(-(2**63), 2**63 - 1)
        case field.TYPE_DOUBLE:
            return st.floats(allow_nan=False)
        case field.TYPE_ENUM:
            assert field.enum_type is not None
            return st.sampled_from([*field.enum_type.values_by_number, 99])
    raise NotImplementedError(field.full_name)


def moment(time: datetime) -> Message:
    message = timestamp_pb2.Timestamp()
    message.FromDatetime(time)
    return message


def length(time: timedelta) -> Message:
    message = duration_pb2.Duration()
    message.FromTimedelta(time)
    return message


def value(plain: Any) -> Message:
    return json_format.ParseDict(plain, struct_pb2.Value())


WELL_KNOWN: dict[str, st.SearchStrategy[Message]] = {
    "google.protobuf.Timestamp": MOMENTS.map(moment),
    "google.protobuf.Duration": LENGTHS.map(length),
    "google.protobuf.Struct": st.dictionaries(st.text(max_size=5), VALUES, max_size=3).map(
        lambda value: json_format.ParseDict(value, struct_pb2.Struct())
    ),
    "google.protobuf.Value": VALUES.map(value),
    "google.protobuf.FieldMask": st.lists(st.from_regex("[a-z]{1,5}(_[a-z]{1,5})?", fullmatch=True), max_size=3).map(
        lambda names: field_mask_pb2.FieldMask(paths=names)
    ),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 3) -> Message:
    """Any message of that kind, fields left out at random."""
    if kind.DESCRIPTOR.full_name in WELL_KNOWN:
        return draw(WELL_KNOWN[kind.DESCRIPTOR.full_name])
    message = kind()
    taken: set[str] = set()
    fields: Any = kind.DESCRIPTOR.fields
    for field in fields:
        group = field.containing_oneof
        if (group is not None and group.name in taken) or not draw(st.booleans()):
            continue
        taken |= {group.name} if group is not None else set()
        if field.message_type is None:
            values = scalars(field)
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(values, max_size=3)))
            else:
                setattr(message, field.name, draw(values))
        elif depth:
            part = messages(message_factory.GetMessageClass(field.message_type), depth - 1)
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(part, max_size=2)))
            else:
                getattr(message, field.name).CopyFrom(draw(part))
    return message


@pytest.mark.parametrize(("theirs", "ours"), TWINS, ids=lambda kind: str(kind.__name__))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_message_is_printed_as_the_rest_api_prints_it(
    theirs: type[Message], ours: Any, data: st.DataObject
) -> None:
    message = data.draw(messages(theirs))
    plain = to_plain(ours.parse(message.SerializeToString()))
    expected = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    assert json.loads(json.dumps(plain)) == json.loads(json.dumps(expected))


def test_whole_numbers_in_a_payload_have_no_fraction() -> None:
    task = sdk.tasks.Task(payload=sdk.google.Struct.from_dict({"pages": 3, "share": 0.5}))
    assert json.dumps(to_plain(task)["payload"]) == '{"pages": 3, "share": 0.5}'


def test_times_have_as_many_digits_as_they_need() -> None:
    moment = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)
    shown = [
        to_plain(sdk.tasks.Task(due_time=moment + timedelta(microseconds=extra)))["dueTime"] for extra in (0, 5000, 5)
    ]
    assert shown == ["2026-12-01T17:00:00Z", "2026-12-01T17:00:00.005Z", "2026-12-01T17:00:00.000005Z"]


@pytest.mark.parametrize(
    ("name", "shown"), [("id", "id"), ("next_page_token", "nextPageToken"), ("from_", "from"), ("a_1b", "a1b")]
)
def test_names_are_camel_case(name: str, shown: str) -> None:
    assert camel_case(name) == shown
