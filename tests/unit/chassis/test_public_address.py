"""Which addresses tasksvc may be made to call."""

import pytest

from chassis.public_address import is_public


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::65"),
        *("::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),  # public ones in other clothes
    ],
)
def test_addresses_of_the_internet_are_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "::1", "::"),  # noqa: S104  # this machine
        *("10.0.0.1", "172.16.3.4", "192.168.1.1", "fd12:3456::1", "fec0::1"),  # private
        *("100.64.0.1", "100.100.100.200"),  # shared by carriers and clouds
        *("169.254.169.254", "fe80::1", "fe80::1%1", "fd00:ec2::254"),  # link-local, metadata
        *("224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1"),  # many, or nobody
        *("192.0.2.1", "198.18.0.1", "203.0.113.7", "2001:db8::1"),  # examples, benchmarks
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1"),  # IPv4 in IPv6
        *(
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
        ),  # translated, tunnelled
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        *("100::1", "4000::1", "5f00::1"),  # nobody's
    ],
)
def test_addresses_of_other_networks_are_not(address: str) -> None:
    assert not is_public(address)
