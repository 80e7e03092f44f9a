"""The services behind the gateway."""

from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from taskbell.accounts.v1 import accounts_pb2
from taskbell.comments.v1 import comments_pb2
from taskbell.notifications.v1 import deliveries_pb2, notifications_pb2, preferences_pb2
from taskbell.projects.v1 import projects_pb2
from taskbell.queues.v1 import queues_pb2
from taskbell.tasks.v1 import tasks_pb2
from taskbell.webhooks.v1 import webhooks_pb2


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service, and the process that has it."""

    descriptor: ServiceDescriptor
    process: Literal["tasksvc", "notifysvc"]


def _service(file: FileDescriptor, name: str, process: Literal["tasksvc", "notifysvc"]) -> Upstream:
    return Upstream(file.services_by_name[name], process)


SERVICES: Final = (
    _service(accounts_pb2.DESCRIPTOR, "AccountService", "tasksvc"),
    _service(projects_pb2.DESCRIPTOR, "ProjectService", "tasksvc"),
    _service(tasks_pb2.DESCRIPTOR, "TaskService", "tasksvc"),
    _service(comments_pb2.DESCRIPTOR, "CommentService", "tasksvc"),
    _service(queues_pb2.DESCRIPTOR, "QueueService", "tasksvc"),
    _service(notifications_pb2.DESCRIPTOR, "NotificationService", "notifysvc"),
    _service(preferences_pb2.DESCRIPTOR, "PreferenceService", "notifysvc"),
    _service(deliveries_pb2.DESCRIPTOR, "DeliveryService", "notifysvc"),
    _service(webhooks_pb2.DESCRIPTOR, "WebhookService", "notifysvc"),
)
