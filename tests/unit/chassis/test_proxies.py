import pytest

from chassis.proxies import networks, original_address

PROXIES = networks("10.0.0.0/8, 192.0.2.7,2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "192.0.2.7"], "198.51.100.1"),
        ("2001:db8::1", ["2001:db9::1"], "2001:db9::1"),
        # It comes to the proxy with an address that it made up.
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        # It comes past the proxy.
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        # A proxy's own request, and one from within.
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_a_client_is_known_by_the_nearest_address_that_is_no_proxy_of_ours(peer, forwarded, client):
    assert original_address(peer, forwarded, PROXIES) == client


def test_without_proxies_the_header_means_nothing():
    assert original_address("198.51.100.1", ["203.0.113.9"], []) == "198.51.100.1"
