"""notifysvc, killed when an event has had its effect and is not acknowledged yet."""

import os
import signal
from collections.abc import Sequence

from nats.aio.msg import Msg

from notifysvc import consumer
from notifysvc.__main__ import main


async def die(messages: Sequence[Msg]) -> None:
    """In the place of the acknowledgement."""
    assert messages
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    consumer._acknowledge = die
    main()
