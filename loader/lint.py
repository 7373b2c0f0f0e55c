"""`identd lint`: reads every row once, in one snapshot, and says what an operator should look at.

The queries, the connection and the rows are the loader's own; what is found is `loader/findings.py`. The transaction
is read-only and takes no lock that a writer would notice, and the role of the daemon is enough for it.
"""

import asyncio

import asyncpg

from loader import queries
from loader.findings import LIMIT, Finding, Lint, Summary
from loader.supervise import connect, words_for

FETCH_ROWS = 2000
SILENCE_SECONDS_MAX = 30.0
"""How long the database may take for one answer; half of that it may wait for somebody's lock."""


class LintError(Exception):
    """The rows could not be read; the message is for an operator and holds no secret."""


def lint(dsn: str, limit: int = LIMIT) -> tuple[list[Finding], Summary]:
    """The first `limit` findings by table and id, and how many there are. Raises `LintError`."""
    looking = Lint(limit)
    try:
        asyncio.run(_read(dsn, looking))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # a TimeoutError is an OSError
        raise LintError(words_for(error)) from error
    return looking.finish()


async def _read(dsn: str, looking: Lint) -> None:
    try:
        connection = await connect(dsn, SILENCE_SECONDS_MAX, "identd lint")
    except ValueError as error:  # its text may quote the DSN, and with it a password
        raise LintError(words_for(error)) from None
    try:
        await connection.execute(queries.BEGIN_READING, timeout=SILENCE_SECONDS_MAX)
        for table in queries.TABLES:
            cursor = await connection.cursor(queries.every_row(table), timeout=SILENCE_SECONDS_MAX)
            while rows := await cursor.fetch(FETCH_ROWS, timeout=SILENCE_SECONDS_MAX):
                for row in rows:
                    looking.take(table, row)
    finally:
        connection.terminate()  # there is nothing to commit, and a stalled peer must not keep us waiting
