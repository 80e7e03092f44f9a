"""What becomes of a notification, by the preferences of whom it is for. Decided when it is made, and kept with it."""

from datetime import datetime
from enum import IntEnum
from typing import Final, NamedTuple

from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.notifications.v1.preferences_pb2 import PreferenceRule

from notifysvc.concerned import Reason
from notifysvc.preferences import Preferences

NOT_SHOWN: Final = 4
"""The state of a notification that its person doesn't want in the inbox: kept to tell why, and no public one."""


class State(IntEnum):
    """How far a mail is."""

    WAITING = 1
    SENT = 2
    DEAD = 3
    GATHERED = 4
    """It waits for a digest or, with `digest`, is told by it."""
    WITHHELD = 5
    """It is not sent."""
    DIGEST = 6
    """It waits, and tells of all whose `digest` it is."""


class Hold(IntEnum):
    """Why a mail waits, or isn't sent, though nothing went wrong. As Delivery.Hold."""

    NONE = 0
    RATE_LIMIT = 1
    RULE = 2
    QUIET_HOURS = 3
    DIGEST = 4
    NO_ADDRESS = 5
    NOT_A_MEMBER = 6


class Fate(NamedTuple):
    """Columns of the notification and of its mail."""

    inbox: int
    mail: State
    due: datetime
    hold: Hold


def fate(preferences: Preferences, reason: Reason, now: datetime) -> Fate:
    """What becomes of a notification made now. Quiet hours are looked at when its mail is due."""
    rule = preferences.rule(reason)
    inbox = Notification.UNREAD if rule.inbox else NOT_SHOWN
    match rule.email:
        case PreferenceRule.OFF:
            return Fate(inbox, State.WITHHELD, now, Hold.RULE)
        case PreferenceRule.DIGEST:
            return Fate(inbox, State.GATHERED, preferences.next_digest(now), Hold.DIGEST)
    return Fate(inbox, State.WAITING, now, Hold.NONE)
