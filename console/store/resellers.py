"""Resellers in SQL."""

from console.database import Row, Transaction
from console.objects.listing import Paging
from console.objects.paged import Paged
from console.objects.reseller import Reseller, ResellerDraft
from console.store.catalogue import (
    Conditions,
    Reader,
    Referrer,
    Shelf,
    changed,
    delete_row,
    etag_of_row,
    find_rows,
    insert_row,
    lock_row,
    read_row,
    update_row,
)

SHELF = Shelf(
    table="resellers",
    word="reseller",
    columns={"name": "$", "status": "$", "orig_capacity": "$", "term_capacity": "$"},
    select="""t.id, t.name, t.status, t.orig_capacity, t.term_capacity,
        (SELECT count(*) FROM identd.clients AS c WHERE c.reseller_id = t.id) AS clients""",
    referrers=(Referrer("clients", "reseller_id = $1", "client"),),
)


async def list_resellers(db: Reader, q: str, paging: Paging) -> Paged[Reseller]:
    """Those whose id is `q` or whose name contains it."""
    conditions = Conditions()
    conditions.quick_search(q)
    found = await find_rows(db, SHELF, conditions, paging)
    return Paged(rows=tuple(map(_reseller, found.rows)), total=found.total, paging=found.paging)


async def get_reseller(db: Reader, reseller_id: int) -> Reseller:
    """One. Raises NotFoundError."""
    return _reseller(await read_row(db, SHELF, reseller_id))


async def create_reseller(tx: Transaction, draft: ResellerDraft) -> int:
    """The new id. Raises FieldErrors."""
    return await insert_row(tx, SHELF, _values(draft))


async def update_reseller(tx: Transaction, reseller_id: int, draft: ResellerDraft, etag: str | None) -> Reseller:
    """What is there now. Raises NotFoundError, ChangedError, FieldErrors; `etag` None: whatever it was."""
    now = _reseller(await lock_row(tx, SHELF, reseller_id, etag))
    await update_row(tx, SHELF, reseller_id, changed(_values(now), _values(draft)))
    return await get_reseller(tx, reseller_id)


async def delete_reseller(tx: Transaction, reseller_id: int, etag: str | None) -> None:
    """Raises NotFoundError, ChangedError, InUseError."""
    await delete_row(tx, SHELF, reseller_id, etag)


def _values(draft: ResellerDraft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in SHELF.columns}


def _reseller(row: Row) -> Reseller:
    return Reseller(**dict(row), etag=etag_of_row(SHELF, row))
