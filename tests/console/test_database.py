"""The pool against a real PostgreSQL: what is committed, what is not, and what becomes of a server that goes away."""

import asyncpg
import pytest
import trio
import trio_asyncio
from trio_asyncio import aio_as_trio

from console.database import STATEMENT_SECONDS_MAX, Database, Transaction, open_database
from console.errors import BusyError, DatabaseAwayError, SchemaError
from demo.postgres import OwnServer

INSERT = "INSERT INTO rate_tables (name) VALUES ($1)"
NAMES = "SELECT name FROM rate_tables ORDER BY id"


async def names(store: Database) -> list[str]:
    """What is committed."""
    return [row["name"] for row in await store.fetch(NAMES)]


async def test_a_transaction_is_seen_when_it_is_over_and_says_which_one_it_was(store: Database) -> None:
    async with store.transaction("walter") as transaction:
        await transaction.execute(INSERT, "RT")
        assert await names(store) == []
    assert await names(store) == ["RT"]
    assert transaction.xid is not None
    assert await store.value("SELECT pg_xact_status($1::text::xid8)", str(transaction.xid)) == "committed"
    assert await store.value("SELECT actor FROM audit_log WHERE entity = 'rate_tables'") == "walter"


async def test_a_transaction_that_only_read_has_nothing_to_wait_for(store: Database) -> None:
    async with store.transaction("walter", readonly=True) as transaction:
        assert await transaction.value("SELECT 1") == 1
    assert transaction.xid is None


async def test_an_exception_leaves_nothing_behind_and_the_connection_is_good(store: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError) as refused:  # noqa: PT012 - the commit is part of it
        async with store.transaction("walter") as transaction:
            await transaction.execute(INSERT, "RT")
            await transaction.execute(INSERT, "RT")
    assert refused.value.constraint_name == "rate_tables_name_key"
    assert await names(store) == []


async def test_a_browser_that_leaves_rolls_back_and_frees_its_connection(store: Database) -> None:
    for _ in range(6):  # more than the pool has
        with trio.move_on_after(0.2) as scope:
            async with store.transaction("walter") as transaction:
                await transaction.execute(INSERT, "RT")
                await transaction.execute("SELECT pg_sleep(60)")
        assert scope.cancelled_caught
    assert await names(store) == []


async def test_the_actor_does_not_outlive_its_transaction(store: Database) -> None:
    async with store.transaction("walter") as transaction:
        await transaction.execute(INSERT, "first")
    await store.execute(INSERT, "second")
    actors = [row["actor"] for row in await store.fetch("SELECT actor FROM audit_log ORDER BY id")]
    assert actors[0] == "walter"
    assert actors[1] != "walter"


async def test_rows_come_in_pages_by_a_cursor(store: Database) -> None:
    async with store.transaction("walter") as transaction:
        await transaction.copy_in("rate_tables", ["name"], [(f"RT {number}",) for number in range(250)])
        sizes = [len(page) async for page in transaction.pages(NAMES, rows=100)]
    assert sizes == [100, 100, 50]


async def test_a_server_that_is_away_is_one_error_and_its_return_is_noticed(
    own_postgres: OwnServer, database: str
) -> None:
    async with trio_asyncio.open_loop(), open_database(database, 2) as pool:
        assert await pool.value("SELECT 1") == 1
        own_postgres.stop()
        with pytest.raises(DatabaseAwayError):
            await pool.value("SELECT 1")
        with pytest.raises(DatabaseAwayError):
            async with pool.transaction("walter"):
                pass
        own_postgres.start()
        assert await pool.value("SELECT 1") == 1


async def test_a_console_starts_while_the_server_is_away() -> None:
    dsn = "postgresql://nobody@127.0.0.1:1/none"
    async with trio_asyncio.open_loop(), open_database(dsn, 2) as pool:
        with pytest.raises(DatabaseAwayError):
            await pool.value("SELECT 1")


async def test_a_backend_that_was_ended_costs_its_own_request_only(store: Database) -> None:
    with pytest.raises(DatabaseAwayError):  # noqa: PT012 - the commit is part of it
        async with store.transaction("walter") as transaction:
            pid = await transaction.value("SELECT pg_backend_pid()")
            await store.execute("SELECT pg_terminate_backend($1)", pid)
            await transaction.execute(INSERT, "RT")
    assert await names(store) == []


RENAME = "UPDATE rate_tables SET name = $2 || id WHERE id = $1"
TWO = "INSERT INTO rate_tables (name) VALUES ('x'), ('y')"


async def test_whoever_finds_that_two_wait_for_each_other_is_told_that_it_is_busy(store: Database) -> None:
    await store.execute(TWO)
    holds = trio.Event()

    async def other() -> None:
        async with store.transaction("billing") as transaction:
            await transaction.execute("SET LOCAL deadlock_timeout = '20s'")  # it is not the one that finds it
            await transaction.execute(RENAME, 2, "B")
            holds.set()
            await trio.sleep(0.1)
            await transaction.execute(RENAME, 1, "B")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await holds.wait()
        with pytest.raises(BusyError, match="same rows"):  # noqa: PT012 - the roll back is part of it
            async with store.transaction("walter") as transaction:
                await transaction.execute(RENAME, 1, "mine")
                await transaction.execute(RENAME, 2, "mine")
    assert await names(store) == ["B1", "B2"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT FROM rate_tables WHERE id = 1 FOR UPDATE NOWAIT", "same rows"),
        ("SET LOCAL lock_timeout = '10ms'; SELECT FROM rate_tables WHERE id = 1 FOR UPDATE", "same rows"),
        ("SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(9)", "took too long"),
    ],
)
async def test_a_lock_that_is_not_to_be_had_and_a_statement_without_end_are_busy(
    store: Database, statement: str, words: str
) -> None:
    await store.execute(TWO)
    async with store.transaction("billing") as holder:
        await holder.execute("SELECT FROM rate_tables WHERE id = 1 FOR UPDATE")
        with pytest.raises(BusyError, match=words):  # noqa: PT012 - as a form would
            async with store.transaction("walter") as transaction:
                for one in statement.split("; "):
                    await transaction.execute(one)


async def test_of_two_that_cannot_be_put_in_a_row_the_later_is_busy(store: Database) -> None:
    await store.execute(TWO)
    with pytest.raises(BusyError):  # noqa: PT012 - the commit is part of it
        async with store.transaction("walter", isolation="repeatable_read") as transaction:
            await transaction.value("SELECT count(*) FROM rate_tables")
            await store.execute(RENAME, 1, "other")
            await transaction.execute(RENAME, 1, "mine")


async def test_a_lock_is_not_waited_for_until_the_server_counts_as_away(store: Database) -> None:
    rows = await store.fetch(
        "SELECT name, setting::int AS ms FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')"
    )
    bounds = {row["name"]: row["ms"] / 1000 for row in rows}
    assert 0 < bounds["lock_timeout"] < bounds["statement_timeout"] < STATEMENT_SECONDS_MAX


async def test_what_is_done_again_where_it_was_busy_is_done_once(store: Database) -> None:
    await store.execute(TWO)
    tried = 0

    async def work(transaction: Transaction) -> int:
        nonlocal tried
        tried += 1
        await transaction.execute(INSERT, f"of try {tried}")
        if tried < 3:
            raise BusyError
        return tried

    result, xid = await store.repeated("walter", work)
    assert (result, xid is not None) == (3, True)
    assert await names(store) == ["x", "y", "of try 3"]
    tried = -3
    with pytest.raises(BusyError):
        await store.repeated("walter", work)
    assert tried == 0


@pytest.mark.parametrize(
    ("statement", "value"), [("SELECT $1::bigint", 2**63), ("SELECT $1::text", "\ud800"), ("SELECT $1::int", "x")]
)
async def test_a_value_that_cannot_be_sent_does_not_mean_that_the_server_is_away(
    store: Database, statement: str, value: object
) -> None:
    with pytest.raises(asyncpg.DataError):  # for the store to translate, else a fault of ours
        await store.value(statement, value)


async def test_a_schema_that_was_never_made_says_which_command_makes_it(empty_database: str) -> None:
    async with trio_asyncio.open_loop(), open_database(empty_database, 2) as pool:
        with pytest.raises(SchemaError, match="identd init-db"):
            await pool.value("SELECT count(*) FROM accounts")


async def test_every_transaction_that_has_a_number_rings_for_the_daemon(store: Database, database: str) -> None:
    rung: list[str] = []
    listener = await aio_as_trio(asyncpg.connect)(database)
    await aio_as_trio(listener.add_listener)("identd", lambda *call: rung.append(call[2]))
    await store.execute(TWO)
    async with store.transaction("walter") as transaction:
        await transaction.execute("SELECT FROM rate_tables FOR UPDATE")
    assert transaction.xid is not None
    with trio.fail_after(5):
        while not rung:  # noqa: ASYNC110 - it comes from another loop
            await trio.sleep(0.005)
    rung.clear()
    async with store.transaction("walter") as transaction:
        await transaction.value("SELECT 1")
    assert await aio_as_trio(listener.fetchval)("SELECT 1") == 1
    assert rung == []
    await aio_as_trio(listener.close)()
