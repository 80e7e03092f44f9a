"""Every error that a caller can meet, in one list.

`docs/errors.md` tells callers of them; `chassis.service_error` has how they travel.
"""

from typing import Self

from google.protobuf.descriptor import OneofDescriptor
from grpc import StatusCode

from chassis.service_error import (
    FieldViolation,
    ServiceError,
    UnknownError,
    from_reason,
    from_rpc_error,
    from_status,
    http_status,
    shortened,
    to_status,
)

__all__ = [
    "FieldViolation",
    "ServiceError",
    "UnknownError",
    "from_reason",
    "from_rpc_error",
    "from_status",
    "http_status",
    "shortened",
    "to_status",
]

# --- who are you ---


class CredentialsMissing(ServiceError):
    """The method asks for credentials and none came."""

    code, reason = StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING"


class TokenInvalid(ServiceError):
    """The token is none of ours, or was revoked; so is a wrong service key."""

    code, reason = StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"


class TokenExpired(ServiceError):
    """The token was good once: refresh the session, or make another API token."""

    code, reason = StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED"


class TicketInvalid(ServiceError):
    """The ticket was used before, wasn't used in time, or is none of ours: make another one."""

    code, reason = StatusCode.UNAUTHENTICATED, "TICKET_INVALID"


class SessionEnded(ServiceError):
    """The session that the token belongs to has ended: log in again."""

    code, reason = StatusCode.UNAUTHENTICATED, "SESSION_ENDED"


class LoginFailed(ServiceError):
    """Username and password don't go together; which of them is wrong isn't told."""

    code, reason = StatusCode.UNAUTHENTICATED, "LOGIN_FAILED"


class RefreshTokenReused(ServiceError):
    """A refresh token was used twice, so somebody else may hold it: the whole session has ended."""

    code, reason = StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"


# --- may you ---


class RoleTooLow(ServiceError):
    """The caller's role in the project doesn't allow this."""

    code, reason = StatusCode.PERMISSION_DENIED, "ROLE_TOO_LOW"


class AuthorRequired(ServiceError):
    """Only whoever wrote the comment may do this; deleting it, an OWNER of the project too."""

    code, reason = StatusCode.PERMISSION_DENIED, "AUTHOR_REQUIRED"


class ScopeMissing(ServiceError):
    """The API token wasn't given the scope that the method asks for."""

    code, reason = StatusCode.PERMISSION_DENIED, "SCOPE_MISSING"


class SessionRequired(ServiceError):
    """Only a signed-in person may do this, never an API token."""

    code, reason = StatusCode.PERMISSION_DENIED, "SESSION_REQUIRED"


# --- it isn't there, to you ---


class TaskNotFound(ServiceError):
    """There is no such task, or the caller may not see it."""

    code, reason = StatusCode.NOT_FOUND, "TASK_NOT_FOUND"


class CommentNotFound(ServiceError):
    """The task has no such comment."""

    code, reason = StatusCode.NOT_FOUND, "COMMENT_NOT_FOUND"


class ProjectNotFound(ServiceError):
    """There is no such project, or the caller is no member of it."""

    code, reason = StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND"


class QueueNotFound(ServiceError):
    """The project has no such queue: it is there from its first task, update or pause on."""

    code, reason = StatusCode.NOT_FOUND, "QUEUE_NOT_FOUND"


class UserNotFound(ServiceError):
    """There is no such user, or the caller shares no project with them."""

    code, reason = StatusCode.NOT_FOUND, "USER_NOT_FOUND"


class MemberNotFound(ServiceError):
    """The user is no member of the project."""

    code, reason = StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND"


class TokenNotFound(ServiceError):
    """The caller has no such API token."""

    code, reason = StatusCode.NOT_FOUND, "TOKEN_NOT_FOUND"


class NotificationNotFound(ServiceError):
    """The caller's inbox has no such notification."""

    code, reason = StatusCode.NOT_FOUND, "NOTIFICATION_NOT_FOUND"


class EventNotFound(ServiceError):
    """There is no such event, or it happened in no project of the caller's."""

    code, reason = StatusCode.NOT_FOUND, "EVENT_NOT_FOUND"


class WebhookNotFound(ServiceError):
    """The project has no such webhook."""

    code, reason = StatusCode.NOT_FOUND, "WEBHOOK_NOT_FOUND"


class DeliveryNotFound(ServiceError):
    """No such mail was meant for the caller, nor for a webhook of theirs, or it isn't kept any more."""

    code, reason = StatusCode.NOT_FOUND, "DELIVERY_NOT_FOUND"


class SubscriptionNotFound(ServiceError):
    """The stream has no subscription of this name."""

    code, reason = StatusCode.NOT_FOUND, "SUBSCRIPTION_NOT_FOUND"


class RouteNotFound(ServiceError):
    """Nothing is served under this path."""

    code, reason = StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND"


# --- it is there already ---


class UniqueKeyTaken(ServiceError):
    """Another task of the same queue has this unique_key; `task_id` names it."""

    code, reason = StatusCode.ALREADY_EXISTS, "UNIQUE_KEY_TAKEN"


class UsernameTaken(ServiceError):
    """Another user has this name."""

    code, reason = StatusCode.ALREADY_EXISTS, "USERNAME_TAKEN"


class EmailTaken(ServiceError):
    """Another user has this e-mail address."""

    code, reason = StatusCode.ALREADY_EXISTS, "EMAIL_TAKEN"


class MemberExists(ServiceError):
    """The user is a member of the project already."""

    code, reason = StatusCode.ALREADY_EXISTS, "MEMBER_EXISTS"


class SubscriptionExists(ServiceError):
    """The stream has a subscription of this name already."""

    code, reason = StatusCode.ALREADY_EXISTS, "SUBSCRIPTION_EXISTS"


# --- the request can't be read ---


class InvalidField(ServiceError):
    """A field breaks a rule; each one is named in the violations."""

    code, reason = StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"

    @classmethod
    def named(cls, field: str, value: object, allowed: str) -> Self:
        """The error for one field: `InvalidField.named("task.parent_id", id, "must be a task of the same project")`."""
        return cls.listing([FieldViolation(field, f"{shortened(repr(value), 80)} {allowed}")])

    @classmethod
    def empty(cls, oneof: OneofDescriptor) -> Self:
        """The error for a message that says nothing, or only what this version doesn't know."""
        kinds = ", ".join(each.json_name for each in oneof.fields)
        return cls.listing(
            [FieldViolation(oneof.name, f"says nothing that this server knows: one of {kinds} must be set")]
        )

    @classmethod
    def listing(cls, violations: list[FieldViolation]) -> Self:
        """The error for several fields; its text tells the first ones."""
        text = "; ".join(f"{each.field}: {each.description}" for each in violations[:3])
        more = f"; and {len(violations) - 3} more" if len(violations) > 3 else ""  # noqa: PLR2004 - those told
        return cls(text + more, violations=violations)


class InvalidFilter(ServiceError):
    """The filter breaks AIP-160's grammar or names what can't be filtered by; `position` is the column, from 1."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "INVALID_FILTER", "filter"


class InvalidOrderBy(ServiceError):
    """`order_by` names a field that can't be sorted by, or can't be read."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "INVALID_ORDER_BY", "order_by"


class InvalidPageToken(ServiceError):
    """The page token is none of ours, or belongs to a list with other fields."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN", "page_token"


class InvalidCursor(ServiceError):
    """The cursor is none of ours."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "INVALID_CURSOR", "after"


class InvalidUpdateMask(ServiceError):
    """The mask names a field that isn't there or can't be changed."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "INVALID_UPDATE_MASK", "update_mask"


class LinkInvalid(ServiceError):
    """The mailed link was used or replaced, has expired, or is none of ours: ask for a new one."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "LINK_INVALID", "token"


class RequestIdReused(ServiceError):
    """The same request id came with another request within 24 hours."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id"


class MalformedMessage(ServiceError):
    """The bytes are no message of the method's type."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE", "request"


class MalformedJson(ServiceError):
    """The body is no JSON, or not the JSON of this message."""

    code, reason, field = StatusCode.INVALID_ARGUMENT, "MALFORMED_JSON", "body"


class UnsupportedMediaType(ServiceError):
    """The body's Content-Type isn't JSON in UTF-8."""

    code, reason, http, field = StatusCode.INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE", 415, "Content-Type"


class UnknownField(ServiceError):
    """The body or the query names a field that the message doesn't have."""

    code, reason = StatusCode.INVALID_ARGUMENT, "UNKNOWN_FIELD"


# --- not in this state ---


class IllegalTransition(ServiceError):
    """The task's status doesn't allow this; `from` and `allowed` name what is."""

    code, reason = StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"


class TaskNotDeleted(ServiceError):
    """Only a deleted task can be restored."""

    code, reason = StatusCode.FAILED_PRECONDITION, "TASK_NOT_DELETED"


class TaskBlocked(ServiceError):
    """Others must be COMPLETED before this task is started or completed; `blocked_by` names them."""

    code, reason = StatusCode.FAILED_PRECONDITION, "TASK_BLOCKED"


class LastOwner(ServiceError):
    """The project would be left without an owner: make another member OWNER first."""

    code, reason = StatusCode.FAILED_PRECONDITION, "LAST_OWNER"


class PersonalProject(ServiceError):
    """A personal project has one member, and stays."""

    code, reason = StatusCode.FAILED_PRECONDITION, "PERSONAL_PROJECT"


class DeliveryNotDead(ServiceError):
    """Only a mail that was given up is tried again."""

    code, reason = StatusCode.FAILED_PRECONDITION, "DELIVERY_NOT_DEAD"


class CursorTooOld(ServiceError):
    """Events so old are no longer kept: list again and go on from there."""

    code, reason = StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"


# --- somebody else was faster ---


class EtagMismatch(ServiceError):
    """The resource changed since the caller read it: read it again."""

    code, reason, http = StatusCode.ABORTED, "ETAG_MISMATCH", 412


class LeaseLost(ServiceError):
    """The lease ran out and the task went to another worker: drop the work."""

    code, reason = StatusCode.ABORTED, "LEASE_LOST"


class Conflict(ServiceError):
    """Another change came in between: try again."""

    code, reason = StatusCode.ABORTED, "CONFLICT"


# --- too much ---


class RateLimited(ServiceError):
    """Too many calls: wait for `retry_after`."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"


class TooManyConnections(ServiceError):
    """Your address has as many connections or streams open as one may have: close some of them."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CONNECTIONS"


class TooManyProjects(ServiceError):
    """The user is a member of as many projects as one may be: leave or delete one first."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_PROJECTS"


class TooManySubscriptions(ServiceError):
    """The stream has as many subscriptions as one may have: open another one."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_SUBSCRIPTIONS"


class TooManyTokens(ServiceError):
    """You have as many API tokens as one may have: revoke one first."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_TOKENS"


class TooManyWebhooks(ServiceError):
    """The project has as many webhooks as one may have: delete one first."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_WEBHOOKS"


class MessageTooLarge(ServiceError):
    """The message is larger than 4 MiB."""

    code, reason, http = StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", 413


# --- the server can't ---


class MethodNotImplemented(ServiceError):
    """The server has no such method; it may be older than the client."""

    code, reason = StatusCode.UNIMPLEMENTED, "METHOD_NOT_IMPLEMENTED"


class MethodNotAllowed(ServiceError):
    """The path is served, but not with this HTTP method."""

    code, reason, http = StatusCode.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", 405


class RequestTooSlow(ServiceError):
    """The request's head or its body took too long to arrive."""

    code, reason, http = StatusCode.DEADLINE_EXCEEDED, "REQUEST_TOO_SLOW", 408


class Unavailable(ServiceError):
    """The service, or something that it needs, can't be reached: try again soon."""

    code, reason = StatusCode.UNAVAILABLE, "UNAVAILABLE"


class DeadlineExceeded(ServiceError):
    """The answer didn't come in the time that the caller gave; the change may have been made."""

    code, reason = StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"


class Cancelled(ServiceError):
    """The caller went away or gave up."""

    code, reason = StatusCode.CANCELLED, "CANCELLED"


class Internal(ServiceError):
    """A mistake of ours. The text says nothing more; the server's log does, under the request id."""

    code, reason = StatusCode.INTERNAL, "INTERNAL"
