"""SQL from synchronous code: one connection a call. For the demo, the tests and the benches, never for the daemon."""

import asyncio
from typing import Any

import asyncpg


def execute(dsn: str, sql: str) -> None:
    """Runs one or more statements, in one transaction unless they say otherwise. Raises `asyncpg.PostgresError`."""
    asyncio.run(_execute(dsn, sql))


def query(dsn: str, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement; `$1` … in it are the arguments. Raises `asyncpg.PostgresError`."""
    return asyncio.run(_query(dsn, sql, arguments))


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _query(dsn: str, sql: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close()
