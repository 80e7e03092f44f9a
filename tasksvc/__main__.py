"""tasksvc's process: `serve` (or nothing), `migrate`, `restored`. Here, and only here, everybody is introduced."""

from pathlib import Path
from typing import Final

from taskbell.accounts.v1 import accounts_pb2, accounts_pb2_grpc
from taskbell.comments.v1 import comments_pb2, comments_pb2_grpc
from taskbell.events.v1 import ledger_pb2, ledger_pb2_grpc
from taskbell.projects.v1 import projects_pb2, projects_pb2_grpc
from taskbell.queues.v1 import queues_pb2, queues_pb2_grpc
from taskbell.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from chassis import jetstream, postgres, redis_link, shared_buckets
from chassis.cache import SCRIPTS, Cache
from chassis.client import Clients
from chassis.grpc_server import GrpcServer, Service
from chassis.outgoing import outgoing
from chassis.proxies import networks
from chassis.readings import Readings
from chassis.replays import Replays
from chassis.run import Worker, run
from chassis.service_command import check_migrated, run_service
from chassis.tls_settings import service_tls
from tasksvc.access_tokens import AccessTokens
from tasksvc.account_store import AccountStore
from tasksvc.accounts import AccountServicer
from tasksvc.announcer import Announcer
from tasksvc.attempts import Attempts
from tasksvc.authentication import Authentication
from tasksvc.cache import AccessCache, TaskCache
from tasksvc.cache_trust import CacheTrust
from tasksvc.comments import CommentServicer
from tasksvc.heartbeats import Heartbeats
from tasksvc.lease_store import LeaseStore
from tasksvc.leasing import Leasing
from tasksvc.ledger_servicer import LedgerServicer
from tasksvc.links import LinkStore
from tasksvc.measured_leases import MeasuredLeases
from tasksvc.memberships import Memberships
from tasksvc.outbox_bell import OutboxBell
from tasksvc.passwords import Passwords
from tasksvc.personal_projects import PersonalProjects
from tasksvc.project_store import ProjectStore
from tasksvc.projects import ProjectServicer
from tasksvc.queue_bell import QueueBell
from tasksvc.queue_figures import QueueFigures, SeenWorkers
from tasksvc.queue_store import QueueStore
from tasksvc.queues import QueueServicer
from tasksvc.readings import Reader
from tasksvc.relay import Relay
from tasksvc.restored import restored
from tasksvc.search import SETTINGS
from tasksvc.session_store import SessionStore
from tasksvc.settings import Settings
from tasksvc.signing_keys import kept_signing_keys
from tasksvc.task_access import TaskAccess
from tasksvc.tasks import TaskServicer
from tasksvc.trusted_cache import TrustedCache
from tasksvc.usernames import Usernames
from tasksvc.workers.due import Deadlines
from tasksvc.workers.handler_entry_points import with_installed
from tasksvc.workers.handler_pool import HandlerPool
from tasksvc.workers.purge import Purge
from tasksvc.workers.reaper import Reaper
from tasksvc.workers.recurrences import Recurrences
from tasksvc.workers.retention import Retention
from tasksvc.workers.webhook import NAME as WEBHOOK
from tasksvc.workers.webhook import Webhook

SCHEMA: Final = "tasksvc"
_OWN_POOL: Final = 3
_WORK_POOL: Final = 5
MIGRATIONS: Final = Path(__file__).parent / "sql" / "migrations"


async def serve(settings: Settings) -> None:
    """Connects, introduces, serves until told to stop."""
    async with (
        postgres.connect(settings.database_url, SCHEMA, settings.database_pool, **SETTINGS) as pool,
        # What must not wait behind calls: else a busy moment would cost the trust in the cache, and make itself longer.
        postgres.connect(settings.database_url, SCHEMA, _OWN_POOL, purpose="own") as own_pool,
        # Nor need what is done by itself wait behind calls.
        postgres.connect(settings.database_url, SCHEMA, _WORK_POOL, purpose="workers") as work_pool,
        redis_link.connect(settings.redis_url, [*SCRIPTS, *shared_buckets.SCRIPTS]) as redis,
        jetstream.connect(settings.nats_url, settings.stream_replicas) as bus,
        outgoing(allow_private=settings.webhook_allow_private == "on") as outside,
    ):
        await check_migrated(pool, SCHEMA, MIGRATIONS)
        service_key = settings.service_key.get_secret_value()
        trust = CacheTrust(own_pool, redis)
        cache = TrustedCache(Cache(redis), trust)
        bell = OutboxBell(bus)
        task_cache = TaskCache(cache)
        queue_bell = QueueBell(bus)
        announcer = Announcer(task_cache, bell, queue_bell)
        access_cache = AccessCache(cache, task_cache.foresee)
        memberships = Memberships(pool, access_cache, access_token_lifetime=settings.access_token_lifetime)
        keys = settings.signing_keys() or await kept_signing_keys(pool)
        access_tokens = AccessTokens(keys, settings.access_token_lifetime)
        authentication = Authentication(access_tokens, memberships)
        replays = Replays(pool, key=service_key, lifetime=settings.request_id_lifetime)
        sessions = SessionStore(pool, memberships, bell, lifetime=settings.refresh_token_lifetime)
        accounts = AccountServicer(
            AccountStore(pool, confirms=settings.confirm_on_register == "on"),
            sessions,
            LinkStore(pool, key=service_key),
            attempts=Attempts(redis, limited=settings.rate_limits == "on"),
            passwords=Passwords(settings.password_hashing),
            access_tokens=access_tokens,
            authentication=authentication,
            memberships=memberships,
            replays=replays,
            bell=bell,
            clients=Clients(service_key, networks(settings.trusted_proxies)),
        )
        webhook_secrets = settings.webhook_secrets()
        projects = ProjectServicer(ProjectStore(pool), memberships, replays, bell, webhook_secrets)
        task_access = TaskAccess(memberships, PersonalProjects(pool))
        tasks = TaskServicer(pool, task_access, task_cache, replays, announcer)
        comments = CommentServicer(pool, task_access, replays, bell)
        leases = MeasuredLeases(pool)
        heartbeats = Heartbeats(LeaseStore(own_pool))
        seen_workers = SeenWorkers(pool)
        figures = QueueFigures(pool)
        queues = QueueServicer(
            QueueStore(pool),
            figures,
            leases,
            Leasing(pool, leases, announcer, seen_workers),
            announcer,
            access=task_access,
            authentication=authentication,
            usernames=Usernames(pool),
            replays=replays,
            bell=queue_bell,
            heartbeats=heartbeats,
        )
        pools: list[HandlerPool] = []
        if settings.handlers == "on":
            webhook = Webhook(outside, webhook_secrets)
            pools.append(
                HandlerPool(
                    pool,
                    leases,
                    with_installed({WEBHOOK: webhook.handle}),
                    announcer=announcer,
                    bell=queue_bell,
                    heartbeats=heartbeats,
                    seen=seen_workers,
                    concurrency=settings.handler_concurrency,
                    grace=settings.grace,
                )
            )
        server = GrpcServer(
            [
                Service.of(accounts_pb2.DESCRIPTOR, accounts_pb2_grpc, accounts),
                Service.of(projects_pb2.DESCRIPTOR, projects_pb2_grpc, projects),
                Service.of(tasks_pb2.DESCRIPTOR, tasks_pb2_grpc, tasks),
                Service.of(comments_pb2.DESCRIPTOR, comments_pb2_grpc, comments),
                Service.of(ledger_pb2.DESCRIPTOR, ledger_pb2_grpc, LedgerServicer(pool)),
                Service.of(queues_pb2.DESCRIPTOR, queues_pb2_grpc, queues),
            ],
            host=settings.host,
            port=settings.tasks_port,
            authenticate=authentication.authenticate,
            service_key=service_key,
            connection_age=settings.connection_age,
            tls=service_tls(settings, "server"),
        )
        await run(
            server,
            trust,
            bell,
            queue_bell,
            queues,
            heartbeats,
            seen_workers,
            figures,
            replays,
            sessions,
            *pools,
            *(_housekeepers(work_pool, announcer, settings) if settings.workers == "on" else ()),
            *([Relay(own_pool, bus, bell, task_cache, access_cache)] if settings.relay == "on" else ()),
            Readings(Reader(work_pool).read),
            settings=settings,
        )


def _housekeepers(pool: postgres.Pool, announcer: Announcer, settings: Settings) -> tuple[Worker, ...]:
    """Who does what is done by itself."""
    return (
        Reaper(MeasuredLeases(pool), announcer),
        Deadlines(pool, announcer, ahead=settings.due_soon),
        Recurrences(pool, announcer),
        Retention(pool, announcer),
        Purge(pool, announcer, kept=settings.deleted_retention),
    )


def main() -> None:
    """The command line."""
    run_service(
        SCHEMA, MIGRATIONS, Settings, serve, restored=restored, description="Taskbell's users, projects and tasks."
    )


if __name__ == "__main__":
    main()
