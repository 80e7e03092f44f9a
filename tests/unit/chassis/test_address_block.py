import pytest

from chassis.address_block import address_block


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("", ""),
        ("a socket's path", "a socket's path"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address, block):
    assert address_block(address) == block
