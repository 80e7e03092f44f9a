"""Webhooks, and what they were to be sent."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cli.names import short
from cli.sdk import webhooks
from cli.views.text import clock, fields, listing, one_line


def _state(webhook: webhooks.Webhook) -> str:
    if webhook.disabled:
        return "disabled"
    if webhook.pause_time:
        return "paused"
    return "failing" if webhook.failing_since_time else "enabled"


class WebhookView:
    """Webhooks."""

    def card(self, webhook: webhooks.Webhook, /) -> Table:
        """All of one, with its secret if it is new."""
        return fields(
            [
                ("Address", webhook.url),
                ("Id", webhook.id),
                ("State", _state(webhook)),
                ("Events", " ".join(webhook.event_types) or "all"),
                ("Description", webhook.description),
                ("Takes nothing since", clock(webhook.failing_since_time)),
                ("Secret", webhook.secret),
                ("", "It isn't shown again: keep it now." if webhook.secret else ""),
            ]
        )

    def table(self, shown: Sequence[webhooks.Webhook], /) -> Table:
        """A line a webhook."""
        table = listing("ID", "STATE", "EVENTS", "ADDRESS")
        for webhook in shown:
            events = " ".join(webhook.event_types) or "all"
            table.add_row(Text(short(webhook.id), style="dim"), _state(webhook), events, Text(one_line(webhook.url)))
        return table


class DeliveryView:
    """What was to be sent."""

    def card(self, delivery: webhooks.Delivery, /) -> Table:
        """All of one."""
        return fields(
            [
                ("Id", delivery.id),
                ("Event", f"{delivery.event_type} {delivery.event_id}"),
                ("State", delivery.state.name or ""),
                ("Attempts", str(delivery.attempts)),
                ("Next", clock(delivery.next_attempt_time)),
                ("Last answer", one_line(f"{delivery.last_status or ''} {delivery.last_answer}")),
            ]
        )

    def table(self, shown: Sequence[webhooks.Delivery], /) -> Table:
        """A line each."""
        table = listing("ID", "CAME", "EVENT", "STATE", "ATTEMPTS", "NEXT", "LAST ANSWER")
        for each in shown:
            table.add_row(
                Text(short(each.id), style="dim"),
                clock(each.create_time),
                each.event_type,
                each.state.name,
                str(each.attempts),
                clock(each.next_attempt_time),
                Text(one_line(f"{each.last_status or ''} {each.last_answer}")),
            )
        return table


class TestView:
    """What came back."""

    def card(self, answer: webhooks.TestWebhookResponse, /) -> Table:
        """Whether it was taken, and what was said."""
        return fields(
            [
                ("Taken", "yes" if answer.delivered else "no"),
                ("Status", str(answer.status or "")),
                ("Answer", one_line(answer.answer)),
            ]
        )

    def table(self, answers: Sequence[webhooks.TestWebhookResponse], /) -> Table:
        """There is only one."""
        return self.card(answers[0])
