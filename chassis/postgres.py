"""PostgreSQL through asyncpg: one pool a process, SQL from files, and a lost server spoken of as `Unavailable`.

The pool's connections raise the chassis' own errors: whoever uses the pool need not know asyncpg's of a lost server.
"""

import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import wraps
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeAlias, TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from chassis.errors import Conflict, ServiceError, Unavailable
from chassis.pool_metrics import watched

COMMAND_TIMEOUT: Final = 30.0
"""Seconds after which a statement is given up; a server that hangs must not hold its callers for ever."""
_GIVEN_UP: Final = {
    "tcp_user_timeout": "4s",
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "idle_in_transaction_session_timeout": "10s",
}
"""Until PostgreSQL gives up a process that was cut off, its locks hold up whoever makes the same call elsewhere."""
_GIVES_UP: Final = {"TCP_USER_TIMEOUT": 4000, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 2}
"""And the other way round: after a while without a network, the connections of before are none any more."""
LOST: Final = "The database can't be reached, or does not answer, just now."

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:  # generic in their stubs only
    Pool = asyncpg.Pool
    _Connection = asyncpg.Connection


class Executor(Protocol):
    """What runs a statement: the pool, or the connection of a transaction."""

    async def execute(self, query: str, *args: Any) -> str:
        """Runs it; the command's tag."""

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All of its rows."""

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """Its first row, or None."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of its first row, or None."""


P = ParamSpec("P")
T = TypeVar("T")


def _translated(error: BaseException) -> ServiceError | None:
    """The chassis' name for what PostgreSQL or the way to it did; None if it is somebody's mistake instead."""
    match error:
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.OperatorInterventionError()  # shutting down, starting up, terminated by an administrator
            | asyncpg.TooManyConnectionsError()
            | asyncpg.ReadOnlySQLTransactionError()  # connected to what has become a standby
            | OSError()  # TimeoutError included
        ) if not isinstance(error, asyncpg.QueryCanceledError):
            return Unavailable(LOST)
        case asyncpg.TransactionRollbackError():  # a deadlock, or a conflict of serialisable transactions
            return Conflict("The change met another one; try again.")
    return None


def _translates(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same method, raising the chassis' errors."""

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except asyncpg.InterfaceError as error:
            # asyncpg says this of a connection that broke earlier, and of wrong use too, which stays what it is.
            if isinstance(args[0], Connection) and args[0].is_closed():
                raise Unavailable(LOST) from error
            raise
        except asyncpg.InternalClientError as error:
            # Its account of the connection broke: so it does now and then when the server dies in the middle of things.
            if isinstance(args[0], Connection):
                args[0].terminate()
            raise Unavailable(LOST) from error
        except (asyncpg.PostgresError, OSError) as error:
            if translated := _translated(error):
                raise translated from error
            raise

    return call


class _Transaction(Transaction):
    """A transaction whose end, too, tells of a lost server in the chassis' words."""

    async def __aexit__(self, *error: object) -> None:
        try:
            await super().__aexit__(*error)
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as lost:
            raise Unavailable(LOST) from lost


class Connection(_Connection):
    """A connection that raises the chassis' errors."""

    execute = _translates(asyncpg.Connection.execute)  # type: ignore[assignment]  # the same but for what it raises
    executemany = _translates(asyncpg.Connection.executemany)  # type: ignore[assignment]  # the same but for what it raises
    fetch = _translates(asyncpg.Connection.fetch)  # type: ignore[assignment]  # the same but for what it raises
    fetchrow = _translates(asyncpg.Connection.fetchrow)  # type: ignore[assignment]  # the same but for what it raises
    fetchval = _translates(asyncpg.Connection.fetchval)  # type: ignore[assignment]  # the same but for what it raises
    fetchmany = _translates(asyncpg.Connection.fetchmany)  # type: ignore[assignment]  # the same but for what it raises
    set_type_codec = _translates(asyncpg.Connection.set_type_codec)  # type: ignore[assignment]  # the same but for what it raises

    def transaction(self, **options: Any) -> Transaction:
        """As asyncpg's."""
        return _Transaction(
            self, options.get("isolation"), options.get("readonly", False), options.get("deferrable", False)
        )

    def get_reset_query(self) -> str:
        """Nothing, so that a release costs no round trip: nobody leaves SETs or session locks on these connections."""
        return ""


_JSONB: Final = b"\1"
"""The version of jsonb's binary format."""


async def _prepare(connection: _Connection) -> None:
    transport: Any = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001  # asyncpg has no option for it
    link = transport.get_extra_info("socket")
    if link.family != socket.AF_UNIX:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _GIVES_UP.items():
            if hasattr(socket, option):  # not every system has all of them
                link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    # In the binary format: asyncpg reads no rows within rows in the other one.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: _JSONB + json.dumps(value).encode(),
        decoder=lambda data: json.loads(data[len(_JSONB) :].decode()),
        format="binary",
    )


@asynccontextmanager
async def connect(
    url: str, schema: str, pool_size: int, *, purpose: str = "calls", **settings: str
) -> AsyncIterator[Pool]:
    """A pool whose connections see `schema`, then public. A connection that breaks is replaced by the next call.

    `purpose` tells it from the process's other pools in the metrics; `settings` are PostgreSQL's own for a connection.
    """

    async def open_connection(*args: Any, **kwargs: Any) -> Any:
        try:
            return await asyncpg.connect(*args, **kwargs)
        except (asyncpg.PostgresError, OSError) as error:
            if translated := _translated(error):
                raise translated from error
            raise

    async with asyncpg.create_pool(
        url,
        connect=open_connection,
        connection_class=Connection,
        init=_prepare,
        min_size=min(2, pool_size),
        max_size=pool_size,
        timeout=5,
        command_timeout=COMMAND_TIMEOUT,
        statement_cache_size=512,
        max_cached_statement_lifetime=0,
        server_settings={
            "search_path": f"{schema}, public",
            "application_name": schema,
            "timezone": "UTC",  # times in JSON are then told alike everywhere
            "jit": "off",  # compiling costs more than any of our statements
            **_GIVEN_UP,
            **settings,
        },
    ) as pool:
        with watched(pool, purpose):
            yield pool


@asynccontextmanager
async def transaction(executor: Executor) -> AsyncIterator[Executor]:
    """A transaction of the pool, or the one that the connection is in already."""
    if not isinstance(executor, asyncpg.Pool):
        yield executor
        return
    async with executor.acquire() as connection, connection.transaction():
        yield connection


_HEADER: Final = re.compile(r"^-- ([a-z][a-z0-9_]*)\n", re.MULTILINE)


def queries(package: str) -> Mapping[str, str]:
    """The statements in the package's sql/*.sql by name; each has a first line of its own: `-- create_task`."""
    found: dict[str, str] = {}
    for file in resources.files(package).joinpath("sql").iterdir():
        if not file.name.endswith(".sql"):
            continue
        _, *parts = _HEADER.split(file.read_text("utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file.name} names a second statement {name}")
            # The name goes along: PostgreSQL's log and pg_stat_activity show it.
            found[name] = f"-- {name}\n{text.strip()}"
    return found
