"""notifysvc's process: `serve` (also when nothing is said) or `migrate`. Only here everybody is introduced."""

from pathlib import Path
from typing import Final

from taskbell.notifications.v1 import (
    deliveries_pb2,
    deliveries_pb2_grpc,
    notifications_pb2,
    notifications_pb2_grpc,
    preferences_pb2,
    preferences_pb2_grpc,
)
from taskbell.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from chassis import grpc_client, jetstream, postgres
from chassis.grpc_server import GrpcServer, Service
from chassis.outgoing import outgoing
from chassis.readings import Readings
from chassis.replays import Replays
from chassis.run import run
from chassis.service_command import check_migrated, run_service
from chassis.tls_settings import service_tls
from notifysvc import letter
from notifysvc.account_mails import AccountMails
from notifysvc.accounts import Accounts
from notifysvc.acks import Acks
from notifysvc.bell import Bell
from notifysvc.consumer import Consumer
from notifysvc.conversation import Hub
from notifysvc.deliveries import Deliveries
from notifysvc.delivery_servicer import DeliveryServicer
from notifysvc.effects import Effect
from notifysvc.event_ledger import EventLedger
from notifysvc.event_log import EventLog
from notifysvc.explainer import Explainer
from notifysvc.facets import Backfill
from notifysvc.feed import Feed
from notifysvc.gatherer import Gatherer
from notifysvc.inbox import Inbox
from notifysvc.janitor import Janitor
from notifysvc.mail_pace import MailPace
from notifysvc.mailer import Mailer
from notifysvc.mutes import Mutes
from notifysvc.notification_mails import NotificationMails
from notifysvc.preference_servicer import PreferenceServicer
from notifysvc.preference_store import PreferenceStore
from notifysvc.projects import Projects
from notifysvc.readings import readings_of_mails, readings_of_stream, readings_of_webhooks
from notifysvc.rights import Rights
from notifysvc.servicer import NotificationServicer
from notifysvc.settings import Settings
from notifysvc.smtp import SmtpLink
from notifysvc.tail import Tail
from notifysvc.tickets import Tickets
from notifysvc.unsubscribe_links import UnsubscribeLinks
from notifysvc.webhook_sender import WebhookSender
from notifysvc.webhook_store import WebhookStore
from notifysvc.webhook_upkeep import WebhookUpkeep
from notifysvc.webhooks import WebhookServicer

SCHEMA: Final = "notifysvc"
MIGRATIONS: Final = Path(__file__).parent / "sql" / "migrations"


async def serve(settings: Settings) -> None:
    """Connects, introduces, serves until told to stop. tasksvc and NATS may come up later, and go meanwhile."""
    service_key = settings.service_key.get_secret_value()
    tls = service_tls(settings, "server", "client")
    allow_private = settings.webhook_allow_private == "on"
    async with (
        postgres.connect(settings.database_url, SCHEMA, settings.database_pool) as pool,
        grpc_client.channel(settings.tasks_address, service_key=service_key, tls=tls) as tasksvc,
        jetstream.connect(settings.nats_url, settings.stream_replicas) as bus,
        outgoing(allow_private=allow_private) as outside,
    ):
        await check_migrated(pool, SCHEMA, MIGRATIONS)
        accounts = Accounts(tasksvc)
        bell = Bell(bus)
        sender = letter.sender(settings.mail_from, settings.public_url)
        smtp, pace = settings.smtp(), MailPace(pool, settings.mail_rate)
        links = UnsubscribeLinks(settings.public_url, settings.unsubscribe_keys())
        mails = NotificationMails(pool, accounts, sender, links)
        mailer = Mailer(mails, SmtpLink(smtp, sender.address.addr_spec), pace)
        account_mails = AccountMails(pool, accounts, sender)
        account_mailer = Mailer(account_mails, SmtpLink(smtp, sender.address.addr_spec), pace)
        webhook_secrets = settings.webhook_secrets()
        webhook_upkeep = WebhookUpkeep(pool, Projects(tasksvc), account_mailer.nudge)
        webhook_sender = WebhookSender(pool, outside, webhook_secrets, webhook_upkeep.nudge)
        replays = Replays(pool, key=service_key)
        webhooks = WebhookServicer(
            WebhookStore(pool), webhook_sender, webhook_secrets, outside, replays, allow_private=allow_private
        )
        effects = (
            Effect(account_mails.of, account_mailer.nudge),
            Effect(webhook_sender.of, webhook_sender.nudge),
            Effect(webhook_upkeep.of, webhook_upkeep.nudge),
        )
        inbox = Inbox(pool, effects)
        log = EventLog(bus)
        rights = Rights(accounts)
        mutes = Mutes(pool)
        feed = Feed(log, Tail(bus, log), rights, mutes)
        acks = Acks(pool)
        notifications = NotificationServicer(Hub(feed, rights, inbox, bell, acks), Tickets(pool))
        deliveries = Deliveries(pool, sender)
        explainer = Explainer(pool, EventLedger(tasksvc), log, acks, deliveries)
        server = GrpcServer(
            [
                Service.of(notifications_pb2.DESCRIPTOR, notifications_pb2_grpc, notifications),
                Service.of(
                    preferences_pb2.DESCRIPTOR,
                    preferences_pb2_grpc,
                    PreferenceServicer(PreferenceStore(pool), mutes, links),
                ),
                Service.of(
                    deliveries_pb2.DESCRIPTOR,
                    deliveries_pb2_grpc,
                    DeliveryServicer(deliveries, explainer, accounts, mailer.nudge),
                ),
                Service.of(webhooks_pb2.DESCRIPTOR, webhooks_pb2_grpc, webhooks),
            ],
            host=settings.host,
            port=settings.notify_port,
            authenticate=accounts.authenticate,
            service_key=service_key,
            connection_age=settings.connection_age,
            tls=tls,
        )
        consumer = Consumer(bus, log, inbox, bell, mailer)
        of_database = readings_of_mails(pool), readings_of_webhooks(pool)
        readings = map(Readings, (readings_of_stream(bus), *of_database))
        keepers = Janitor(pool), Backfill(pool), replays
        mailers = mailer, account_mailer, Gatherer(pool, mailer)
        await run(
            server,
            notifications,
            feed,
            rights,
            mutes,
            bell,
            acks,
            consumer,
            *mailers,
            webhook_sender,
            webhook_upkeep,
            *keepers,
            *readings,
            settings=settings,
        )


def main() -> None:
    """The command line."""
    run_service(SCHEMA, MIGRATIONS, Settings, serve, description="Taskbell's live events, inboxes and e-mails.")


if __name__ == "__main__":
    main()
