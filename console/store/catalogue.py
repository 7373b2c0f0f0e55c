"""What clients, resellers, gateways, rate tables and routing plans have in common in SQL: each is rows of one table.

A `Shelf` says how its rows are read and written; the functions here list, read, lock, write and delete them. The
modules of the single things (`clients.py`, `gateways.py` …) make values of the rows; nobody else comes here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from console.database import Database, Row, Session, Transaction
from console.errors import ChangedError, InUseError, NotFoundError
from console.objects.listing import Paging
from console.objects.paged import clamped
from console.objects.row_id import ID_MAX, read_id
from console.store.catalogue_faults import as_field_errors
from console.store.patterns import part_of

Reader = Database | Session

_SORTS = {"id": "t.id", "name": "t.name"}


class Referrer(NamedTuple):
    """Rows of `table` refer to the entry $1 where `condition` holds; people call one of them `word`."""

    table: str
    condition: str
    word: str


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `columns`: what can be written, each with how it is written: `$` is the parameter.

    `select`: what is read of a row `t`, with `joins`. `referrers`: who keeps an entry from being deleted.
    `not_in_etag`: columns that others write all the time, so that what was read of the rest is still what is there.
    """

    table: str
    word: str
    columns: Mapping[str, str]
    select: str
    joins: str = ""
    not_in_etag: frozenset[str] = frozenset()
    referrers: tuple[Referrer, ...]


class Found(NamedTuple):
    """The rows of one page; `paging` is what was asked for, with the page that there is."""

    rows: Sequence[Row]
    total: int
    paging: Paging


class Conditions:
    """What all must hold of a row `t`, collected with its parameters."""

    __slots__ = ("_texts", "values")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.values: list[object] = []

    def add(self, text: str, value: object) -> None:
        """A condition in which `$` stands for the value."""
        self.values.append(value)
        self._texts.append(text.replace("$", f"${len(self.values)}"))

    def quick_search(self, text: str) -> None:
        """An id, or a part of the name without regard to case; "" is no condition."""
        wanted = text.strip().replace("\0", "")
        if (row_id := read_id(wanted.removeprefix("#"))) is not None:
            self.add("(t.id = ($::text[])[1]::bigint OR t.name ILIKE ($::text[])[2])", [str(row_id), part_of(wanted)])
        elif wanted:
            self.add("t.name ILIKE $", part_of(wanted))

    @property
    def where(self) -> str:
        """The clause."""
        return " WHERE " + " AND ".join(self._texts) if self._texts else ""


async def find_rows(db: Reader, shelf: Shelf, conditions: Conditions, paging: Paging) -> Found:
    """One page of the rows that fulfil the conditions, by id or by name; another order is by id."""
    total = await db.value(f"SELECT count(*) FROM identd.{shelf.table} AS t{conditions.where}", *conditions.values)  # noqa: S608
    paging = clamped(paging, total)
    way = "DESC" if paging.descending else "ASC"
    order = f"{_SORTS.get(paging.sort, 't.id')} {way}"
    # the page first: what is counted for a row is counted for those that are shown
    rows = await db.fetch(
        f"""SELECT {shelf.select} FROM (
                SELECT t.* FROM identd.{shelf.table} AS t{conditions.where}
                ORDER BY {order} LIMIT {paging.size:d} OFFSET {(paging.page - 1) * paging.size:d}) AS t
            {shelf.joins} ORDER BY {order}""",  # noqa: S608 - words of this room
        *conditions.values,
    )
    return Found(rows, total, paging)


async def read_row(db: Reader, shelf: Shelf, row_id: int) -> Row:
    """The row. Raises NotFoundError."""
    row = None
    if 1 <= row_id <= ID_MAX:
        row = await db.row(
            f"SELECT {shelf.select} FROM identd.{shelf.table} AS t {shelf.joins} WHERE t.id = $1",  # noqa: S608
            row_id,
        )
    if row is None:
        raise NotFoundError(shelf.word, row_id)
    return row


async def lock_row(tx: Transaction, shelf: Shelf, row_id: int, etag: str | None, *, to_delete: bool = False) -> Row:
    """The row as it is now and stays until the transaction ends. Raises NotFoundError.

    Raises ChangedError unless it is what was read; `etag` None: whatever it is. Locked for deleting, nobody can begin
    to refer to it either.
    """
    if 1 <= row_id <= ID_MAX:
        strength = "UPDATE" if to_delete else "NO KEY UPDATE"
        await tx.execute(f"SELECT FROM identd.{shelf.table} WHERE id = $1 FOR {strength}", row_id)
    row = await read_row(tx, shelf, row_id)
    if etag is not None and etag != (now := etag_of_row(shelf, row)):
        raise ChangedError(shelf.word, row_id, now)
    return row


async def insert_row(tx: Transaction, shelf: Shelf, values: Mapping[str, object]) -> int:
    """The new id. Raises FieldErrors where the table refuses a value."""
    named = list(values)
    places = ", ".join(_place(shelf, name, number) for number, name in enumerate(named, 1))
    with as_field_errors():
        row_id = await tx.value(
            f"INSERT INTO identd.{shelf.table} ({', '.join(named)}) VALUES ({places}) RETURNING id",  # noqa: S608
            *values.values(),
        )
    return int(row_id)


async def update_row(tx: Transaction, shelf: Shelf, row_id: int, values: Mapping[str, object]) -> None:
    """Write these columns of a row that is locked. Raises FieldErrors where the table refuses a value."""
    if not values:
        return
    sets = ", ".join(f"{name} = {_place(shelf, name, number)}" for number, name in enumerate(values, 2))
    with as_field_errors():
        await tx.execute(f"UPDATE identd.{shelf.table} SET {sets} WHERE id = $1", row_id, *values.values())  # noqa: S608


async def delete_row(tx: Transaction, shelf: Shelf, row_id: int, etag: str | None) -> None:
    """Delete it. Raises NotFoundError, ChangedError, InUseError."""
    row = await lock_row(tx, shelf, row_id, etag, to_delete=True)
    if by := await users_of(tx, shelf, row_id):
        raise InUseError(shelf.word, row["name"], by)
    await tx.execute(f"DELETE FROM identd.{shelf.table} WHERE id = $1", row_id)  # noqa: S608


async def users_of(db: Reader, shelf: Shelf, row_id: int) -> str:
    """Who refers to it, in words: "12 accounts and 1 client"; "" where nobody does."""
    counts = []
    for referrer in shelf.referrers:
        number = await db.value(f"SELECT count(*) FROM identd.{referrer.table} WHERE {referrer.condition}", row_id)  # noqa: S608
        if number:
            counts.append(f"{number:,} {referrer.word}{'' if number == 1 else 's'}")
    return " and ".join(counts)


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    """The columns that differ, as they are afterwards."""
    return {name: value for name, value in after.items() if value != before[name]}


def etag_of_row(shelf: Shelf, row: Row) -> str:
    """16 hex digits that are the same exactly when the columns that can be written and are not left out are."""
    read = [None if row[name] is None else str(row[name]) for name in shelf.columns if name not in shelf.not_in_etag]
    return hashlib.blake2b(msgspec.json.encode(read), digest_size=8).hexdigest()


def _place(shelf: Shelf, name: str, number: int) -> str:
    return shelf.columns[name].replace("$", f"${number}")
