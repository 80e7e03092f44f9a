import pytest
from taskbell.accounts.v1.accounts_pb2 import IntrospectTokenRequest, LogInRequest, LogOutRequest, Principal, Session
from taskbell.tasks.v1.tasks_pb2 import CreateTaskRequest, GetTaskRequest, Task

from chassis.access import AccessNotDeclared
from chassis.caller import Caller, caller
from chassis.errors import CredentialsMissing, ScopeMissing, SessionRequired, TokenExpired, TokenInvalid
from tests.unit.chassis.conftest import PERSON, READER, SERVICE_KEY

GET_TASK = GetTaskRequest(id="0194e7a4-0000-7000-8000-000000000000")
CREATE_TASK = CreateTaskRequest(task=Task(title="milk"))
INTROSPECT = IntrospectTokenRequest(token="t")


class Doors:
    """A method for each way in; each notes who came through."""

    def __init__(self):
        self.came = None

    def _noting(self, answer):
        async def method(_request, _context):
            self.came = caller()
            return answer

        return method

    def methods(self):
        return {
            "GetTask": self._noting(Task()),
            "CreateTask": self._noting(Task()),
            "LogOut": self._noting(Principal()),
            "IntrospectToken": self._noting(Principal()),
        }


@pytest.fixture
def doors():
    return Doors()


@pytest.fixture
async def server(serve, doors):
    return await serve(**doors.methods())


@pytest.mark.parametrize(
    ("method", "request_", "authorization", "who"),
    [
        ("GetTask", GET_TASK, "Bearer person", PERSON),
        ("GetTask", GET_TASK, "bearer person", PERSON),
        ("GetTask", GET_TASK, "Bearer reader", READER),
        ("CreateTask", CREATE_TASK, "Bearer person", PERSON),
        ("LogOut", LogOutRequest(), "Bearer person", PERSON),
        ("IntrospectToken", INTROSPECT, f"Service {SERVICE_KEY}", Caller("", service=True)),
    ],
)
async def test_who_may_call_is_let_in_and_known(server, client, doors, method, request_, authorization, who):
    await getattr(client(server, authorization), method)(request_)
    assert doors.came == who


@pytest.mark.parametrize(
    ("method", "request_", "authorization", "error"),
    [
        ("GetTask", GET_TASK, "", CredentialsMissing),
        ("GetTask", GET_TASK, "Bearer ", CredentialsMissing),
        ("GetTask", GET_TASK, "Basic dTpw", CredentialsMissing),
        ("GetTask", GET_TASK, f"Service {SERVICE_KEY}", CredentialsMissing),
        ("GetTask", GET_TASK, "Bearer forged", TokenInvalid),
        ("GetTask", GET_TASK, "Bearer old", TokenExpired),
        ("CreateTask", CREATE_TASK, "Bearer reader", ScopeMissing),
        ("LogOut", LogOutRequest(), "Bearer reader", SessionRequired),
        ("LogOut", LogOutRequest(), "", CredentialsMissing),
        ("IntrospectToken", INTROSPECT, "Bearer person", CredentialsMissing),
        ("IntrospectToken", INTROSPECT, "Service nearly the key", TokenInvalid),
        ("IntrospectToken", INTROSPECT, "", CredentialsMissing),
    ],
)
async def test_who_may_not_call_is_kept_out(server, client, doors, method, request_, authorization, error):
    with pytest.raises(error):
        await getattr(client(server, authorization), method)(request_)
    assert doors.came is None


async def test_an_anonymous_method_reads_no_credentials(serve, client):
    async def log_in(_request, _context):
        with pytest.raises(CredentialsMissing):
            caller()
        return Session(expires_in=900)

    server = await serve(LogIn=log_in)
    answer = await client(server, "Bearer forged").LogIn(LogInRequest(username="u", password="p"))
    assert answer.expires_in == 900


async def test_a_missing_scope_is_named(server, client):
    with pytest.raises(ScopeMissing, match=r"'tasks:write'.*tasks:read") as caught:
        await client(server, "Bearer reader").CreateTask(CREATE_TASK)
    assert caught.value.metadata == {"scope": "tasks:write"}


@pytest.mark.parametrize("rule", [{}, {"anonymous": False}, {"scope": ""}, {"stream": ""}])
async def test_a_method_that_does_not_say_who_may_call_it_keeps_the_server_from_being_made(serve, probe, rule):
    with pytest.raises(AccessNotDeclared, match=r"Probe\.Collect"):
        await serve([probe(Collect=({"client_streaming": True} | rule, None))])
