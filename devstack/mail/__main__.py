"""`python -m devstack.mail`: serves the inbox until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Final

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.mail.app import app
from devstack.mail.inbox import Inbox

LARGEST: Final = 32 * 1024 * 1024


class Delivery:
    """Puts what the SMTP server takes into the inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Kept before it is acknowledged: a sender told 250 may forget the mail."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        return f"250 2.0.0 Ok: queued as {self._inbox.put(envelope.mail_from or '', envelope.rcpt_tos, raw)}"


async def serve(host: str, smtp_port: int, page_port: int, file: Path) -> None:
    """Both servers, until told to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    inbox = Inbox(file)
    delivery = Delivery(inbox)
    smtp = await loop.create_server(
        lambda: SMTP(
            delivery,
            hostname="taskbell",
            ident="Taskbell mail",
            enable_SMTPUTF8=True,
            data_size_limit=LARGEST,
            loop=loop,
        ),
        host,
        smtp_port,
    )
    runner = web.AppRunner(app(inbox), access_log=None)
    await runner.setup()
    # The page last: its /readyz speaks for both.
    await web.TCPSite(runner, host, page_port, shutdown_timeout=1).start()
    await stopping.wait()
    smtp.close()
    await runner.cleanup()
    inbox.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m devstack.mail", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--page-port", type=int, default=8025)
    parser.add_argument("--file", type=Path, default=Path("mail.sqlite"), help="where the mails are kept")
    given = parser.parse_args()
    asyncio.run(serve(given.host, given.smtp_port, given.page_port, given.file))


if __name__ == "__main__":
    main()
