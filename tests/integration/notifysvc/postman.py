"""An SMTP server that answers as a test says."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.ports import HOST, free_port


class Postman:
    """Takes mails once it is started, and notes them."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answers: list[str] = []
        """To the next mails; after them, all are taken."""
        self.taken: list[EmailMessage] = []
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(self, hostname=HOST, port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def next(self, within: float = 20.0) -> EmailMessage:
        """The next mail that is taken."""
        async with asyncio.timeout(within):
            while not self.taken:
                self._came.clear()
                await self._came.wait()
        return self.taken.pop(0)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self._loop.call_soon_threadsafe(self._came.set)  # the controller has a thread of its own
        return "250 taken"
