"""Errors as HTTP: `google.rpc.Status` in JSON, and the headers that go with some of them."""

import math
from typing import Final

from aiohttp.web import Response
from grpc import StatusCode
from grpc.aio import AioRpcError

from chassis.errors import (
    CredentialsMissing,
    MethodNotAllowed,
    RateLimited,
    ServiceError,
    Unavailable,
    http_status,
    to_status,
)
from chassis.service_error import STATUS_KEY
from gatewaysvc.to_json import to_json

JSON: Final = "application/json"
_SOON: Final = 1.0


def problem(error: ServiceError, headers: dict[str, str]) -> Response:
    """The answer that tells of an error."""
    error = in_our_words(error)
    answer = Response(
        status=http_status(error), body=to_json(to_status(error)).encode(), headers=headers, content_type=JSON
    )
    answer.headers["Cache-Control"] = "no-store"
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if isinstance(error, RateLimited):
        _tell_of_the_limit(error, answer)
    if error.code is StatusCode.UNAUTHENTICATED:
        # RFC 6750: a challenge says what is wrong with a token only if one came.
        challenge = "" if isinstance(error, CredentialsMissing) else ', error="invalid_token"'
        answer.headers["WWW-Authenticate"] = f'Bearer realm="taskbell"{challenge}'
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = error.metadata.get("allow", "")
    return answer


def _tell_of_the_limit(error: RateLimited, answer: Response) -> None:
    """The limit that was met is the one to tell of, also where a service met another one than the gateway."""
    if "limit" in error.metadata:
        answer.headers["RateLimit-Limit"] = error.metadata["limit"]
        answer.headers["RateLimit-Remaining"] = "0"
        answer.headers["RateLimit-Reset"] = answer.headers.get("Retry-After", "1")


def in_our_words(error: ServiceError) -> ServiceError:
    """What gRPC says of a lost connection names addresses of the inner network; callers are told what they can do."""
    if error.code is not StatusCode.UNAVAILABLE:
        return error
    cause = error.__cause__
    if isinstance(cause, AioRpcError) and STATUS_KEY not in dict(cause.trailing_metadata() or ()):
        return Unavailable("The service behind this can't be reached just now; try again soon.", retry_after=_SOON)
    if error.retry_after is None:
        error.retry_after = _SOON
    return error
