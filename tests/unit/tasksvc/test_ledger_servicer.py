from datetime import UTC, datetime
from uuid import UUID

import pytest

from tasksvc.ledger_servicer import _made


@pytest.mark.parametrize("year", [2026, 2039, 2040, 3000])
def test_an_event_is_looked_for_at_the_time_in_its_id(year):
    made = datetime(year, 11, 27, 5, 35, 58, tzinfo=UTC)
    assert _made(UUID(int=int(made.timestamp() * 1000) << 80 | 7 << 76)) == made


def test_an_id_that_holds_no_time_is_of_some_time():
    assert _made(UUID(int=2**128 - 1)).tzinfo is UTC
