import pytest

from chassis.errors import EtagMismatch
from chassis.etag import check_etag, etag


def test_an_etag_tells_every_state_of_every_resource_apart():
    assert len({etag("a", 1), etag("a", 2), etag("b", 1), etag("a1"), etag("a", "1", "")}) == 5
    assert etag("a", 1) == etag("a", 1)


def test_an_etag_is_short_and_needs_no_quoting():
    assert etag("0194e7a4-0000-7000-8000-000000000000", 2**31).isalnum()
    assert len(etag("a", 1)) <= 64


@pytest.mark.parametrize("given", ["", etag("a", 1)])
def test_the_current_etag_or_none_passes(given):
    check_etag(given, etag("a", 1))


def test_an_old_etag_is_refused_with_the_current_one_told():
    with pytest.raises(EtagMismatch) as caught:
        check_etag(etag("a", 1), etag("a", 2))
    assert caught.value.metadata == {"etag": etag("a", 2)}
