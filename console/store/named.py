"""Rate tables and routing plans in SQL. `kind` is the table; see `console/objects/named.py`."""

from console.database import Row, Transaction
from console.objects.listing import Paging
from console.objects.named import WORDS, Named, NamedDraft, NamedKind
from console.objects.paged import Paged
from console.store.catalogue import (
    Conditions,
    Reader,
    Referrer,
    Shelf,
    delete_row,
    etag_of_row,
    find_rows,
    insert_row,
    lock_row,
    read_row,
    update_row,
    users_of,
)

_BY_EITHER = "orig_rate_table_id = $1 OR term_rate_table_id = $1"
_BY_PLAN = "routing_plan_id = $1"


def _shelf(kind: NamedKind, condition: str) -> Shelf:
    return Shelf(
        table=kind,
        word=WORDS[kind],
        columns={"name": "$"},
        select="t.id, t.name",
        referrers=(Referrer("accounts", condition, "account"), Referrer("clients", condition, "client")),
    )


SHELVES: dict[NamedKind, Shelf] = {
    "rate_tables": _shelf("rate_tables", _BY_EITHER),
    "routing_plans": _shelf("routing_plans", _BY_PLAN),
}


async def list_named(db: Reader, kind: NamedKind, q: str, paging: Paging) -> Paged[Named]:
    """Those whose id is `q` or whose name contains it."""
    conditions = Conditions()
    conditions.quick_search(q)
    found = await find_rows(db, SHELVES[kind], conditions, paging)
    return Paged(rows=tuple(_named(kind, row) for row in found.rows), total=found.total, paging=found.paging)


async def get_named(db: Reader, kind: NamedKind, row_id: int) -> Named:
    """One. Raises NotFoundError."""
    return _named(kind, await read_row(db, SHELVES[kind], row_id))


async def named_users(db: Reader, kind: NamedKind, row_id: int) -> str:
    """Who refers to it, in words; "" where nobody does."""
    return await users_of(db, SHELVES[kind], row_id)


async def create_named(tx: Transaction, kind: NamedKind, draft: NamedDraft) -> int:
    """The new id. Raises FieldErrors where the name is taken."""
    return await insert_row(tx, SHELVES[kind], {"name": draft.name})


async def update_named(tx: Transaction, kind: NamedKind, row_id: int, draft: NamedDraft, etag: str | None) -> Named:
    """What is there now. Raises NotFoundError, ChangedError, FieldErrors; `etag` None: whatever it was."""
    shelf = SHELVES[kind]
    now = _named(kind, await lock_row(tx, shelf, row_id, etag))
    if draft.name != now.name:
        await update_row(tx, shelf, row_id, {"name": draft.name})
    return await get_named(tx, kind, row_id)


async def delete_named(tx: Transaction, kind: NamedKind, row_id: int, etag: str | None) -> None:
    """Raises NotFoundError, ChangedError, InUseError."""
    await delete_row(tx, SHELVES[kind], row_id, etag)


def _named(kind: NamedKind, row: Row) -> Named:
    return Named(id=row["id"], name=row["name"], etag=etag_of_row(SHELVES[kind], row))
