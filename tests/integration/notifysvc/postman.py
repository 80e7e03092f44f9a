"""An SMTP server that answers as a test says."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.ports import HOST, free_port


class Postman:
    """Takes mails once it is started, and notes them."""

    def __init__(self, **options: Any) -> None:
        self.port = free_port()
        self.answers: list[str] = []
        """To the next mails; after them, all are taken."""
        self.refusals: dict[str, str] = {}
        """To recipients, by address."""
        self.patience = 0
        """How many mails it takes over one connection; 0: any number."""
        self.taken: list[EmailMessage] = []
        self.connections = 0
        self.before_answer: Callable[[], object] = list
        """What happens once a mail is taken and the sender does not know."""
        self.before_recipient: Callable[[], object] = list
        """What happens before it says whether it takes a mail for a recipient."""
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(self, hostname=HOST, port=self.port, **self._options)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def next(self, within: float = 60.0) -> EmailMessage:
        """The next mail that is taken."""
        async with asyncio.timeout(within):
            while not self.taken:
                self._came.clear()
                await self._came.wait()
        return self.taken.pop(0)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += session.host_name is None  # said again after STARTTLS
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        session.mails = getattr(session, "mails", 0) + 1  # type: ignore[attr-defined]  # ours to keep things in
        if self.patience and session.mails > self.patience:  # type: ignore[attr-defined]  # likewise
            return "421 enough for one connection"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.before_recipient()
        if answer := self.refusals.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.before_answer()
        self._loop.call_soon_threadsafe(self._came.set)  # the controller has a thread of its own
        return f"250 taken as number {len(self.taken)}"
