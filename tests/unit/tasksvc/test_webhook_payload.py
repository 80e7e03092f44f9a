"""What a webhook's payload may say."""

import re
from typing import Any

import pytest

from tasksvc.handlers import GiveUp
from tasksvc.workers.webhook_payload import read_delivery

URL = "https://example.com/hooks/1?room=2"


def test_the_body_is_sent_as_the_json_that_it_was_created_with() -> None:
    delivery = read_delivery({"url": URL, "headers": {"X-Room": "2"}, "body": {"n": 3, "половина": [0.5, None, "Ω"]}})
    assert str(delivery.url) == URL
    assert delivery.headers == {"X-Room": "2"}
    assert delivery.body.decode() == '{"n":3,"половина":[0.5,null,"Ω"]}'


@pytest.mark.parametrize(("body", "sent"), [([1, 2], "[1,2]"), ("text", '"text"'), (None, "null"), (False, "false")])
def test_the_body_may_be_any_json(body: Any, sent: str) -> None:
    assert read_delivery({"url": URL, "body": body}).body.decode() == sent


def test_only_the_address_is_needed() -> None:
    assert read_delivery({"url": "http://example.com"}).body == b"{}"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({}, "payload.url: is missing"),
        ({"url": 5}, "payload.url: 5 must be an http or https address"),
        ({"url": ""}, "payload.url: '' must be"),
        ({"url": "example.com/hook"}, "payload.url: 'example.com/hook' must be"),
        ({"url": "ftp://example.com/"}, "payload.url: 'ftp://example.com/' must be"),
        ({"url": "file:///etc/passwd"}, "payload.url: 'file:///etc/passwd' must be"),
        ({"url": "http://"}, "payload.url: 'http://' must be"),
        ({"url": "http://example.com:0/"}, "payload.url: 'http://example.com:0/' must be"),
        ({"url": "http://example.com:99999/"}, "payload.url: 'http://example.com:99999/' must be"),
        ({"url": "http://[::1/"}, "payload.url: 'http://[::1/' must be"),
        ({"url": "http://ann:secret@example.com/"}, "payload.url: must not have a username or password"),
        ({"url": "http://example.com/" + "a" * 2048}, "payload.url: "),
        ({"url": URL, "method": "GET"}, "payload.method: 'GET' is no field of a webhook: there are url, headers, body"),
        ({"url": URL, "headers": ["a"]}, "payload.headers: ['a'] must be an object of at most 32 headers"),
        ({"url": URL, "headers": {str(n): "" for n in range(33)}}, "payload.headers: "),
        ({"url": URL, "headers": {"a b": ""}}, "payload.headers: 'a b' is no name of a header"),
        ({"url": URL, "headers": {"a\r\nb": ""}}, "payload.headers: 'a\\r\\nb' is no name of a header"),
        ({"url": URL, "headers": {"Host": "x"}}, "payload.headers: 'Host' is a header that Taskbell sets itself"),
        ({"url": URL, "headers": {"Webhook-Id": "x"}}, "payload.headers: 'Webhook-Id' is a header that"),
        ({"url": URL, "headers": {"X": 5}}, "payload.headers.X: 5 must be up to 4096 printable ASCII characters"),
        ({"url": URL, "headers": {"X": "a\r\nY: b"}}, "payload.headers.X: 'a\\r\\nY: b' must be"),
    ],
)
def test_a_bad_payload_names_the_field_the_value_and_what_is_allowed(payload: dict[str, Any], told: str) -> None:
    with pytest.raises(GiveUp, match=re.escape(told)):
        read_delivery(payload)
