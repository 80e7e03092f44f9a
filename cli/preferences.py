"""`taskbell preferences`: what you are told, where, and when."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from typer.core import TyperGroup

from cli import sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command

if TYPE_CHECKING:
    from cli.api.taskbell.notifications.v1 import NotificationReason, PreferenceRule, Preferences


class _Showing(TyperGroup):
    """`taskbell preferences` is `taskbell preferences show`, options and all."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # click's own
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="What you are told, where, and when.", cls=_Showing)


class Digest(StrEnum):
    """How often a digest comes."""

    OFF = "off"
    HOURLY = "hourly"
    DAILY = "daily"


class Setting(StrEnum):
    """What can go back to its default."""

    TIME_ZONE = "time-zone"
    LANGUAGE = "language"
    QUIET = "quiet"
    DIGEST = "digest"
    DIGEST_HOUR = "digest-hour"
    RULES = "rules"


_FIELDS: Final = {each: each.replace("-", "_") for each in Setting} | {Setting.QUIET: "quiet_hours"}
_EVERY: Final = "all"
T = TypeVar("T")
_INBOX: Final = {"on": True, "off": False}


@command(app)
async def show(cli: Cli) -> None:
    """Shows your preferences."""
    _print(cli, await _get(cli))


@command(app, "set")
async def set_(
    cli: Cli,
    *,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Where your day is, such as Europe/Moscow.")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="Of mails: en or ru.")] = None,
    quiet: Annotated[
        str | None, typer.Option("--quiet", help="When no mail is to come, such as 22:00-07:00 of your day.")
    ] = None,
    digest: Annotated[
        Digest | None, typer.Option("--digest", case_sensitive=False, help="How often a digest comes.")
    ] = None,
    digest_hour: Annotated[
        int | None, typer.Option("--digest-hour", help="The hour of your day at which a daily digest comes: 0 to 23.")
    ] = None,
    inbox: Annotated[
        list[str] | None,
        typer.Option(
            "--inbox", metavar="REASON=on|off", help="Whether it is in your inbox; `all` for REASON; may be repeated."
        ),
    ] = None,
    mail: Annotated[
        list[str] | None,
        typer.Option(
            "--mail",
            metavar="REASON=instant|digest|off",
            help="Whether and when a mail comes, such as assigned=digest; `all` for REASON; may be repeated.",
        ),
    ] = None,
    clear: Annotated[
        list[Setting] | None, typer.Option("--clear", help="Back to the default; may be repeated.")
    ] = None,
) -> None:
    """Changes what is named, and nothing else."""
    changed = sdk.notifications.Preferences()
    mask = [_FIELDS[each] for each in clear or []]
    for name, value in (("time_zone", time_zone), ("language", language), ("digest_hour", digest_hour)):
        if value is not None:
            setattr(changed, name, value)
            mask.append(name)
    if quiet is not None:
        changed.quiet_hours = _quiet_hours(quiet)
        mask.append("quiet_hours")
    if digest is not None:
        changed.digest = sdk.notifications.PreferencesDigest[digest.name]
        mask.append("digest")
    if inbox or mail:
        known = await _get(cli)
        # The rules are replaced as a whole: not those that somebody else has changed meanwhile.
        changed.rules, changed.etag = _ruled(known.rules, inbox or [], mail or []), known.etag
        mask.append("rules")
    if not mask:
        raise UsageProblem("there is nothing to change: name the preferences that are to be others")
    if len({*mask}) < len(mask):
        raise UsageProblem("a preference can't be set and cleared at once")
    request = sdk.notifications.UpdatePreferencesRequest(
        preferences=changed, update_mask=sdk.google.FieldMask(paths=mask)
    )
    _print(cli, await cli.client.preferences.update_preferences(request))


def _quiet_hours(text: str) -> "sdk.notifications.QuietHours":
    start, dash, end = text.partition("-")
    if not dash:
        raise UsageProblem(f"{text!r} is no part of a day", hint="write it like 22:00-07:00")
    return sdk.notifications.QuietHours(start=start.strip(), end=end.strip())


def _ruled(rules: "list[PreferenceRule]", inbox: list[str], mail: list[str]) -> "list[PreferenceRule]":
    ways = {each.name.lower(): each for each in sdk.notifications.PreferenceRuleEmail if each.value}
    for rule in rules:
        for said in inbox:
            reasons, shown = _said(said, _INBOX)
            if rule.reason in reasons:
                rule.inbox = shown
        for said in mail:
            reasons, way = _said(said, ways)
            if rule.reason in reasons:
                rule.email = way
    return rules


def _said(text: str, values: dict[str, T]) -> "tuple[list[NotificationReason], T]":
    """What `assigned=off` names, and what it says of it."""
    name, _, value = text.lower().partition("=")
    known = {each.name.lower(): each for each in sdk.notifications.NotificationReason if each.value}
    if name != _EVERY and name.replace("-", "_") not in known:
        raise UsageProblem(f"{name!r} is no reason", hint=f"there are {', '.join(known)}, and {_EVERY}")
    if value not in values:
        raise UsageProblem(f"{text!r} says nothing", hint=f"write {name}={'|'.join(values)}")
    return list(known.values()) if name == _EVERY else [known[name.replace("-", "_")]], values[value]


async def _get(cli: Cli) -> "Preferences":
    return await cli.client.preferences.get_preferences(sdk.notifications.GetPreferencesRequest())


def _print(cli: Cli, preferences: "Preferences") -> None:
    from cli.views.preferences import PreferencesView

    cli.output.item(preferences, PreferencesView())
