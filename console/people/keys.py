"""Keys of the API: made once, shown once, found by their hash, revoked or expired. Times are Unix seconds as `now`.

A key is nobody's: it has a role and a name of its own, which stands in the audit log as `key:NAME`.
"""

import asyncpg
import msgspec

from console.database import Database, Row
from console.errors import FieldErrors, NotFoundError
from console.people.store import LISTED_MAX, NAME_RULE
from console.people.tokens import (
    KEY_PREFIX,
    KEY_SHOWN_CHARACTERS,
    TOKEN_CHARACTERS_MAX,
    hash_token,
    new_key,
)
from console.roles import ROLES, Role

USED_EVERY_SECONDS = 60.0
"""A use is written at most so often."""

_CONSTRAINTS: dict[str, tuple[str, str]] = {
    "console_keys_name_key": ("name", "There is a key of this name already: choose another."),
    "console_keys_name_has_1_to_64_characters_of_a_login_name": ("name", NAME_RULE),
    "console_keys_role_is_viewer_operator_admin_or_auditor": ("role", f"Choose one of {', '.join(ROLES)}."),
    "console_keys_expires_at_is_after_created_at": ("expires_at", "Choose a day that is still to come."),
}
"""Constraint of the schema -> the field, and what to do."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `console_keys`, without what would prove it; times are Unix seconds, or None."""

    id: int
    name: str
    role: Role
    shown: str
    created_at: float
    created_by: str
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None

    def is_good(self, now: float) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_KEY = """
SELECT k.id, k.name, k.role, k.shown, extract(epoch FROM k.created_at)::float8 AS created_at, k.created_by,
    extract(epoch FROM k.expires_at)::float8 AS expires_at, extract(epoch FROM k.revoked_at)::float8 AS revoked_at,
    extract(epoch FROM used.used_at)::float8 AS used_at
FROM console_keys AS k LEFT JOIN console_key_uses AS used ON used.key_id = k.id
"""


async def make_key(
    database: Database, name: str, role: str, *, actor: str, now: float, expires_at: float | None = None
) -> str:
    """A new key: the one time that it is seen. FieldErrors for a name, role or expiry that will not do."""
    key = new_key()
    if "\0" in name or not name.isprintable():
        raise FieldErrors({"name": NAME_RULE})
    async with database.transaction(actor) as transaction:
        try:
            await transaction.execute(
                "INSERT INTO console_keys (name, role, shown, key_hash, created_at, created_by, expires_at) "
                "VALUES ($1, $2, $3, $4, to_timestamp($5), $6, to_timestamp($7))",
                name,
                role,
                key[:KEY_SHOWN_CHARACTERS],
                hash_token(key),
                now,
                actor,
                expires_at,
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            field, reason = _CONSTRAINTS.get(error.constraint_name or "", ("", "The database refuses this."))
            raise FieldErrors({field: reason}) from error
    return key


async def keys(database: Database) -> list[Key]:
    """All of them, also those that open nothing any more; those that do first."""
    rows = await database.fetch(_KEY + f"ORDER BY k.revoked_at IS NOT NULL, k.name LIMIT {LISTED_MAX}")
    return [_key(row) for row in rows]


async def find_key(database: Database, token: str, now: float) -> Key | None:
    """The key that was presented, while it is good; notes that it was used."""
    if not token.startswith(KEY_PREFIX) or len(token) > TOKEN_CHARACTERS_MAX:
        return None
    row = await database.row(_KEY + "WHERE k.key_hash = $1", hash_token(token))
    if row is None:
        return None
    found = _key(row)
    if not found.is_good(now):
        return None
    if found.used_at is None or now - found.used_at >= USED_EVERY_SECONDS:
        await database.execute(
            "INSERT INTO console_key_uses (key_id, used_at) VALUES ($1, to_timestamp($2)) "
            "ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at",
            found.id,
            now,
        )
    return found


async def revoke_key(database: Database, key_id: int, *, actor: str, now: float) -> None:
    """From now on it opens nothing; its row stays, so that its name in the audit log can be explained."""
    async with database.transaction(actor) as transaction:
        tag = await transaction.execute(
            "UPDATE console_keys SET revoked_at = coalesce(revoked_at, to_timestamp($2)) WHERE id = $1", key_id, now
        )
        if tag == "UPDATE 0":
            raise NotFoundError("key", key_id)


def _key(row: Row) -> Key:
    return Key(**dict(row))
