"""Clients in SQL, and what a profile counts. The balance is billing's: it is written only where a draft says so."""

from decimal import Decimal

from console.database import Row, Transaction
from console.errors import FieldErrors
from console.objects.client import Client, ClientDraft, ClientFigures, ClientFilter, DirectionTotals
from console.objects.listing import Paging
from console.objects.paged import Paged
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

FIGURES_DAYS = 30

_COLUMNS = (
    "name", "client_type", "reseller_id", "status", "balance", "credit_limit", "low_balance_threshold",
    "low_balance_capacity", "orig_rate_table_id", "term_rate_table_id", "routing_plan_id", "orig_capacity",
    "term_capacity", "orig_cps", "term_cps", "cps_burst",
)  # fmt: skip

SHELF = Shelf(
    table="clients",
    word="client",
    columns=dict.fromkeys(_COLUMNS, "$"),
    not_in_etag=frozenset({"balance"}),  # billing changes it with every call
    select=", ".join(f"t.{column}" for column in ("id", *_COLUMNS))  # noqa: S608 - constants of this file
    + """, s.name AS reseller, o.name AS orig_rate_table, m.name AS term_rate_table, p.name AS routing_plan,
        (SELECT count(*) FROM identd.accounts AS a WHERE a.client_id = t.id) AS accounts""",
    joins="""LEFT JOIN identd.resellers AS s ON s.id = t.reseller_id
        LEFT JOIN identd.rate_tables AS o ON o.id = t.orig_rate_table_id
        LEFT JOIN identd.rate_tables AS m ON m.id = t.term_rate_table_id
        LEFT JOIN identd.routing_plans AS p ON p.id = t.routing_plan_id""",
    referrers=(Referrer("accounts", "client_id = $1", "account"),),
)


async def list_clients(db: Reader, wanted: ClientFilter, paging: Paging) -> Paged[Client]:
    """One page of those that the filter finds."""
    conditions = Conditions()
    conditions.quick_search(wanted.q)
    for column in ("client_type", "status", "reseller_id"):
        if value := getattr(wanted, column):
            conditions.add(f"t.{column} = $", value)
    found = await find_rows(db, SHELF, conditions, paging)
    return Paged(rows=tuple(map(_client, found.rows)), total=found.total, paging=found.paging)


async def client_types(db: Reader) -> tuple[str, ...]:
    """The types that clients have, at most 100, in alphabetical order."""
    rows = await db.fetch("SELECT DISTINCT client_type FROM identd.clients ORDER BY 1 LIMIT 100")
    return tuple(row["client_type"] for row in rows)


async def get_client(db: Reader, client_id: int) -> Client:
    """One. Raises NotFoundError."""
    return _client(await read_row(db, SHELF, client_id))


async def client_figures(db: Reader, client_id: int, days: int = FIGURES_DAYS) -> ClientFigures:
    """Its accounts, on and off, and what they did in so many days, today (of the database's zone) included."""
    on = "orig_enabled OR term_enabled"
    accounts = await db.row(
        f"""SELECT count(*) FILTER (WHERE {on}) AS accounts_on, count(*) FILTER (WHERE NOT ({on})) AS accounts_off
            FROM identd.accounts WHERE client_id = $1""",  # noqa: S608 - a constant
        client_id,
    )
    assert accounts is not None, "an aggregate has one row"
    rows = await db.fetch(
        """SELECT s.direction, sum(s.calls)::bigint AS calls, sum(s.refused)::bigint AS refused,
               sum(s.seconds)::bigint AS seconds, sum(s.amount) AS amount
           FROM identd.accounts AS a JOIN identd.account_statistics AS s ON s.account_id = a.id
           WHERE a.client_id = $1 AND s.day > current_date - $2::int
           GROUP BY s.direction ORDER BY s.direction""",
        client_id,
        days,
    )
    totals = {row["direction"]: DirectionTotals(**dict(row)) for row in rows}
    return ClientFigures(
        **dict(accounts),
        days=days,
        totals=tuple(
            totals.get(direction)
            or DirectionTotals(direction=direction, calls=0, refused=0, seconds=0, amount=Decimal(0))
            for direction in ("orig", "term")
        ),
    )


async def create_client(tx: Transaction, draft: ClientDraft) -> int:
    """The new id; its balance is 0 unless the draft says otherwise. Raises FieldErrors."""
    return await insert_row(tx, SHELF, _values(draft) | {"balance": draft.balance or Decimal(0)})


async def update_client(tx: Transaction, client_id: int, draft: ClientDraft, etag: str | None) -> Client:
    """What is there now. Raises NotFoundError, ChangedError, FieldErrors; `etag` None: whatever it was.

    A balance that billing changed since it was read is refused at its field: nobody's charges are written over, also
    where `etag` is None, for the balance is no part of it. A balance that does not say what was read is refused too.
    """
    now = _client(await lock_row(tx, SHELF, client_id, etag))
    values = changed(_values(now), _values(draft))
    if draft.balance is not None and draft.balance_was is None:
        raise FieldErrors({"balance_was": "Send the balance that you read: billing changes it with every call"})
    if draft.balance is not None and draft.balance != now.balance:
        if draft.balance_was != now.balance:
            raise FieldErrors({"balance": f"Billing made it {now.balance:f} meanwhile: look again what it should be"})
        values["balance"] = draft.balance
    await update_row(tx, SHELF, client_id, values)
    return await get_client(tx, client_id)


async def delete_client(tx: Transaction, client_id: int, etag: str | None) -> None:
    """Raises NotFoundError, ChangedError, InUseError."""
    await delete_row(tx, SHELF, client_id, etag)


def _values(draft: ClientDraft) -> dict[str, object]:
    """Everything but the balance."""
    return {name: getattr(draft, name) for name in _COLUMNS if name != "balance"}


def _client(row: Row) -> Client:
    return Client(**dict(row), balance_was=row["balance"], etag=etag_of_row(SHELF, row))
