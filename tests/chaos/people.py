"""Somebody with a project, over gRPC."""

from dataclasses import dataclass

from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub

from chassis.grpc_client import channel

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in."""

    id: str
    token: str
    project_id: str


async def join(tasks_address: str, name: str) -> Person:
    """Registers somebody, and signs them in."""
    async with channel(tasks_address) as wire:
        account = AccountServiceStub(wire)
        await account.RegisterUser(
            accounts.RegisterUserRequest(username=name, email=f"{name}@example.com", password=PASSWORD)
        )
        session = await account.LogIn(accounts.LogInRequest(username=name, password=PASSWORD))
    return Person(session.user.id, session.access_token, session.user.personal_project_id)
