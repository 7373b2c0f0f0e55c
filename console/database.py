"""PostgreSQL under trio: a small pool of asyncpg connections, reads, and transactions that say who acts.

asyncpg speaks asyncio, so the loop of trio-asyncio carries it (docs/decisions/0010); this module is the only one that
knows. Foreign exceptions are translated here: what the operator can mend stays asyncpg's (`PostgresError` with its
constraint, which the store reads), what means that the server is away becomes `DatabaseAwayError`, that others stand
in the way `BusyError`.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import asyncpg
import trio
from trio_asyncio import aio_as_trio

from console.errors import BusyError, DatabaseAwayError, SchemaError

STATEMENT_SECONDS_MAX = 60.0
"""No page takes a second; an import of 100,000 lines is many statements. Longer means a server that is silent."""
SERVER_SECONDS_MAX = {"lock_timeout": 30.0, "statement_timeout": 55.0}
"""Of one wait for a lock, and of one statement: told by the server before we give the server up."""
TRIES_MAX = 3
ACQUIRE_SECONDS_MAX = 10.0
CONNECT_SECONDS_MAX = 5.0

Row = Any
"""An asyncpg.Record: values by name and by place."""

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InternalClientError,
)

_TOO_LONG = "The database took too long over it."
_BUSY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
_WITHOUT_SCHEMA = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)

T = TypeVar("T")


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except _BUSY as error:
        raise BusyError from error
    except asyncpg.QueryCanceledError as error:
        raise BusyError(_TOO_LONG) from error
    except _WITHOUT_SCHEMA as error:
        raise SchemaError from error
    except _AWAY as error:
        raise DatabaseAwayError(f"the database does not answer: {type(error).__name__}") from error


class Session:
    """One connection of the pool, as a transaction holds it. Outside of one use `Database`'s own methods."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """All rows."""
        with _translated():
            rows: Sequence[Row] = await aio_as_trio(self._connection.fetch)(statement, *values)
            return rows

    async def row(self, statement: str, *values: object) -> Row | None:
        """The first row, or None."""
        with _translated():
            return await aio_as_trio(self._connection.fetchrow)(statement, *values)

    async def value(self, statement: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        with _translated():
            return await aio_as_trio(self._connection.fetchval)(statement, *values)

    async def execute(self, statement: str, *values: object) -> str:
        """The command tag, such as `UPDATE 1`."""
        with _translated():
            tag: str = await aio_as_trio(self._connection.execute)(statement, *values)
            return tag

    async def copy_in(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """COPY rows into a table of the schema, or a temporary one where `table` begins with `pg_temp.`."""
        schema, _, name = table.rpartition(".")
        with _translated():
            await aio_as_trio(self._connection.copy_records_to_table)(
                name, records=records, columns=list(columns), schema_name=schema or "identd"
            )

    async def pages(self, statement: str, *values: object, rows: int = 1000) -> AsyncGenerator[Sequence[Row], None]:
        """All rows, so many at a time, by a cursor: only inside a transaction. Whoever may leave early closes it."""
        with _translated():
            cursor = await aio_as_trio(self._cursor)(statement, *values)
        while True:
            with _translated():
                page: Sequence[Row] = await aio_as_trio(cursor.fetch)(rows)
            if not page:
                return
            yield page

    async def _cursor(self, statement: str, *values: object) -> Any:
        return await self._connection.cursor(statement, *values)


class Transaction(Session):
    """What is done in it is done together; `xid` afterwards: what to wait for at the daemon (None: read-only)."""

    __slots__ = ("xid",)

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.xid: int | None = None


_END = """SELECT xid::text FROM pg_current_xact_id_if_assigned() AS xid,
    LATERAL (SELECT CASE WHEN xid IS NOT NULL THEN pg_notify('identd', '') END) AS rung"""
"""The daemon is rung for whatever has a number, also where no row of the daemon's was touched: `in_force` waits for
the number, and would else until the next poll. PostgreSQL makes one ring of several."""


class Database:
    """The pool. Everything but `transaction` takes a connection for the one statement only."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """All rows."""
        async with self._session() as session:
            return await session.fetch(statement, *values)

    async def row(self, statement: str, *values: object) -> Row | None:
        """The first row, or None."""
        async with self._session() as session:
            return await session.row(statement, *values)

    async def value(self, statement: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        async with self._session() as session:
            return await session.value(statement, *values)

    async def execute(self, statement: str, *values: object) -> str:
        """The command tag. For what nobody asks about later (sessions, links); changes go through `transaction`."""
        async with self._session() as session:
            return await session.execute(statement, *values)

    @contextlib.asynccontextmanager
    async def transaction(
        self, actor: str, *, isolation: str = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Transaction]:
        """Commit at the end, roll back on an exception. `actor` stands in the audit log beside each change."""
        async with self._session() as session:
            connection = session._connection
            started = connection.transaction(isolation=isolation, readonly=readonly)
            # cancelled halfway it would have begun, and nobody would know that it is to be rolled back
            with trio.CancelScope(shield=True), _translated():
                await aio_as_trio(started.start)()
            transaction = Transaction(connection)
            try:
                if not readonly:
                    await transaction.execute("SELECT set_config('identd.actor', $1, true)", actor)
                yield transaction
                xid = None if readonly else await transaction.value(_END)
            except BaseException:
                with trio.CancelScope(shield=True), contextlib.suppress(Exception):
                    await aio_as_trio(started.rollback)()
                raise
            with trio.CancelScope(shield=True), _translated():  # a commit that has begun is seen through
                await aio_as_trio(started.commit)()
            transaction.xid = None if xid is None else int(xid)

    async def repeated(self, actor: str, work: Callable[[Transaction], Awaitable[T]]) -> tuple[T, int | None]:
        """`work` in a transaction, up to three times where it is busy: what it gave, and the transaction's number.

        `work` may do nothing that a rollback does not undo.
        """
        for _ in range(TRIES_MAX - 1):
            with contextlib.suppress(BusyError):
                return await self._once(actor, work)
        return await self._once(actor, work)

    async def _once(self, actor: str, work: Callable[[Transaction], Awaitable[T]]) -> tuple[T, int | None]:
        async with self.transaction(actor) as tx:
            result = await work(tx)
        return result, tx.xid

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        with _translated():
            connection = await aio_as_trio(self._pool.acquire)(timeout=ACQUIRE_SECONDS_MAX)
        try:
            yield Session(connection)
        finally:
            with trio.CancelScope(shield=True), contextlib.suppress(*_AWAY):
                await aio_as_trio(self._pool.release)(connection)


@contextlib.asynccontextmanager
async def open_database(dsn: str, connections_max: int) -> AsyncIterator[Database]:
    """The pool, empty until it is used, so that the console starts while PostgreSQL is away.

    Needs the loop of `trio_asyncio.open_loop` around it.
    """

    async def make() -> Any:
        return await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=connections_max,
            command_timeout=STATEMENT_SECONDS_MAX,
            timeout=CONNECT_SECONDS_MAX,
            server_settings={
                "application_name": "identd console",
                "search_path": "identd, pg_catalog, pg_temp",
                **{name: f"{seconds:.0f}s" for name, seconds in SERVER_SECONDS_MAX.items()},
            },
        )

    pool = await aio_as_trio(make)()
    try:
        yield Database(pool)
    finally:
        pool.terminate()
