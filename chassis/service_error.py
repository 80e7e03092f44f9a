"""An error that survives the wire: the same class on both sides of a gRPC call, with its text and its details.

It travels as a `google.rpc.Status` in the trailing metadata (gRPC's richer error model, AIP-193).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

DOMAIN: Final = "taskbell"
STATUS_KEY: Final = "grpc-status-details-bin"

# Clients take 8 KiB of metadata by default, of which the text is a part twice, percent-encoded once.
_MOST_TEXT = 400
_MOST_BYTES = 4096

_HTTP: Final = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
}
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that can't be taken as it is."""

    field: str
    """The path in the proto's names, such as `task.title` or `requests[3].task.labels[0]`."""
    description: str
    """The value (shortened) and what is allowed."""


class ServiceError(Exception):
    """What a caller is told instead of an answer.

    Every kind is a subclass in `chassis.errors`; none has a constructor of its own.
    """

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    reason: str = "UNKNOWN"
    http: int | None = None
    """The HTTP status, where it isn't the standard one of the gRPC code."""
    field: str = ""
    """What every error of this kind is about; the only violation unless others are named."""

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        about = (FieldViolation(self.field, message),) if self.field else ()
        self.violations = tuple(violations) or about
        self.retry_after = retry_after

    @property
    def exit_code(self) -> int:
        """What a command ends with that met this error: 64 + the gRPC code, as grpcurl does."""
        return 64 + int(self.code.value[0])

    @classmethod
    def kinds(cls) -> Iterator[type[Self]]:
        """Every class of the family below this one."""
        for kind in cls.__subclasses__():
            yield kind
            yield from kind.kinds()


class UnknownError(ServiceError):
    """A status whose reason this program doesn't know: the peer is newer, or no Taskbell service.

    It keeps the code and the reason that came.
    """

    code, reason = grpc.StatusCode.UNKNOWN, "UNKNOWN"


def http_status(error: ServiceError) -> int:
    """The HTTP status that tells the same."""
    return error.http or _HTTP[error.code]


def to_status(error: ServiceError) -> status_pb2.Status:
    """The error as it travels, long texts and lists of violations cut to what every client's metadata limit takes."""
    status = status_pb2.Status(code=error.code.value[0], message=shortened(error.message, _MOST_TEXT))
    details = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    status.details.add().Pack(details)
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after * 1e9))
        status.details.add().Pack(retry)
    if error.violations:
        room = _MOST_BYTES - status.ByteSize()
        request = error_details_pb2.BadRequest()
        for violation in error.violations:
            request.field_violations.add(
                field=violation.field, description=shortened(violation.description, _MOST_TEXT)
            )
            if request.ByteSize() > room and len(request.field_violations) > 1:
                del request.field_violations[-1]
                break
        status.details.add().Pack(request)
    return status


def from_reason(code: grpc.StatusCode, reason: str, message: str) -> ServiceError:
    """The error of which only so much was told."""
    kind = _kind(code, reason, message)
    error = kind(message)
    if kind is UnknownError:
        error.code, error.reason = code, reason
    return error


def from_status(status: status_pb2.Status) -> ServiceError:
    """The error that was raised on the other side."""
    info = error_details_pb2.ErrorInfo()
    request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    waits = False
    for detail in status.details:
        waits |= detail.Unpack(retry)
        # Each takes its own kind only.
        detail.Unpack(info)
        detail.Unpack(request)
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    kind = _kind(code, info.reason if info.domain == DOMAIN else "", status.message)
    error = kind(
        status.message or code.name,
        metadata=info.metadata,
        violations=[FieldViolation(each.field, each.description) for each in request.field_violations],
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if waits else None,
    )
    if kind is UnknownError:
        error.code, error.reason = code, info.reason or code.name
    return error


def from_rpc_error(error: grpc.RpcError) -> ServiceError:
    """The error that was raised on the other side, or what gRPC itself says of the call (no connection, too late).

    A call that was cancelled, and not on this side, of which grpc.aio tells by a CancelledError, was cancelled by a
    server that stops: gRPC's does so to calls that have come and not begun.
    """
    metadata: Iterable[Any] = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == STATUS_KEY and isinstance(value, bytes):
            try:
                return from_status(status_pb2.Status.FromString(value))
            except DecodeError:
                break
    if error.code() is grpc.StatusCode.CANCELLED:
        return from_status(status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=_STOPPED))
    # gRPC says "Stream removed" here, or other things that mean nothing to whoever waited.
    details = _LATE if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else error.details() or ""
    return from_status(status_pb2.Status(code=error.code().value[0], message=details))


def shortened(text: str, most: int) -> str:
    """The text, or its beginning."""
    return text if len(text) <= most else text[: most - 1] + "…"


_STOPPED: Final = "The server stopped before it answered."
_LATE: Final = "There was no answer in time."
# What gRPC says by itself carries no reason.
_UNEXPLAINED: Final = {
    grpc.StatusCode.UNAVAILABLE: "UNAVAILABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    grpc.StatusCode.CANCELLED: "CANCELLED",
    grpc.StatusCode.INTERNAL: "INTERNAL",
    grpc.StatusCode.UNIMPLEMENTED: "METHOD_NOT_IMPLEMENTED",
}
_TOO_LARGE: Final = re.compile(r"message larger than max", re.IGNORECASE)


def _kind(code: grpc.StatusCode, reason: str, message: str) -> type[ServiceError]:
    if not reason:
        too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE.search(message)
        reason = "MESSAGE_TOO_LARGE" if too_large else _UNEXPLAINED.get(code, "")
    for kind in ServiceError.kinds():
        if kind.reason == reason and kind.code is code:
            return kind
    return UnknownError
