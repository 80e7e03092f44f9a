"""Preferences in the database."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.notifications.v1.preferences_pb2 import PreferenceRule

from chassis.etag import check_etag, etag
from chassis.postgres import Executor, Pool
from notifysvc.preferences import Preferences, QuietHours, Rule
from notifysvc.statements import SQL

Change = Callable[[Preferences], Preferences]
_PLAIN: Final = ("time_zone", "language", "digest", "digest_hour")
_REASONS: Final = frozenset(Notification.Reason.keys())
DEFAULTS: Final = Preferences()


class PreferenceStore:
    """Everybody's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, user_id: str) -> Preferences:
        """One person's."""
        return (await preferences_of(self._pool, [UUID(user_id)])).get(UUID(user_id), DEFAULTS)

    async def change(self, user_id: str, change: Change, *, given_etag: str = "", request_id: str = "") -> Preferences:
        """Changes one person's, and what their waiting mails go by. Raises EtagMismatch, and what `change` raises."""
        person = UUID(user_id)
        async with self._pool.acquire() as connection, connection.transaction():
            before = _preferences(await connection.fetchrow(SQL["lock_preferences"], person))
            if request_id and before.request_id == request_id:
                return before  # the answer to the first of them was lost
            check_etag(given_etag, etag(user_id, before.version))
            after = replace(change(before), request_id=request_id)
            row = await connection.fetchrow(SQL["write_preferences"], person, *_columns(after))
            await connection.execute(SQL["withhold_mails"], person, after.reasons(PreferenceRule.OFF))
            await connection.execute(SQL["retime_digest"], person, after.next_digest(datetime.now(UTC)))
            return _preferences(row)


async def preferences_of(executor: Executor, people: Collection[UUID]) -> Mapping[UUID, Preferences]:
    """Those of these people who have ever said something."""
    rows = await executor.fetch(SQL["list_preferences"], list(people))
    return {row["user_id"]: _preferences(row) for row in rows}


def _preferences(row: Any) -> Preferences:
    said = {name: row[name] for name in _PLAIN if row[name] is not None}
    quiet = QuietHours(row["quiet_start"], row["quiet_end"]) if row["quiet_start"] else None
    rules = {
        Notification.Reason.Value(name): Rule(rule["inbox"], PreferenceRule.Email.Value(rule["email"]))
        for name, rule in row["rules"].items()
        if name in _REASONS
    }
    return Preferences(
        **said,
        quiet_hours=quiet,
        rules=rules,
        version=row["version"],
        request_id=row["request_id"],
        update_time=row["update_time"],
    )


def _columns(preferences: Preferences) -> list[Any]:
    plain = [getattr(preferences, name) for name in _PLAIN]
    plain = [value if value != getattr(DEFAULTS, name) else None for name, value in zip(_PLAIN, plain, strict=True)]
    quiet = preferences.quiet_hours
    rules = {
        Notification.Reason.Name(reason): {"inbox": rule.inbox, "email": PreferenceRule.Email.Name(rule.email)}
        for reason, rule in preferences.rules.items()
    }
    time_zone, language, digest, digest_hour = plain
    return [
        *(time_zone, language, quiet.start if quiet else None, quiet.end if quiet else None),
        *(digest, digest_hour, rules, preferences.request_id),
    ]
