"""Mails, and the way of one event."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cli.names import short
from cli.people import People
from cli.sdk import events, notifications
from cli.views.text import clock, fields, listing, one_line, safe

_STYLES = {notifications.DeliveryState.SENT: "green", notifications.DeliveryState.DEAD: "bold red"}


class DeliveryView:
    """The mails of notifications."""

    def card(self, mail: notifications.Delivery, /) -> Table:
        """One of them."""
        return self.table([mail])

    def table(self, shown: Sequence[notifications.Delivery], /) -> Table:
        """A line a mail."""
        table = listing("ID", "STATE", "TIME", "TRIES", "REASON", "TITLE", "REPLY")
        for each in shown:
            table.add_row(
                Text(short(each.id), style="dim"),
                _state(each),
                clock(each.end_time or each.next_time or each.create_time),
                str(each.tries),
                each.reason.name,
                Text(one_line(each.title)),
                Text(_told(each)),
            )
        return table


def delivery_line(mail: notifications.Delivery) -> Text:
    """A mail that was changed, on one line."""
    return Text.assemble((short(mail.id), "dim"), "  ", _state(mail), f"  {one_line(mail.title)}")


class ExplanationView:
    """The way of one event."""

    def __init__(self, people: People) -> None:
        self._people = people

    def card(self, told: notifications.Explanation, /) -> Table:
        """From the commit to the mail server's answer."""
        event, mail = told.event or events.Event(), told.mail
        by = f" by {self._people.name(event.actor_id)}" if event.actor_id else ""
        version = f"{event.task_id}, version {event.task_version}" if event.task_version else event.task_id
        return fields(
            [
                ("Event", event.event_id),
                ("Commit", f"{clock(event.time, seconds=True)}  {event.type}{by}"),
                ("Task", version),
                ("Stream", _stream(told)),
                ("Inboxes", clock(told.effect_time, seconds=True) or "nothing yet, or nothing to bring"),
                ("Concerns you", told.reason.name if told.reason else "no"),
                ("Your inbox", _inbox(told)),
                ("Seen by", "\n".join(f"{each.device}  {clock(each.time, seconds=True)}" for each in told.acks)),
                ("Your mail", _mail(mail) if mail else None),
                ("Message-ID", mail.message_id if mail else ""),
            ]
        )

    def table(self, shown: Sequence[notifications.Explanation], /) -> Table:
        """Never more than one."""
        return self.card(shown[0])


def _stream(told: notifications.Explanation) -> str:
    if not told.stream_sequence:
        return "waits to be published"
    kept = "" if told.in_stream else ", not kept any more"
    return f"sequence {told.stream_sequence}{kept}"


def _inbox(told: notifications.Explanation) -> str:
    if not told.reason:
        return ""
    if not told.notification_id:
        return "nothing: not yet, or you had left the project"
    if not told.inbox:
        return f"not shown, as you want it; notification {short(told.notification_id)}"
    return f"{told.inbox.name}  notification {short(told.notification_id)}"


def _mail(mail: notifications.Delivery) -> Text:
    when = clock(mail.end_time, seconds=True) or f"until {clock(mail.next_time, seconds=True)}"
    line = Text.assemble(_state(mail), f"  {when}")
    if mail.tries:
        line.append(f"  {mail.tries} {'try' if mail.tries == 1 else 'tries'}")
    if mail.doubts:
        line.append(f"  perhaps sent {mail.doubts + 1} times")
    if told := _told(mail):
        line.append(f"  {told}")
    return line


def _state(mail: notifications.Delivery) -> Text:
    return Text(mail.state.name, style=_STYLES.get(mail.state, ""))


def _told(mail: notifications.Delivery) -> str:
    return safe(mail.reply) if not mail.hold else mail.hold.name
