"""Users and tokens as they go out."""

from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.accounts.v1 import accounts_pb2 as pb

from chassis.etag import etag
from tasksvc.account_store import TokenRecord, User


def user_to_pb(user: User) -> pb.User:
    """All of a user: for itself and for the services."""
    message = user_seen_by_others_to_pb(user)
    message.email = user.email
    message.personal_project_id = str(user.personal_project_id)
    if user.email_confirm_time is not None:
        message.email_confirm_time.FromDatetime(user.email_confirm_time)
    return message


def user_seen_by_others_to_pb(user: User) -> pb.User:
    """What others see of a user."""
    create_time = Timestamp()
    create_time.FromDatetime(user.create_time)
    return pb.User(
        id=str(user.id),
        username=user.username,
        create_time=create_time,
        etag=etag("user", user.id, user.version),
    )


def token_to_pb(token: TokenRecord) -> pb.Token:
    """An API token without its secret."""
    message = pb.Token(id=str(token.id), name=token.name, scopes=token.scopes, etag=token.etag)
    message.create_time.FromDatetime(token.create_time)
    if token.expire_time is not None:
        message.expire_time.FromDatetime(token.expire_time)
    return message
