"""How an attempt has ended, and the answer that says so."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cli.sdk import google, queues

LARGEST_RESULT: Final = 256 * 1024
"""Bytes of JSON."""
_LONGEST_ERROR: Final = 8 * 1024
_LARGEST_MESSAGE: Final = 448 * 1024
"""Bytes of protobuf."""


@dataclass(frozen=True, slots=True)
class Completed:
    """It was done."""

    result: "google.Struct | None"
    size: int
    """Bytes that it takes in a message."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It went wrong."""

    error: str
    retryable: bool = True
    after: float | None = None
    """Seconds until the next attempt; as the queue says if None."""


@dataclass(frozen=True, slots=True)
class Released:
    """It was given back, and may start again after so many seconds."""

    after: float = 0.0


Outcome = Completed | Failed | Released


def completed(result: Any) -> Completed:
    """Done, with what a handler returned: a dict of what JSON can say, or None. Anything else raises an error."""
    if result is None:
        return Completed(None, 0)
    if not isinstance(result, dict):
        raise TypeError(f"a handler returns a dict or None, not {type(result).__name__}")
    text = json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    size = len(text.encode())
    if size > LARGEST_RESULT:
        raise ValueError(f"the result is {size:,} bytes of JSON: at most {LARGEST_RESULT:,} are allowed")
    # Through JSON, which makes tuples lists and all keys texts.
    struct = google.Struct.from_dict(json.loads(text))
    # Here and not on the stream, which is no place for errors.
    if (size := len(bytes(struct))) > _LARGEST_MESSAGE:
        raise ValueError(f"the result is {size:,} bytes of protobuf: at most {_LARGEST_MESSAGE:,} are allowed")
    return Completed(struct, size)


def answer(lease_id: str, outcome: Outcome) -> queues.Answer:
    """What the server is told."""
    match outcome:
        case Completed(result):
            return queues.Answer(complete=queues.CompleteLeaseRequest(lease_id=lease_id, result=result))
        case Failed(error, retryable, after):
            request = queues.FailLeaseRequest(lease_id=lease_id, error=shortened(error), retryable=retryable)
            request.retry_after = None if after is None else timedelta(seconds=after)
            return queues.Answer(fail=request)
        case Released(after):
            wait = timedelta(seconds=after) or None
            return queues.Answer(release=queues.ReleaseLeaseRequest(lease_id=lease_id, retry_after=wait))


def shortened(error: str) -> str:
    """As much of an error's text as a task keeps: its end, and nothing that a database refuses."""
    kept = error.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")
    # A character that was cut in two is left out.
    return kept[-_LONGEST_ERROR:].decode(errors="ignore")
