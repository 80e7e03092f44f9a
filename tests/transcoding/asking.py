"""Asks a gateway what a case asks, and says in which points the outcome is not the expected one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from google.protobuf import text_format
from google.protobuf.message import Message
from yarl import URL

from tests.transcoding.cases import Case, Expected
from tests.transcoding.echo_types import message
from tests.transcoding.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request."""

    status: int
    body: str
    content_type: str
    calls: list[tuple[str, Message]]

    @property
    def json(self) -> Any:
        """The answer."""
        return json.loads(self.body)


async def ask(http: aiohttp.ClientSession, port: int, upstream: Upstream, case: Case) -> Outcome:
    """The outcome of a case's request."""
    upstream.calls.clear()
    upstream.answer = case.message
    url = URL(f"http://127.0.0.1:{port}{case.target}", encoded=True)
    body = None if case.body is None else case.body.encode()
    headers = {"Content-Type": case.content_type} if case.content_type else {}
    async with http.request(case.method, url, data=body, headers=headers) as response:
        text = await response.text()
        return Outcome(response.status, text, response.content_type, list(upstream.calls))


def mistakes(outcome: Outcome, expected: Expected) -> list[str]:
    """What is not as expected."""
    return [*_call_mistakes(outcome, expected), *_answer_mistakes(outcome, expected)]


def _call_mistakes(outcome: Outcome, expected: Expected) -> Iterator[str]:
    if outcome.status != expected.status:
        yield f"the status is {outcome.status}: {outcome.body}"
    if not expected.calls:
        if outcome.calls and expected.status != 200 and outcome.calls[0][0] != "Fail":  # which is asked for its status
            yield f"{outcome.calls} was called"
        return
    if [name for name, _ in outcome.calls] != [expected.calls]:
        yield f"{outcome.calls} was called: {outcome.body}"
        return
    [(_, request)] = outcome.calls
    # As text: NaN is NaN, and what is inside of an Any may be encoded in more than one way.
    asked = text_format.MessageToString(request, as_utf8=True)
    if asked != text_format.MessageToString(message(type(request), expected.request), as_utf8=True):
        yield f"it was asked:\n{asked}"


def _answer_mistakes(outcome: Outcome, expected: Expected) -> Iterator[str]:
    if expected.reason and f'"reason":"{expected.reason}"' not in outcome.body:
        yield f"the reason is not {expected.reason}: {outcome.body}"
    if expected.json:
        for name, value in json.loads(expected.json).items():
            if name not in outcome.json or outcome.json[name] != value:
                yield f"{name} is {outcome.json.get(name, 'absent')!r}"
    for name in expected.lacks:
        if name in outcome.json:
            yield f"{name} is there"
    if expected.whole and outcome.json != json.loads(expected.whole):
        yield f"the answer is {outcome.body}"
    if expected.raw is not None and outcome.body != expected.raw:
        yield f"the answer is {outcome.body}"
    if expected.type and outcome.content_type != expected.type:
        yield f"the type is {outcome.content_type}"
