"""Creates or upgrades the schema: the numbered files of `loader/schema/`, each once, each in its own transaction.

What was applied stands in `identd.migrations` with its checksum; a file that was edited afterwards is refused,
because nobody could say what that database looks like. Safe to run at any time, by several processes at once.
"""

import asyncio
import hashlib
import re
from importlib import resources
from typing import NamedTuple

import asyncpg

POSTGRESQL_MIN = 130000
"""PostgreSQL 13 is the first with `xid8` and `pg_current_snapshot()`."""

LOCK_KEY = 0x6964656E7464  # "identd": one migration at a time in a database
CONNECT_SECONDS_MAX = 10.0

_FILE_NAME = re.compile(r"^(\d{4})_[a-z_]+\.sql$")
_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS identd;
CREATE TABLE IF NOT EXISTS identd.migrations (
    number     int PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class MigrationError(Exception):
    """The schema could not be made; the message is for an operator and holds no secret."""


class Migration(NamedTuple):
    """One file: `number` orders it, `checksum` is the SHA-256 of its text in hexadecimal."""

    number: int
    name: str
    sql: str
    checksum: str


def migrations() -> list[Migration]:
    """All migrations of this version, in order. Asserts that they are numbered 1, 2, 3, …"""
    found = []
    for file in resources.files("loader.schema").iterdir():
        if matched := _FILE_NAME.match(file.name):
            sql = file.read_text(encoding="utf-8")
            checksum = hashlib.sha256(sql.encode()).hexdigest()
            found.append(Migration(int(matched[1]), file.name.removesuffix(".sql"), sql, checksum))
    found.sort()
    assert [m.number for m in found] == list(range(1, len(found) + 1)), "migrations must be numbered without gaps"
    return found


def init_db(dsn: str) -> list[str]:
    """Create or upgrade the schema; the names of the migrations that were applied now. Raises `MigrationError`."""
    return asyncio.run(migrate(dsn))


async def migrate(dsn: str) -> list[str]:
    """As `init_db`, for those who are in asyncio already."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS_MAX)
    except (asyncpg.ClientConfigurationError, ValueError):  # their texts may quote the DSN, and with it a password
        raise MigrationError("cannot connect to the database: the DSN cannot be understood") from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationError(f"cannot connect to the database: {error or type(error).__name__}") from error
    try:
        return await _migrate(connection)
    finally:
        await connection.close()


async def _migrate(connection: "asyncpg.Connection") -> list[str]:
    version = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    if version < POSTGRESQL_MIN:
        raise MigrationError(f"PostgreSQL {version // 10000} is too old: 13 or newer is needed")
    # held until the connection closes, so that a second run waits and then finds everything done
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL client_min_messages = warning")
            await connection.execute(_BOOTSTRAP)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"cannot create the schema identd: {error}") from error
    applied = {row["number"]: row for row in await connection.fetch("SELECT * FROM identd.migrations")}
    known = migrations()
    if newer := sorted(set(applied) - {m.number for m in known}):
        raise MigrationError(f"the database is newer than this program: it has migration {newer[-1]}")
    done = []
    for migration in known:
        if before := applied.get(migration.number):
            if before["checksum"] != migration.checksum:
                raise MigrationError(f"{migration.name} was changed after it had been applied to this database")
            continue
        try:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO identd.migrations (number, name, checksum) VALUES ($1, $2, $3)",
                    *(migration.number, migration.name, migration.checksum),
                )
        except asyncpg.PostgresError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise MigrationError(f"{migration.name} failed: {error}{hint}") from error
        done.append(migration.name)
    return done
