"""Writes dashboards/*.json: what each panel asks Prometheus, said once and in few words.

python -m compose.grafana.generate    # after a change; a test sees to it that it was run
"""

import json
from pathlib import Path
from typing import Final

from compose.grafana.panels import Panel, delays, figure, graph, laid_out, or_none, quantile, rate

FOLDER: Final = Path(__file__).parent / "dashboards"
_SERVICES: Final = 'job=~"tasksvc|notifysvc|gatewaysvc"'
_SOON: Final = 'method!~".*/(Connect|Watch|Work|LeaseTasks)"'
"""Without calls that last as long as somebody wants."""
_HTTP_SOON: Final = 'route!~"/v1/events|/v1/queues/.*:lease"'
_CALLS: Final = "taskbell_grpc_requests_total"
_REQUESTS: Final = "taskbell_http_requests_total"
_OUR_FAULT: Final = 'code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DATA_LOSS"'
_HTTP_FAULT: Final = 'status=~"5.."'
_THROTTLED: Final = 'status="429"'


def calls(job: str) -> tuple[Panel, ...]:
    """Rate, errors, duration of a gRPC service, by method."""
    where = f'job="{job}"'
    return (
        graph("Calls", "reqps", (rate(_CALLS, "method", where), "{{method}}")),
        graph(
            "Refusals and failures",
            "reqps",
            (rate(_CALLS, "code", f'{where}, code!="OK"'), "{{code}}"),
        ),
        graph(
            "99 % of the calls take less than",
            "s",
            (quantile(0.99, "taskbell_grpc_duration_seconds", "method", f"{where}, {_SOON}"), "{{method}}"),
        ),
    )


def process(job: str) -> tuple[Panel, ...]:
    """What a service's processes use, replica by replica."""
    where = f'job="{job}"'
    delay = quantile(0.99, "taskbell_event_loop_delay_seconds", "instance", where)
    return (
        graph("CPU", "percentunit", (f"rate(process_cpu_seconds_total{{{where}}}[$__rate_interval])", "{{instance}}")),
        graph("Memory", "bytes", (f"process_resident_memory_bytes{{{where}}}", "{{instance}}")),
        graph(
            "Event loop late by (p99)",
            "s",
            (delay, "{{instance}}"),
            text="How much later than due a process gets to what it has to do. Beyond 0.1 s it has too much to do.",
        ),
        graph("Open files and sockets", "short", (f"process_open_fds{{{where}}}", "{{instance}}")),
    )


def connections(job: str) -> Panel:
    """How much of its pools a service uses."""
    where = f'job="{job}"'
    return graph(
        "Connections to PostgreSQL",
        "short",
        (f'taskbell_database_connections{{{where}, state="busy"}}', "{{instance}} {{pool}} busy"),
        (f"taskbell_database_connections_max{{{where}}}", "{{instance}} {{pool}} at most"),
    )


_HITS: Final = rate("taskbell_cache_hits_total", "kind")

DASHBOARDS: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "overview": (
        "Taskbell: overview",
        (
            figure("Alerts that fire", "short", 'count(ALERTS{alertstate="firing"}) or vector(0)'),
            figure("Replicas", "short", f"sum(up{{{_SERVICES}}})"),
            figure("Oldest event in the outbox", "s", "max(taskbell_outbox_oldest_waiting_age_seconds)"),
            figure("Oldest task for workers", "s", "max(taskbell_queue_oldest_waiting_age_seconds)"),
            figure("Oldest mail", "s", "max(taskbell_mails_oldest_waiting_age_seconds)"),
            figure("Live subscriptions", "short", "sum(taskbell_feed_subscribers)"),
            graph("HTTP requests", "reqps", (rate(_REQUESTS), "requests")),
            graph("gRPC calls", "reqps", (rate(_CALLS, "job"), "{{job}}")),
            graph(
                "Failures, of all",
                "percentunit",
                (f"{rate(_CALLS, 'job', _OUR_FAULT)} / {rate(_CALLS, 'job')}", "{{job}}"),
                (f"{or_none(rate(_REQUESTS, where=_HTTP_FAULT))} / {rate(_REQUESTS)}", "HTTP"),
            ),
            graph(
                "99 % of the answers take less than",
                "s",
                (quantile(0.99, "taskbell_grpc_duration_seconds", "job", _SOON), "{{job}}"),
                (quantile(0.99, "taskbell_http_duration_seconds", where=_HTTP_SOON), "HTTP"),
            ),
            graph("From commit to live streams", "s", *delays("taskbell_feed_delay_seconds")),
            graph("From commit to the mail server", "s", *delays("taskbell_mail_delay_seconds")),
            graph("CPU", "percentunit", (rate("process_cpu_seconds_total", "job", _SERVICES), "{{job}}")),
            graph("Memory", "bytes", (f"sum by (job) (process_resident_memory_bytes{{{_SERVICES}}})", "{{job}}")),
            graph(
                "Certificates end in",
                "s",
                ("min by (job, use) (taskbell_certificate_expiry_timestamp_seconds - time())", "{{job}} {{use}}"),
                text="Of processes that show a certificate.",
            ),
        ),
    ),
    "gatewaysvc": (
        "Taskbell: gateway",
        (
            graph("Requests", "reqps", (rate(_REQUESTS, "route, method"), "{{method}} {{route}}")),
            graph("Answers", "reqps", (rate(_REQUESTS, "status"), "{{status}}")),
            graph(
                "99 % of the answers take less than",
                "s",
                (quantile(0.99, "taskbell_http_duration_seconds", "route", _HTTP_SOON), "{{route}}"),
            ),
            graph(
                "Requests in flight", "short", ("sum by (instance) (taskbell_http_requests_in_flight)", "{{instance}}")
            ),
            graph("Open streams", "short", ("sum by (dialect) (taskbell_http_streams)", "{{dialect}}")),
            graph(
                "Turned away by rate limits",
                "reqps",
                (or_none(rate(_REQUESTS, where=_THROTTLED)), "429"),
            ),
            *process("gatewaysvc"),
        ),
    ),
    "tasksvc": (
        "Taskbell: tasksvc",
        (
            *calls("tasksvc"),
            connections("tasksvc"),
            graph(
                "Reads that the cache answers",
                "percentunit",
                (f"{_HITS} / ({_HITS} + {rate('taskbell_cache_misses_total', 'kind')})", "{{kind}}"),
            ),
            graph(
                "Stale puts refused",
                "ops",
                (rate("taskbell_cache_stale_puts_total", "instance"), "{{instance}}"),
                text="Writers that came with an older state than the cache had: refused, as they must be.",
            ),
            graph(
                "Cache trusted",
                "bool",
                ("taskbell_cache_trusted", "{{instance}}"),
                text="While it is not, everything is read from PostgreSQL.",
            ),
            graph("Events published", "ops", (rate("taskbell_outbox_published_total", "instance"), "{{instance}}")),
            graph("Partitions of the outbox", "short", ("taskbell_outbox_partitions", "{{instance}}")),
            *process("tasksvc"),
        ),
    ),
    "queues": (
        "Taskbell: queues",
        (
            graph("Tasks in queues", "short", ("sum by (state) (taskbell_queue_depth)", "{{state}}")),
            graph(
                "The oldest that may start",
                "s",
                ("max(taskbell_queue_oldest_waiting_age_seconds)", "age"),
                text="In queues that are not paused, without tasks that wait for a time, for others or for their key.",
            ),
            graph(
                "Workers",
                "short",
                ("max(taskbell_queue_workers)", "workers"),
                ("max(taskbell_queues_paused)", "paused queues"),
            ),
            graph("Leases", "ops", (rate("taskbell_queue_leases_total"), "taken")),
            graph("What became of them", "ops", (rate("taskbell_queue_answers_total", "outcome"), "{{outcome}}")),
            graph("Leases that ran out", "ops", (rate("taskbell_leases_expired_total", "outcome"), "{{outcome}}")),
            graph("From ready to leased", "s", *delays("taskbell_queue_wait_seconds")),
            graph("From lease to answer", "s", *delays("taskbell_queue_attempt_duration_seconds")),
            graph(
                "Handlers inside tasksvc",
                "ops",
                (rate("taskbell_handler_runs_total", "handler, outcome"), "{{handler}} {{outcome}}"),
            ),
            graph(
                "99 % of the handlers' attempts take less than",
                "s",
                (quantile(0.99, "taskbell_handler_duration_seconds", "handler"), "{{handler}}"),
            ),
            graph(
                "Streams of workers",
                "short",
                ('sum by (instance) (taskbell_grpc_streams{method=~".*/Work"})', "{{instance}}"),
            ),
            graph(
                "Done by itself",
                "ops",
                (rate("taskbell_series_looked_at_total", "outcome"), "recurrences {{outcome}}"),
                (rate("taskbell_deadlines_told_total", "event"), "{{event}}"),
                (rate("taskbell_retention_deleted_tasks_total"), "retention: deleted"),
                (rate("taskbell_purged_tasks_total"), "purge: removed"),
                (rate("taskbell_forgotten_unique_keys_total"), "unique keys: forgotten"),
            ),
        ),
    ),
    "delivery": (
        "Taskbell: delivery",
        (
            graph("Events waiting in the outbox", "short", ("max(taskbell_outbox_waiting_events)", "events")),
            graph("The oldest of them", "s", ("max(taskbell_outbox_oldest_waiting_age_seconds)", "age")),
            graph("From commit to the stream", "s", *delays("taskbell_outbox_lag_seconds")),
            graph(
                "Events that the stream had lost",
                "short",
                ("sum(increase(taskbell_outbox_lost_events_total[1h]))", "found and published again, an hour"),
            ),
            graph("Events in the stream", "short", ("max(taskbell_stream_events)", "events")),
            graph("Size of the stream", "bytes", ("max(taskbell_stream_bytes)", "size")),
            graph(
                "Events on the way to inboxes",
                "short",
                ("max(taskbell_consumer_pending)", "not begun"),
                ("max(taskbell_consumer_unacknowledged)", "begun"),
                ("max(taskbell_consumer_redelivered)", "begun again"),
            ),
            graph(
                "Events taken for inboxes", "ops", (rate("taskbell_consumer_events_total", "outcome"), "{{outcome}}")
            ),
            graph("From commit to inboxes", "s", *delays("taskbell_consumer_delay_seconds")),
            graph("From commit to live streams", "s", *delays("taskbell_feed_delay_seconds")),
            graph(
                "Live streams behind by",
                "short",
                ("scalar(max(taskbell_stream_last_sequence)) - taskbell_feed_position", "{{instance}}"),
            ),
            graph("Readers of the stream", "short", ("max(taskbell_stream_consumers)", "consumers")),
            graph("Mails", "ops", (rate("taskbell_mails_total", "outcome"), "{{outcome}}")),
            graph(
                "Mails that wait",
                "short",
                ("max(taskbell_mails_waiting)", "mails"),
            ),
            graph("From commit to the mail server", "s", *delays("taskbell_mail_delay_seconds")),
            graph("Requests to webhooks", "ops", (rate("taskbell_webhook_attempts_total", "outcome"), "{{outcome}}")),
            graph("From commit to webhooks", "s", *delays("taskbell_webhook_delay_seconds")),
            graph(
                "Webhooks that wait",
                "short",
                ("max(taskbell_webhook_deliveries_waiting)", "requests to be made"),
                ("max(taskbell_webhooks_failing)", "webhooks that took nothing last"),
            ),
            graph(
                "The oldest request to a webhook that could be made",
                "s",
                ("max(taskbell_webhook_oldest_due_age_seconds)", "age"),
            ),
        ),
    ),
    "notifysvc": (
        "Taskbell: notifysvc",
        (
            *calls("notifysvc"),
            graph("Subscriptions", "short", ("taskbell_feed_subscribers", "{{instance}}")),
            graph("Open streams", "short", ('sum by (method) (taskbell_grpc_streams{job="notifysvc"})', "{{method}}")),
            graph(
                "Events given to subscribers", "ops", (rate("taskbell_feed_events_total", "instance"), "{{instance}}")
            ),
            graph(
                "Slow subscribers",
                "ops",
                (rate("taskbell_feed_overtaken_total", "instance"), "{{instance}}"),
                text="Those that lost their buffer, and read the stream again at their own pace.",
            ),
            connections("notifysvc"),
            *process("notifysvc"),
        ),
    ),
}


def dashboard(name: str) -> str:
    """The file."""
    title, panels = DASHBOARDS[name]
    links = [{"type": "dashboards", "title": "Taskbell", "tags": ["taskbell"], "asDropdown": True, "includeVars": True}]
    model = {
        "uid": f"taskbell-{name}",
        "title": title,
        "tags": ["taskbell"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "links": links,
        "panels": list(laid_out(panels)),
    }
    return json.dumps(model, indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in DASHBOARDS:
        (FOLDER / f"{each}.json").write_text(dashboard(each), "utf-8")
