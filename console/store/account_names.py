"""Accounts by their names, which are unique within a client only: exactly as typed, or suggested while typing."""

import msgspec

from console.database import Database, Session
from console.store.patterns import part_of
from console.store.references import SUGGESTIONS_MAX

_TYPED_MAX = 255


class NamedAccount(msgspec.Struct, frozen=True):
    """An account as a list of names says it."""

    id: int
    name: str
    client: str


async def accounts_named(
    db: Database | Session, name: str, client_id: int | None = None, limit: int = 10
) -> tuple[NamedAccount, ...]:
    """Those of exactly this name, of this client or of all; by id, the first `limit`."""
    return await _found(db, "a.name = $1", name, client_id, "a.id", limit)


async def suggest_accounts(
    db: Database | Session, text: str, client_id: int | None = None, limit: int = 10
) -> tuple[NamedAccount, ...]:
    """Those whose name has the text in it, whatever the case; by name. At most `SUGGESTIONS_MAX`."""
    text = text.strip()
    if not text:
        return ()
    most = min(limit, SUGGESTIONS_MAX)
    return await _found(db, "a.name ILIKE $1", part_of(text), client_id, "a.name, a.id", most)


async def _found(
    db: Database | Session, condition: str, text: str, client_id: int | None, order: str, limit: int
) -> tuple[NamedAccount, ...]:
    if len(text) > _TYPED_MAX or "\0" in text or not _encodes(text):
        return ()
    rows = await db.fetch(
        "SELECT a.id, a.name, c.name AS client FROM accounts a JOIN clients c ON c.id = a.client_id "  # noqa: S608
        f"WHERE {condition} AND ($2::bigint IS NULL OR a.client_id = $2) ORDER BY {order} LIMIT $3",
        text,
        client_id,
        limit,
    )
    return tuple(NamedAccount(row["id"], row["name"], row["client"]) for row in rows)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
