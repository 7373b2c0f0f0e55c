"""Keeps a connection to PostgreSQL: opens it, has it followed, says what is wrong with it, and tries again.

No failure of the database ends the loader, and none is silent: each becomes one line in the daemon's log when it is
new, and the state of the database at every try. While it is away at the start, what is on disk is told instead.
"""

import asyncio
import random

import asyncpg

from loader.follow import Follower, StandbyPromotedError
from loader.link import DaemonLink
from loader.recording import Recording
from loader.stream import DatabaseState

RETRY_SECONDS_MIN = 0.1
RETRY_SECONDS_MAX = 5.0
"""A database that comes back is found within this; a hundred daemons do not ask it more than 20 times a second."""
CONNECT_SECONDS_MAX = 10.0

# First match wins: the subclasses before their bases. What an operator can do stands in the text.
WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (StandbyPromotedError, "the standby that we followed was promoted"),
    (asyncpg.InvalidPasswordError, "the database refuses our password or role"),
    (asyncpg.InvalidAuthorizationSpecificationError, "the database refuses our role"),
    (asyncpg.InvalidCatalogNameError, "the database does not exist"),
    (asyncpg.InsufficientPrivilegeError, "our role lacks a privilege; run identd init-db, or grant identd_reader"),
    (asyncpg.InvalidSchemaNameError, "the schema is missing; run identd init-db"),
    (asyncpg.UndefinedTableError, "a table is missing; run identd init-db"),
    (asyncpg.UndefinedColumnError, "a column is missing; run identd init-db"),
    (asyncpg.UndefinedFunctionError, "PostgreSQL 13 or newer is needed"),
    (asyncpg.CannotConnectNowError, "the database is starting or stopping"),
    (asyncpg.TooManyConnectionsError, "the database has no connection left for us"),
    (asyncpg.AdminShutdownError, "the database closed our connection"),
    (asyncpg.LockNotAvailableError, "a table is locked by somebody else"),
    (asyncpg.PostgresError, "the database refuses"),
    (asyncpg.ClientConfigurationError, "the DSN cannot be understood"),
    (asyncpg.InterfaceError, "the connection was lost"),
    (TimeoutError, "the database does not answer"),
    (OSError, "the database cannot be reached"),
    (ValueError, "the DSN cannot be understood"),
)
UNQUOTED = (asyncpg.ClientConfigurationError, ValueError)
"""Their texts may quote the DSN, and with it a password."""


def words_for(error: BaseException) -> str:
    """What an operator should read about this failure; holds no secret."""
    for kind, words in WORDS:
        if isinstance(error, kind):
            detail = "" if kind in UNQUOTED else str(error)
            return f"{words}: {detail}" if detail else words
    return f"a fault of the loader: {type(error).__name__}: {error}"


async def supervise(link: DaemonLink, recording: Recording) -> None:
    """Runs until it is cancelled."""
    follower = Follower(link, recording)
    failures = 0
    said: str | None = None
    while True:
        before = follower.as_of
        words = await _one_connection(link, follower)
        if follower.as_of != before:  # it worked for a while: this is a new failure
            failures, said = 0, None
        if words != said:
            await link.log("error", "database_away", error=words)
            said = words
        if not follower.told:
            follower.as_of = await recording.replay(link)
            follower.told = follower.as_of is not None
        await recording.tell_failures(link)
        await link.send(DatabaseState(False, words, follower.as_of))
        failures += 1
        longest = min(RETRY_SECONDS_MAX, RETRY_SECONDS_MIN * 2 ** min(failures, 16))
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, protects nothing


async def _one_connection(link: DaemonLink, follower: Follower) -> str:
    """Connect and follow until it fails; returns why."""
    connection: asyncpg.Connection | None = None
    try:
        configuration = link.configuration
        connection = await connect(configuration.dsn, configuration.heartbeat_seconds, "identd loader")
        await link.log("info", "database_connected")
        await follower.run(connection)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # whatever it is, answering goes on and the operator reads it
        return words_for(error)
    finally:
        if connection is not None:
            connection.terminate()  # never close(): a peer that is stalled would keep us waiting
    raise AssertionError("following never ends by itself")


async def connect(dsn: str, heartbeat_seconds: float, application_name: str) -> asyncpg.Connection:
    """A connection that gives rows as `loader/rows.py` takes them. Raises what `words_for` has words for."""
    connection = await asyncpg.connect(
        dsn,
        timeout=min(CONNECT_SECONDS_MAX, max(heartbeat_seconds, 1.0)),
        server_settings={
            "application_name": application_name,
            # a lock of somebody else is not a dead database: it must show before the heartbeat gives up
            "lock_timeout": str(max(1, int(heartbeat_seconds * 500))),
            "jit": "off",
            # a plan for any range of changes would be a plan for a third of them
            "plan_cache_mode": "force_custom_plan",
            "timezone": "UTC",
        },
    )
    # inet as the bytes that it travels in: no text, no ipaddress object, a tenth of the time
    await connection.set_type_codec("inet", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
    return connection
