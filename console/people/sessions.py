"""Sessions of people: opened at a login, found by the cookie's token, ended by a logout, a limit or a change.

The database holds the hash of the token, so that reading it makes nobody a user. Times are Unix seconds as `now`.
"""

import msgspec

from console.database import Database, Row
from console.database import Session as Connection
from console.people.tokens import TOKEN_CHARACTERS_MAX, csrf_of, hash_token, new_token
from console.roles import Role
from identd.settings import ConsoleSection

COOKIE = "__Host-identd"
SEEN_EVERY_SECONDS = 60.0
"""`seen_at` is written at most so often: a page is not a write, and the idle limit is minutes."""
SESSIONS_MAX = 20
"""Of one person; a further login ends the one that was idle longest."""
ADDRESS_BYTES_MAX = 64
AGENT_CHARACTERS_MAX = 255


class Session(msgspec.Struct, frozen=True):
    """What a browser gets: the token for its cookie, and what its forms carry."""

    token: str
    csrf: str

    def __repr__(self) -> str:
        return "Session(***)"


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session as found by its token, or as its owner sees it in the list."""

    id: int
    user_id: int
    name: str
    role: Role
    created_at: float
    seen_at: float
    address: str
    agent: str


_OPEN = """
SELECT s.id, s.user_id, u.name, u.role, extract(epoch FROM s.created_at)::float8 AS created_at,
    extract(epoch FROM s.seen_at)::float8 AS seen_at, s.address, s.agent
FROM console_sessions AS s JOIN console_users AS u ON u.id = s.user_id
WHERE u.status = 'active' AND
"""


async def open_session(
    database: Database | Connection, person_id: int, now: float, *, address: str, agent: str
) -> Session:
    """A new session, always with a new token: what a browser had before its login is worth nothing after it."""
    token = new_token()
    await database.execute(
        "INSERT INTO console_sessions (session_hash, user_id, created_at, seen_at, address, agent) "
        "VALUES ($1, $2, to_timestamp($3), to_timestamp($3), $4, $5)",
        hash_token(token),
        person_id,
        now,
        _printable(address)[:ADDRESS_BYTES_MAX],
        _printable(agent)[:AGENT_CHARACTERS_MAX],
    )
    await database.execute(
        "DELETE FROM console_sessions WHERE user_id = $1 AND id NOT IN "
        "(SELECT id FROM console_sessions WHERE user_id = $1 ORDER BY seen_at DESC, id DESC LIMIT $2)",
        person_id,
        SESSIONS_MAX,
    )
    return Session(token, csrf_of(token))


async def find_session(
    database: Database, token: str, now: float, limits: ConsoleSection, *, by_itself: bool = False
) -> OpenSession | None:
    """The session of this token while its limits have not passed and its person is active; notes that it was seen.

    `by_itself`: a page asks that stands open, and nobody has clicked; that keeps no session from getting idle.
    """
    if not 1 <= len(token) <= TOKEN_CHARACTERS_MAX:
        return None
    row = await database.row(_OPEN + "s.session_hash = $1", hash_token(token))
    if row is None:
        return None
    found = _session(row)
    if _is_over(found, now, limits):
        await database.execute("DELETE FROM console_sessions WHERE id = $1", found.id)
        return None
    if not by_itself and now - found.seen_at >= SEEN_EVERY_SECONDS:
        await database.execute("UPDATE console_sessions SET seen_at = to_timestamp($2) WHERE id = $1", found.id, now)
    return found


async def sessions_of(database: Database, person_id: int, now: float, limits: ConsoleSection) -> list[OpenSession]:
    """Those of one person that are not over, the latest used first."""
    rows = await database.fetch(_OPEN + "s.user_id = $1 ORDER BY s.seen_at DESC, s.id DESC", person_id)
    return [found for found in map(_session, rows) if not _is_over(found, now, limits)]


async def end_session(database: Database | Connection, person_id: int, session_id: int) -> bool:
    """End one of this person's sessions; False where it is nobody's or another's."""
    tag = await database.execute("DELETE FROM console_sessions WHERE id = $1 AND user_id = $2", session_id, person_id)
    return tag != "DELETE 0"


async def end_sessions(database: Database | Connection, person_id: int, *, but: int = 0) -> int:
    """End all of this person's sessions, but for one; how many that were."""
    tag = await database.execute("DELETE FROM console_sessions WHERE user_id = $1 AND id <> $2", person_id, but)
    return int(tag.rpartition(" ")[2])


async def forget_sessions(database: Database, now: float, limits: ConsoleSection) -> None:
    """Delete what is over, whoever's it was: done at each login, so that the table holds what is open."""
    await database.execute(
        "DELETE FROM console_sessions WHERE created_at < to_timestamp($1) OR seen_at < to_timestamp($2)",
        now - limits.session_absolute_seconds,
        now - limits.session_idle_seconds - SEEN_EVERY_SECONDS,
    )


def _is_over(session: OpenSession, now: float, limits: ConsoleSection) -> bool:
    return (
        now - session.seen_at > limits.session_idle_seconds
        or now - session.created_at > limits.session_absolute_seconds
    )


def _session(row: Row) -> OpenSession:
    return OpenSession(**dict(row))


def _printable(text: str) -> str:
    return "".join(character for character in text if " " <= character <= "~")
