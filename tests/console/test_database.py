"""The pool against a real PostgreSQL: what is committed, what is not, and what becomes of a server that goes away."""

import asyncpg
import pytest
import trio
import trio_asyncio

from console.database import Database, open_database
from console.errors import DatabaseAwayError
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
