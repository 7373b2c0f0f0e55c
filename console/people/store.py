"""The people of the console in the database: who there is, with which role, and how they first get in.

Every change is in the audit log by trigger, with `actor` beside it. No HTTP here, and no HTML.
"""

import asyncpg
import msgspec

from console.database import Database, Row, Session, Transaction
from console.errors import ChangedError, FieldErrors, NotFoundError
from console.people.entries import write_entry
from console.people.tokens import hash_token, new_token
from console.roles import ROLES, Role

LINK_SECONDS = 86_400.0
LISTED_MAX = 1000
"""People and keys have no pages: more than this is not a team but a mistake, and the table says so."""

NAME_RULE = "A name has 1 to 64 letters, digits or . _ @ - and begins with a letter or a digit."
NAME_TAKEN = "Somebody has this name already (capitals do not count): choose another."
_CONSTRAINTS: dict[str, tuple[str, str]] = {
    "console_users_name": ("name", NAME_TAKEN),
    "console_users_name_has_1_to_64_characters_of_a_login_name": ("name", NAME_RULE),
    "console_users_role_is_viewer_operator_admin_or_auditor": ("role", f"Choose one of {', '.join(ROLES)}."),
    "console_users_status_is_active_or_blocked": ("status", "Choose active or blocked."),
}
"""Constraint of the schema -> the field, and what to do."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `console_users`. `has_link`: a one-time link is out and still good; times are Unix seconds."""

    id: int
    name: str
    role: Role
    status: str
    has_password: bool
    has_totp: bool
    has_link: bool
    created_at: float
    seen_at: float | None
    """When a session of theirs that is still there was last used."""

    @property
    def etag(self) -> str:
        """What a form carries of what it changes, as it was read."""
        return f"{self.role}.{self.status}"


_PERSON = """
SELECT u.id, u.name, u.role, u.status, u.password_hash IS NOT NULL AS has_password,
    u.totp_secret IS NOT NULL AS has_totp,
    EXISTS (SELECT FROM console_links AS l WHERE l.user_id = u.id AND l.expires_at > now()) AS has_link,
    extract(epoch FROM u.created_at)::float8 AS created_at,
    (SELECT extract(epoch FROM max(s.seen_at))::float8 FROM console_sessions AS s WHERE s.user_id = u.id) AS seen_at
FROM console_users AS u
"""


async def add_person(database: Database, name: str, role: str, *, actor: str) -> int:
    """Somebody new, who cannot log in before a link was used; the id. FieldErrors for a wrong name or role."""
    async with database.transaction(actor) as transaction:
        return await insert_person(transaction, name, role)


async def insert_person(transaction: Transaction, name: str, role: str) -> int:
    """As `add_person`, within a transaction."""
    if not _fits_text(name):
        raise FieldErrors({"name": NAME_RULE})
    try:
        person_id: int = await transaction.value(
            "INSERT INTO console_users (name, role) VALUES ($1, $2) RETURNING id", name, role
        )
    except asyncpg.IntegrityConstraintViolationError as error:
        raise _field_errors(error) from error
    return person_id


async def people(database: Database) -> list[Person]:
    """Everybody, by name; at most LISTED_MAX."""
    rows = await database.fetch(_PERSON + f"ORDER BY lower(u.name) LIMIT {LISTED_MAX}")
    return [_person(row) for row in rows]


async def person(session: Database | Session, person_id: int) -> Person:
    """One of them. NotFoundError."""
    row = await session.row(_PERSON + "WHERE u.id = $1", person_id)
    if row is None:
        raise NotFoundError("person", person_id)
    return _person(row)


async def person_named(session: Database | Session, name: str) -> Person:
    """One of them by name, capitals or not. NotFoundError."""
    row = None
    if _fits_text(name):
        row = await session.row(_PERSON + 'WHERE lower(u.name COLLATE "C") = lower($1::text COLLATE "C")', name)
    if row is None:
        raise NotFoundError("person", name)
    return _person(row)


async def change_person(
    database: Database,
    person_id: int,
    *,
    actor: str,
    role: str | None = None,
    status: str | None = None,
    etag: str | None = None,
) -> None:
    """Another role or status. All their sessions end with it: what was allowed before is not carried on.

    `etag`: as it was read; ChangedError where it is another by now, and None where that is all the same.
    """
    async with database.transaction(actor) as transaction:
        if etag is not None:
            now = await transaction.value(
                "SELECT role || '.' || status FROM console_users WHERE id = $1 FOR UPDATE", person_id
            )
            if now is not None and now != etag:
                raise ChangedError("person", person_id, now)
        try:
            tag = await transaction.execute(
                "UPDATE console_users SET role = coalesce($2, role), status = coalesce($3, status) WHERE id = $1",
                person_id,
                role,
                status,
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            raise _field_errors(error) from error
        if tag == "UPDATE 0":
            raise NotFoundError("person", person_id)
        await transaction.execute("DELETE FROM console_sessions WHERE user_id = $1", person_id)
        if status == "blocked":
            await transaction.execute("DELETE FROM console_links WHERE user_id = $1", person_id)


async def remove_person(database: Database, person_id: int, *, actor: str) -> None:
    """Gone, with sessions and links; the audit log keeps the name. NotFoundError."""
    async with database.transaction(actor) as transaction:
        if await transaction.execute("DELETE FROM console_users WHERE id = $1", person_id) == "DELETE 0":
            raise NotFoundError("person", person_id)


async def make_link(database: Database, person_id: int, *, actor: str, now: float) -> str:
    """A one-time link's token, good for LINK_SECONDS; an earlier one of the same person is void. NotFoundError."""
    async with database.transaction(actor) as transaction:
        return await insert_link(transaction, person_id, now)


async def insert_link(transaction: Transaction, person_id: int, now: float) -> str:
    """As `make_link`, within a transaction."""
    token = new_token()
    tag = await transaction.execute(
        "WITH locked AS (SELECT id FROM console_users WHERE id = $2 FOR UPDATE), "
        "     void AS (DELETE FROM console_links WHERE user_id IN (SELECT id FROM locked)) "
        "INSERT INTO console_links (link_hash, user_id, expires_at) SELECT $1, id, to_timestamp($3) FROM locked",
        hash_token(token),
        person_id,
        now + LINK_SECONDS,
    )
    if tag == "INSERT 0 0":
        raise NotFoundError("person", person_id)
    await write_entry(transaction, "link", person_id)
    return token


def _person(row: Row) -> Person:
    return Person(**dict(row))


def _fits_text(text: str) -> bool:
    return "\0" not in text and text.isprintable() and len(text) <= 255


def _field_errors(error: asyncpg.IntegrityConstraintViolationError) -> FieldErrors:
    field, reason = _CONSTRAINTS.get(error.constraint_name or "", ("", "The database refuses this."))
    return FieldErrors({field: reason})
