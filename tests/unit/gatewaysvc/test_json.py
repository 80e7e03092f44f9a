"""Our JSON against protobuf's own: what either writes, the other reads, and both write the same."""

import json
import math
from typing import Any

import pytest
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    json_format,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as some
from taskbell.tasks.v1.tasks_pb2 import ListTasksResponse, Task

from chassis.errors import InvalidField, UnknownField
from gatewaysvc.from_json import parse, read
from gatewaysvc.to_json import to_json

SCALARS = {
    "double": some.floats(),
    "float": some.floats(width=32),
    "int32": some.integers(-(2**31), 2**31 - 1),
    "int64": some.integers(-(2**63), 2**63 - 1),
    "uint32": some.integers(0, 2**32 - 1),
    "uint64": some.integers(0, 2**64 - 1),
    "sint64": some.integers(-(2**63), 2**63 - 1),
    "fixed32": some.integers(0, 2**32 - 1),
    "bool": some.booleans(),
    "string": some.text(),
    "bytes": some.binary(),
}
TIMES = some.datetimes().map(lambda time: time.isoformat() + "Z")
JSON = some.recursive(
    some.none() | some.booleans() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=10,
)


def kitchen_sink():
    """A message type with every kind of field."""
    file = descriptor_pb2.FileDescriptorProto(name="sink.proto", package="sink", syntax="proto3")
    kinds = (timestamp_pb2, duration_pb2, field_mask_pb2, struct_pb2, wrappers_pb2)
    file.dependency.extend(each.DESCRIPTOR.name for each in kinds)
    sink = file.message_type.add(name="Sink")
    colour = sink.enum_type.add(name="Colour")
    colour.value.add(name="COLOUR_UNSPECIFIED", number=0)
    colour.value.add(name="RED", number=1)
    number = 0

    def add(name, kind, label="OPTIONAL", type_name=""):
        nonlocal number
        number += 1
        field = sink.field.add(name=name, number=number, type=f"TYPE_{kind}", label=f"LABEL_{label}")
        if type_name:
            field.type_name = type_name

    for kind in SCALARS:
        add(f"one_{kind}", kind.upper())
        add(f"many_{kind}", kind.upper(), "REPEATED")
    add("one_enum", "ENUM", type_name=".sink.Sink.Colour")
    add("many_enum", "ENUM", "REPEATED", ".sink.Sink.Colour")
    add("own", "MESSAGE", type_name=".sink.Sink")
    add("owns", "MESSAGE", "REPEATED", ".sink.Sink")
    for name in (
        "Timestamp",
        "Duration",
        "FieldMask",
        "Struct",
        "Value",
        "ListValue",
        "Int64Value",
        "StringValue",
        "BoolValue",
    ):
        add(f"the_{name.lower()}", "MESSAGE", type_name=f".google.protobuf.{name}")
    for key, value in (("string", "int64"), ("int32", "string"), ("bool", "bytes")):
        entry = sink.nested_type.add(name=f"{key.title()}sEntry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=f"TYPE_{key.upper()}", label="LABEL_OPTIONAL")
        entry.field.add(name="value", number=2, type=f"TYPE_{value.upper()}", label="LABEL_OPTIONAL")
        add(f"{key}s", "MESSAGE", "REPEATED", f".sink.Sink.{entry.name}")
    pool = descriptor_pool.DescriptorPool()
    for each in kinds:
        pool.AddSerializedFile(each.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("sink.Sink"))


Sink = kitchen_sink()


def optional(strategies):
    return some.fixed_dictionaries({}, optional=strategies)


SINKS: some.SearchStrategy[dict[str, Any]] = some.deferred(
    lambda: optional(
        {f"one_{kind}": value for kind, value in SCALARS.items()}
        | {f"many_{kind}": some.lists(value, max_size=3) for kind, value in SCALARS.items()}
        | {
            "one_enum": some.sampled_from([0, 1, 7]),
            "many_enum": some.lists(some.sampled_from([0, 1, 7]), max_size=2),
            "own": SINKS,
            "owns": some.lists(SINKS, max_size=1),
            "strings": some.dictionaries(some.text(), SCALARS["int64"], max_size=2),
            "int32s": some.dictionaries(SCALARS["int32"], some.text(), max_size=2),
            "bools": some.dictionaries(some.booleans(), some.binary(), max_size=2),
        }
    )
)


@given(SINKS)
def test_messages_are_written_as_protobuf_writes_them(fields):
    message = Sink(**fields)
    expected = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    assert same(json.loads(to_json(message)), json.loads(json.dumps(expected)))


@given(SINKS)
def test_what_we_write_we_read(fields):
    message = Sink(**fields)
    again = Sink()
    read(parse(to_json(message).encode()), again)
    assert to_json(again) == to_json(message)


@given(SINKS)
def test_what_protobuf_writes_we_read(fields):
    message = Sink(**fields)
    again = Sink()
    read(parse(json_format.MessageToJson(message).encode()), again)
    assert to_json(again) == to_json(message)


@given(
    optional(
        {
            "theTimestamp": TIMES,
            "theDuration": some.floats(-3e11, 3e11).map(lambda seconds: f"{seconds:.6f}s"),
            "theFieldmask": some.lists(some.sampled_from(["title", "dueTime", "a.bC"])).map(",".join),
            "theStruct": some.dictionaries(some.text(), JSON, max_size=3),
            "theValue": JSON,
            "theListvalue": some.lists(JSON, max_size=3),
            "theInt64value": SCALARS["int64"].map(str),
            "theStringvalue": some.text(),
            "theBoolvalue": some.booleans(),
        }
    )
)
def test_well_known_types_are_read_and_written_as_protobuf_does(value):
    theirs, ours = json_format.ParseDict(value, Sink()), Sink()
    read(value, ours)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
    expected = json_format.MessageToDict(theirs, always_print_fields_with_no_presence=True)
    assert same(json.loads(to_json(ours)), expected)


def same(ours, theirs):
    """Equality in which 32-bit numbers may be written with more or fewer digits, and NaN is NaN."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) or isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-7, abs_tol=1e-38)
    return ours == theirs


def test_shapes_are_stable():
    assert json.loads(to_json(ListTasksResponse())) == {"tasks": [], "nextPageToken": ""}
    task = json.loads(to_json(Task(title="a")))
    assert (task["labels"], task["status"], task["version"], task["assigneeId"]) == ([], "STATUS_UNSPECIFIED", 0, "")
    assert not task.keys() & {"dueTime", "payload", "progress", "deleteTime"}


def test_details_of_any_type_are_written_with_their_fields():
    status = status_pb2.Status(code=5, message="no")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="R", domain="d"))
    status.details.add().Pack(duration_pb2.Duration(seconds=3))
    status.details.append(any_pb2.Any(type_url="type.googleapis.com/nobody.knows.Me", value=b"\x01"))
    assert json.loads(to_json(status)) == {
        "code": 5,
        "message": "no",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R", "domain": "d", "metadata": {}},
            {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"},
            {"@type": "type.googleapis.com/nobody.knows.Me", "value": "AQ=="},
        ],
    }


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2026-11-23T10:00:00.123456789+00:00", 1_795_428_000, 123_456_789),
        ("2026-11-23t12:30:00z", 1_795_437_000, 0),
        ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text, seconds, nanos):
    sink = Sink()
    read({"theTimestamp": text}, sink)
    assert (sink.the_timestamp.seconds, sink.the_timestamp.nanos) == (seconds, nanos)


@pytest.mark.parametrize("text", ["1e99999999999999999999", "1e-99999999999999999999", "-0e99999999999999999999"])
def test_a_number_with_an_exponent_beyond_all_numbers_is_refused(text):
    with pytest.raises(InvalidField, match="maxAttempts"):
        read({"maxAttempts": text}, Task())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({f"titel{number}": 1 for number in range(200_000)}, UnknownField),
        ({"labels": [1] * 200_000}, InvalidField),
    ],
)
def test_of_countless_wrong_things_a_hundred_are_told_and_the_others_are_not_looked_at(body, kind):
    with pytest.raises(kind) as told:
        read(body, Task())
    assert len(told.value.violations) == 100


def test_an_endless_name_is_told_by_its_beginning_and_likened_to_none():
    with pytest.raises(UnknownField) as told:
        read({"n" * 4_000_000: 1}, Task())
    [violation] = told.value.violations
    assert violation.field == "n" * 79 + "…"
    assert violation.description == "is not known"
