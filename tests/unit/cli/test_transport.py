"""What the transport believes of the methods is what their protos say."""

from taskbell.access.v1.access_pb2 import access
from taskbell.accounts.v1 import accounts_pb2
from taskbell.notifications.v1 import deliveries_pb2, notifications_pb2, preferences_pb2
from taskbell.projects.v1 import projects_pb2
from taskbell.queues.v1 import queues_pb2
from taskbell.tasks.v1 import tasks_pb2

from cli.client import _REPEATABLE
from cli.transport import ANONYMOUS

SERVICES = [
    service
    for module in (
        *(accounts_pb2, notifications_pb2, preferences_pb2, deliveries_pb2),
        *(projects_pb2, queues_pb2, tasks_pb2),
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]
READS = ("Get", "List", "Search")
IDEMPOTENT = {"LogIn", "Watch", "Connect", "CreateTicket", "ExplainEvent", "PauseQueue", "ResumeQueue"}


def test_calls_are_anonymous_where_the_proto_says_so() -> None:
    methods = {
        method.name
        for service in SERVICES
        for method in service.methods
        if method.GetOptions().Extensions[access].anonymous
    }
    assert methods == ANONYMOUS


def test_only_what_is_safe_is_repeated() -> None:
    named = {(each["service"], each.get("method")) for each in _REPEATABLE}
    for service in SERVICES:
        for method in service.methods:
            if (service.full_name, None) in named or (service.full_name, method.name) in named:
                safe = method.name.startswith(READS) or "request_id" in method.input_type.fields_by_name
                assert safe or method.name in IDEMPOTENT, method.full_name
