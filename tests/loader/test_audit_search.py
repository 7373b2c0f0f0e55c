"""Whose history an entry of the audit log belongs to: kept for all who write, also for what was there before."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from loader.migrate import init_db, migrations

NAME = "audit_search"


def _with(dsn: str, work: Callable[["asyncpg.Connection"], Awaitable[None]]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(run())


HISTORY = """
INSERT INTO identd.clients (id, name) VALUES (1, 'Rose'), (2, 'Lily');
INSERT INTO identd.gateways (id, name) VALUES (5, 'gw');
INSERT INTO identd.accounts (id, client_id, name, ident_by, ani)
    VALUES (10, 1, 'a', 'ani', '1'), (20, 2, 'b', 'ani', '2');
INSERT INTO identd.account_gateways VALUES (10, 5), (20, 5);
INSERT INTO identd.account_statistics (account_id, day, direction, amount) VALUES (10, '2026-01-31', 'orig', 1);
UPDATE identd.accounts SET tech_prefix = '1#';
UPDATE identd.accounts SET client_id = 2 WHERE id = 10;
DELETE FROM identd.accounts WHERE id = 20
"""

OF_EACH = """
SELECT c.client_id, l.action || ' ' || l.entity || ' ' || l.entity_id AS what
FROM identd.audit_clients AS c JOIN identd.audit_log AS l ON l.id = c.audit_id ORDER BY l.id
"""


async def _write(connection: "asyncpg.Connection") -> None:
    for statement in HISTORY.split(";\n"):
        await connection.execute(statement)


def test_what_was_audited_before_the_table_was_there_has_its_clients_too(empty_database: str):
    async def check(connection: "asyncpg.Connection") -> None:
        found: dict[int, list[str]] = {1: [], 2: []}
        for row in await connection.fetch(OF_EACH):
            found[row["client_id"]].append(row["what"])
        # the account 10 is Lily's by now, and so are its bindings: only rows that name Rose are known to be hers
        assert found[1] == ["insert clients 1", "insert accounts 10", "update accounts 10"]
        assert found[2] == [
            "insert clients 2",
            "insert accounts 20",
            "insert account_gateways 10",
            "insert account_gateways 20",
            "insert account_statistics 10",
            "update accounts 10",
            "update accounts 20",
            "update accounts 10",
            "delete accounts 20",
            "delete account_gateways 20",
        ]

    async def migrate_around(connection: "asyncpg.Connection") -> None:
        earlier = [migration for migration in migrations() if not migration.name.endswith(NAME)]
        [this] = [migration for migration in migrations() if migration.name.endswith(NAME)]
        await connection.execute("CREATE SCHEMA identd; CREATE TABLE identd.migrations (number int)")
        for migration in earlier:
            if migration.number < this.number:
                await connection.execute(migration.sql)
        await _write(connection)
        await connection.execute(this.sql)

    _with(empty_database, migrate_around)
    _with(empty_database, check)


def test_what_is_audited_now_belongs_to_whom_it_concerned_then(database: str):
    async def check(connection: "asyncpg.Connection") -> None:
        await _write(connection)
        rose = [row["what"] for row in await connection.fetch(OF_EACH) if row["client_id"] == 1]
        assert rose == [
            "insert clients 1",
            "insert accounts 10",
            "insert account_gateways 10",
            "insert account_statistics 10",
            "update accounts 10",
            "update accounts 10",
        ]

    _with(database, check)


def test_the_console_reads_it_and_only_the_trigger_writes_it(database: str):
    async def check(connection: "asyncpg.Connection") -> None:
        await connection.execute("SET ROLE identd_console")
        await connection.execute("INSERT INTO identd.clients (id, name) VALUES (1, 'Rose')")
        assert await connection.fetchval("SELECT count(*) FROM identd.audit_clients WHERE client_id = 1") == 1
        for statement in (
            "DELETE FROM identd.audit_clients",
            "INSERT INTO identd.audit_clients VALUES (1, now(), 1)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)

    _with(database, check)


def test_it_is_applied_once(database: str):
    assert init_db(database) == []
