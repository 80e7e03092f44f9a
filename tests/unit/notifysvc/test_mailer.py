"""When a mail is tried again."""

import pytest

from notifysvc.mailer import pause
from notifysvc.smtp import NotNow, NotTaken, ServerAway


@pytest.mark.parametrize(("kind", "longest"), [(NotNow, 1800), (ServerAway, 60)])
def test_attempts_become_rarer_up_to_a_limit_of_their_kind(kind: type[NotTaken], longest: float) -> None:
    pauses = [pause(tries, kind) for tries in range(1, 1000)]
    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses == sorted(pauses)
    assert pauses[-1] == longest
