import pytest

from chassis.client import METADATA, Client, Clients, introduction
from chassis.proxies import networks

KEY = "a key that the services share"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:3333", "192.0.2.7"),
        ("ipv6:%5B2001:db8::1%5D:3333", "2001:db8::1"),
        ("ipv6:[::1]:3333", "::1"),
        ("unix:/run/taskbell.sock", ""),
        ("", ""),
    ],
)
def test_who_calls_directly_is_told_by_its_peer(peer: str, address: str) -> None:
    assert Clients(KEY).of([("user-agent", "grpcurl/1.9")], peer) == Client("grpcurl/1.9", address)
    assert Clients(KEY).of(None, peer) == Client("", address)


def test_a_service_is_believed_whom_it_calls_for() -> None:
    client = Client("Firefox", "192.0.2.7")
    assert Clients(KEY).of([introduction(client, KEY)], "ipv4:127.0.0.1:1") == client


@pytest.mark.parametrize(
    "change", [lambda raw: raw[:-1] + b"]", lambda raw: raw[1:], lambda _: b"", lambda _: b"x" * 40]
)
def test_an_introduction_that_was_changed_is_none(change) -> None:
    _, raw = introduction(Client("Firefox", "192.0.2.7"), KEY)
    assert Clients(KEY).of([(METADATA, change(raw))], "ipv4:127.0.0.1:1") == Client("", "127.0.0.1")


def test_a_proxy_of_ours_is_believed_whom_it_calls_for_and_nobody_else() -> None:
    clients = Clients(KEY, networks("10.0.0.0/8"))
    said = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.7")]
    assert clients.of(said, "ipv4:10.0.0.1:1").address == "192.0.2.7"
    assert clients.of(said, "ipv4:198.51.100.1:1").address == "198.51.100.1"
    assert Clients(KEY).of(said, "ipv4:10.0.0.1:1").address == "10.0.0.1"
