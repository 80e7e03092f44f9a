"""The SDK's client: typed calls to Taskbell over gRPC, signed, repeated where that is safe, failing with typed errors.

async with Client(token="tb_...") as client:
    task = await client.tasks.create_task(CreateTaskRequest(task=Task(title="milk")))
"""

import json
import os
from types import TracebackType
from typing import Final, Self

# gRPC's own log lines would stand between a command's answers.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc.aio

from chassis.renewed_channel import RenewedChannel
from chassis.tls import Tls
from cli.api.taskbell.accounts.v1 import AccountServiceStub
from cli.api.taskbell.comments.v1 import CommentServiceStub
from cli.api.taskbell.notifications.v1 import DeliveryServiceStub, NotificationServiceStub, PreferenceServiceStub
from cli.api.taskbell.projects.v1 import ProjectServiceStub
from cli.api.taskbell.queues.v1 import QueueServiceStub
from cli.api.taskbell.tasks.v1 import TaskServiceStub
from cli.api.taskbell.webhooks.v1 import WebhookServiceStub
from cli.credentials import Credentials, FixedToken
from cli.transport import Transport

# What can be repeated after UNAVAILABLE: reads, and whatever carries a request id, as each change does. Left out
# are the accounts' calls that spend a token or make a secret, and those that take a queue's tasks.
_REPEATABLE: Final = [
    {"service": "taskbell.tasks.v1.TaskService"},
    {"service": "taskbell.comments.v1.CommentService"},
    {"service": "taskbell.projects.v1.ProjectService"},
    {"service": "taskbell.notifications.v1.NotificationService"},
    {"service": "taskbell.notifications.v1.DeliveryService"},
    *(
        {"service": "taskbell.notifications.v1.PreferenceService", "method": method}
        for method in ("GetPreferences", "UpdatePreferences")
    ),
    *(
        {"service": "taskbell.webhooks.v1.WebhookService", "method": method}
        for method in ("ListWebhooks", "GetWebhook", "ListDeliveries")
    ),
    *(
        {"service": "taskbell.accounts.v1.AccountService", "method": method}
        for method in ("RegisterUser", "GetUser", "LogIn", "ListTokens", "GetJwks")
    ),
    *(
        {"service": "taskbell.queues.v1.QueueService", "method": method}
        for method in (
            *("ListQueues", "GetQueue", "UpdateQueue", "PauseQueue", "ResumeQueue"),
            *("CompleteLease", "FailLease", "ReleaseLease"),
        )
    ),
]
_SERVICE_CONFIG: Final = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": _REPEATABLE,
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2.5,
                # CANCELLED: the server stops, and will not begin with the call.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ],
}
_OPTIONS: Final = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    # A stream over a dead network would wait for ever.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A page may hold a thousand tasks.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", "taskbell-cli"),
)


class Client:
    """One connection to each of the two gRPC ports, and a typed stub for each service behind them."""

    def __init__(
        self,
        *,
        tasks_address: str = "127.0.0.1:50051",
        notify_address: str = "127.0.0.1:50052",
        token: str = "",
        credentials: Credentials | None = None,
        timeout: float = 10.0,
        tls: Tls | None = None,
    ) -> None:
        signed = credentials or FixedToken(token)
        self._tasks = _channel(tasks_address, tls)
        self._notify = _channel(notify_address, tls)
        self.accounts = _Accounts(self._tasks, signed, address=tasks_address, timeout=timeout)
        self.projects = _Projects(self._tasks, signed, self.accounts, address=tasks_address, timeout=timeout)
        self.tasks = _Tasks(self._tasks, signed, self.accounts, address=tasks_address, timeout=timeout)
        self.comments = _Comments(self._tasks, signed, self.accounts, address=tasks_address, timeout=timeout)
        self.queues = _Queues(self._tasks, signed, self.accounts, address=tasks_address, timeout=timeout)
        self.notifications = _Notifications(
            self._notify, signed, self.accounts, address=notify_address, timeout=timeout
        )
        self.preferences = _Preferences(self._notify, signed, self.accounts, address=notify_address, timeout=timeout)
        self.webhooks = _Webhooks(self._notify, signed, self.accounts, address=notify_address, timeout=timeout)
        self.deliveries = _Deliveries(self._notify, signed, self.accounts, address=notify_address, timeout=timeout)

    async def close(self) -> None:
        """Ends both connections, and the calls that are under way on them."""
        await self._tasks.close()
        await self._notify.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def _channel(address: str, tls: Tls | None) -> grpc.aio.Channel:
    if tls is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    return RenewedChannel(address, tls, _OPTIONS)


class _Accounts(Transport, AccountServiceStub):
    """AccountService over gRPC."""


class _Projects(Transport, ProjectServiceStub):
    """ProjectService over gRPC."""


class _Tasks(Transport, TaskServiceStub):
    """TaskService over gRPC."""


class _Comments(Transport, CommentServiceStub):
    """CommentService over gRPC."""


class _Queues(Transport, QueueServiceStub):
    """QueueService over gRPC."""


class _Notifications(Transport, NotificationServiceStub):
    """NotificationService over gRPC."""


class _Preferences(Transport, PreferenceServiceStub):
    """PreferenceService over gRPC."""


class _Webhooks(Transport, WebhookServiceStub):
    """WebhookService over gRPC."""


class _Deliveries(Transport, DeliveryServiceStub):
    """DeliveryService over gRPC."""
