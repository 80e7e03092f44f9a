"""The connection to a mail server: real ones, with and without TLS and passwords."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import AuthResult, LoginPassword

from chassis.tls import TlsFiles
from devstack.ports import HOST
from notifysvc.smtp import NotNow, Refused, ServerAway, SmtpLink, SmtpServer
from tests.certificates import Authority
from tests.integration.notifysvc.postman import Postman

MAIL = b"Subject: bell\r\n\r\nIt rings.\r\n"
ANN = "ann@example.com"

Hire = Callable[..., Postman]
Reach = Callable[..., SmtpLink]


@pytest.fixture
def hire() -> Iterator[Hire]:
    """A mail server with these options of aiosmtpd."""
    with ExitStack() as stack:

        def start(**options: Any) -> Postman:
            postman = Postman(**options)
            postman.start()
            stack.callback(postman.stop)
            return postman

        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def reach() -> AsyncIterator[Reach]:
    """A link to a mail server."""
    links = []

    def open_link(postman: Postman, **how: Any) -> SmtpLink:
        links.append(SmtpLink(SmtpServer(HOST, postman.port, **how), "bell@example.org"))
        return links[-1]

    yield open_link
    for link in links:
        await link.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return Authority().issue(tmp_path_factory.mktemp("smtp"))


@pytest.fixture(scope="module")
def context(files: TlsFiles) -> ssl.SSLContext:
    """What the server shows."""
    assert files.certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    return context


def let_in(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=given == LoginPassword(b"bell", b"a secret"), handled=False)


async def ready() -> None:
    """What there is to do before the server is given a mail: nothing."""


LOCKED: dict[str, Any] = {"require_starttls": True, "auth_required": True, "authenticator": let_in}


async def test_mails_go_over_one_connection_and_the_servers_words_come_back(hire: Hire, reach: Reach) -> None:
    postman = hire()
    link = reach(postman)
    told = [await link.send(ANN, MAIL, ready) for _ in range(3)]
    assert told == [f"250 taken as number {number}" for number in (1, 2, 3)]
    assert postman.connections == 1


async def test_a_connection_that_the_server_has_closed_is_opened_anew(hire: Hire, reach: Reach) -> None:
    postman = hire()
    link = reach(postman)
    await link.send(ANN, MAIL, ready)
    postman.stop()
    with pytest.raises(ServerAway):
        await link.send(ANN, MAIL, ready)
    postman.start()
    await link.send(ANN, MAIL, ready)
    assert (len(postman.taken), postman.connections) == (2, 2)


async def test_a_server_may_want_a_new_connection_now_and_then(hire: Hire, reach: Reach) -> None:
    postman = hire()
    postman.patience = 2
    link = reach(postman)
    for number in range(1, 6):
        assert await link.send(ANN, MAIL, ready) == f"250 taken as number {number}"
    assert postman.connections == 3


@pytest.mark.parametrize(
    ("answer", "kind"), [("550 no such user", Refused), ("452 mailbox full", NotNow), ("421 too many", ServerAway)]
)
async def test_a_recipient_that_is_refused_costs_the_next_mail_nothing(
    hire: Hire, reach: Reach, answer: str, kind: type[Exception]
) -> None:
    postman = hire()
    link = reach(postman)
    postman.refusals[ANN] = answer
    with pytest.raises(kind, match=answer):
        await link.send(ANN, MAIL, ready)
    assert await link.send("bob@example.com", MAIL, ready) == "250 taken as number 1"


@pytest.mark.parametrize(("answer", "kind"), [("554 spam", Refused), ("451 later", NotNow)])
async def test_a_text_that_is_refused_is_told_in_the_servers_words(
    hire: Hire, reach: Reach, answer: str, kind: type[Exception]
) -> None:
    postman = hire()
    postman.answers = [answer]
    with pytest.raises(kind, match=answer):
        await reach(postman).send(ANN, MAIL, ready)


@pytest.mark.parametrize("address", ["ann@example.com>\r\nRCPT TO:<eve@example.com", "анна@example.com"])
async def test_an_address_can_add_no_command(hire: Hire, reach: Reach, address: str) -> None:
    postman = hire()
    with pytest.raises(Refused, match="can't be sent to"):
        await reach(postman).send(address, MAIL, ready)
    assert not postman.connections


async def test_a_server_may_insist_on_starttls_and_a_password(
    hire: Hire, reach: Reach, files: TlsFiles, context: ssl.SSLContext
) -> None:
    postman = hire(tls_context=context, **LOCKED)
    link = reach(postman, encryption="starttls", authority=files.authority, username="bell", password="a secret")
    assert (await link.send(ANN, MAIL, ready)).startswith("250")


async def test_a_server_may_speak_tls_from_the_first_byte_on(
    hire: Hire, reach: Reach, files: TlsFiles, context: ssl.SSLContext
) -> None:
    link = reach(hire(ssl_context=context), encryption="tls", authority=files.authority)
    assert (await link.send(ANN, MAIL, ready)).startswith("250")


async def test_a_wrong_password_holds_up_the_mails_with_the_servers_words(
    hire: Hire, reach: Reach, files: TlsFiles, context: ssl.SSLContext
) -> None:
    link = reach(
        hire(tls_context=context, **LOCKED),
        encryption="starttls",
        authority=files.authority,
        username="bell",
        password="guessed",
    )
    with pytest.raises(ServerAway, match="535"):
        await link.send(ANN, MAIL, ready)


async def test_no_mail_goes_out_in_the_open_where_tls_is_insisted_on(hire: Hire, reach: Reach) -> None:
    postman = hire()
    with pytest.raises(ServerAway, match="STARTTLS"):
        await reach(postman, encryption="starttls").send(ANN, MAIL, ready)
    assert not postman.taken


@pytest.mark.parametrize("encryption", ["auto", "starttls"])
async def test_a_server_that_shows_a_strangers_certificate_gets_no_mail(
    hire: Hire, reach: Reach, context: ssl.SSLContext, tmp_path: Path, encryption: str
) -> None:
    postman = hire(tls_context=context)
    other = Authority("others").issue(tmp_path)
    with pytest.raises(ServerAway, match="CERTIFICATE_VERIFY_FAILED"):
        await reach(postman, encryption=encryption, authority=other.authority).send(ANN, MAIL, ready)
    assert not postman.taken
