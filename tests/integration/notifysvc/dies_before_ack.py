"""notifysvc, killed when an event has had its effect and is not acknowledged yet."""

import asyncio
import os
import signal
from collections.abc import Sequence

from nats.aio.msg import Msg

from notifysvc import consumer
from notifysvc.__main__ import main
from notifysvc.mailer import Mailer


async def die(messages: Sequence[Msg]) -> None:
    """In the place of the acknowledgement."""
    assert messages
    os.kill(os.getpid(), signal.SIGKILL)


async def leave_the_mails(_mailer: Mailer, stopping: asyncio.Event) -> None:
    """In the place of sending them: a mail that was claimed would come only when its lease is over."""
    await stopping.wait()


if __name__ == "__main__":
    consumer._acknowledge = die
    Mailer.run = leave_the_mails  # type: ignore[method-assign, assignment]  # a method is replaced
    main()
