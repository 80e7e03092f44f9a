"""SIGTERM, Ctrl-C and the end of a terminal, as calls."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def signals_to(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """They call `stop`, twice at most: whoever presses Ctrl-C a third time ends the program as it is."""
    loop = asyncio.get_running_loop()
    ours = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        ours.append(signal.SIGHUP)
    heard = 0

    def on(number: signal.Signals) -> None:
        nonlocal heard
        heard += 1
        if heard > 1:
            let_go()
        stop(number)

    def let_go() -> None:
        for number in ours:
            loop.remove_signal_handler(number)

    for number in ours:
        loop.add_signal_handler(number, on, number)
    try:
        yield
    finally:
        let_go()
