"""A page of the accounts, and all of them in pages: what the table, the API, the export and the command line show.

A page is made in three steps of one snapshot: how many there are, the ids of the page, then everything about these
ids alone. The whole list is counted by `account_totals` and read from the nearer end of an index; a search is found
as a whole, up to FOUND_MAX, and sorted; one that finds more is read in order until the page is full. Where that takes
too long (the order asked for has what is wanted at its far end) the page is made of the first FOUND_MAX, and says so.
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

import contextlib
from collections.abc import AsyncGenerator, Sequence

import msgspec

from console.database import Database, Row, Transaction
from console.errors import BusyError
from console.objects.account import Account
from console.objects.listing import (
    FOUND_MAX,
    NETWORKS_SHOWN_MAX,
    AccountFilter,
    AccountPage,
    AccountRow,
    Paging,
    SortKey,
)
from console.store.account_columns import SELECT, TIMES, TIMES_READ, account_of, moment_of, networks_of
from console.store.account_search import Parameters, branches_of, is_filtered, where_of

_ORDERS: dict[SortKey, tuple[str, str, tuple[str, ...]]] = {
    "id": ("accounts", "id", ("id",)),
    "name": ("accounts", "id", ("name", "id")),
    "tech_prefix": ("accounts", "id", ('tech_prefix COLLATE "C"', "id")),
    "client": ("account_order", "account_id", ("client_name", "account_id")),
    "ident": ("account_order", "account_id", ("ident_by", "address", "ident", "account_id")),
}
"""Sort key -> the table that has an index in this order, its account's id, and the columns of that index."""

SORTING_MS_MAX = 60
"""How long a search that finds more than FOUND_MAX may look for the rows of its page in the order asked for."""

_SETTINGS = {
    "plan_cache_mode": "force_custom_plan",  # what a pattern finds differs a thousandfold from one to the next
    "max_parallel_workers_per_gather": "0",  # starting them costs 10 ms and takes the cores that answer calls
    "random_page_cost": "1.1",  # what is searched is in memory
    "jit": "off",  # compiling takes longer than any of these statements
    "synchronize_seqscans": "off",  # the next page has to begin where this one did
}
_PREPARE = "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())

_OTHER_WAYS = ("sort", "incremental_sort", "hashjoin", "mergejoin", "bitmapscan", "seqscan")
"""Without them one plan is left: along the index, each row looked at, until the page is full."""


async def list_accounts(db: Database, wanted: AccountFilter, paging: Paging) -> AccountPage:
    """The page, clamped to the last one; every figure in it is of one moment."""
    async with db.transaction("", isolation="repeatable_read", readonly=True) as tx:
        await tx.execute(_PREPARE)
        if is_filtered(wanted):
            return await _search(tx, wanted, paging)
        total = await _total(tx)
        paging = _clamped(paging, total)
        return AccountPage(rows=await _rows(tx, await _ids_of_all(tx, paging, total)), total=total, paging=paging)


async def count_accounts(db: Database, wanted: AccountFilter) -> int:
    """How many the filter finds, all of them, however long that takes."""
    if not is_filtered(wanted):
        return await _total(db)
    put = Parameters()
    return int(await db.value(f"SELECT count(*) FROM accounts AS a WHERE {_all_of(wanted, put)}", *put.values))


async def export_pages(
    tx: Transaction, wanted: AccountFilter, rows: int = 1000
) -> AsyncGenerator[tuple[Account, ...], None]:
    """All accounts that the filter finds, in the order of ids, so many at a time."""
    put = Parameters()
    condition = _all_of(wanted, put) if is_filtered(wanted) else "true"
    async with contextlib.aclosing(
        tx.pages(f"{SELECT} WHERE {condition} ORDER BY a.id", *put.values, rows=rows)
    ) as pages:
        async for page in pages:
            yield tuple(map(account_of, page))


def _all_of(wanted: AccountFilter, put: Parameters) -> str:
    branches = [f"SELECT a.id FROM accounts AS a WHERE {branch}" for branch in branches_of(wanted, put)]
    return f"a.id IN ({' UNION '.join(branches)})" if branches else "false"


async def _total(source: Database | Transaction) -> int:
    return int(await source.value("SELECT coalesce(sum(change), 0)::bigint FROM account_totals"))


async def _ids_of_all(tx: Transaction, paging: Paging, total: int) -> list[int]:
    """From the nearer end: the last page costs what the first does, and none more than half of the index."""
    table, account_id, _ = _ORDERS[paging.sort]
    skipped = (paging.page - 1) * paging.size
    taken = max(0, min(paging.size, total - skipped))
    turned = skipped > total - skipped - taken
    if turned:
        skipped = total - skipped - taken
    ids: list[int] = await tx.value(
        f"SELECT ARRAY(SELECT s.{account_id} FROM {table} AS s ORDER BY {_order('s', paging, turned=turned)}"
        " OFFSET $1 LIMIT $2)",
        skipped,
        taken,
    )
    return ids[::-1] if turned else ids


async def _search(tx: Transaction, wanted: AccountFilter, paging: Paging) -> AccountPage:
    found = await _found(tx, wanted)
    has_more = len(found) > FOUND_MAX
    del found[FOUND_MAX:]
    paging = _clamped(paging, len(found))
    ids = await _ids_in_order(tx, wanted, paging) if has_more else await _ids_of(tx, found, paging)
    is_sorted = ids is not None
    if ids is None:
        ids = await _ids_of(tx, found, paging)
    return AccountPage(
        rows=await _rows(tx, ids), total=len(found), paging=paging, has_more=has_more, is_sorted=is_sorted
    )


async def _found(tx: Transaction, wanted: AccountFilter) -> list[int]:
    """The ids of what the filter finds, and one too many where there are more than FOUND_MAX."""
    put = Parameters()
    branches = [
        f"(SELECT a.id FROM accounts AS a WHERE {branch} LIMIT {FOUND_MAX + 1})"
        for branch in branches_of(wanted, put)
    ]
    if not branches:
        return []
    found: list[int] = await tx.value(
        f"SELECT ARRAY(SELECT id FROM ({' UNION '.join(branches)}) AS found LIMIT {FOUND_MAX + 1})", *put.values
    )
    return found


async def _ids_of(tx: Transaction, found: Sequence[int], paging: Paging) -> list[int]:
    """Of these accounts the ones on the page; all are read and sorted."""
    table, account_id, columns = _ORDERS[paging.sort]
    ids: list[int] = await tx.value(
        f"""
        WITH s AS MATERIALIZED (
            SELECT s.{", s.".join(column.partition(" ")[0] for column in columns)}
            FROM unnest($1::bigint[]) AS found (id) JOIN {table} AS s ON s.{account_id} = found.id)
        SELECT ARRAY(SELECT s.{account_id} FROM s ORDER BY {_order("s", paging)} OFFSET $2 LIMIT $3)
        """,
        found,
        (paging.page - 1) * paging.size,
        paging.size,
    )
    return ids


async def _ids_in_order(tx: Transaction, wanted: AccountFilter, paging: Paging) -> list[int] | None:
    """The page out of all that the filter finds; None where it does not fill in time."""
    table, account_id, _ = _ORDERS[paging.sort]
    put = Parameters()
    beside = "" if table == "accounts" else f"{table} AS s JOIN accounts AS a ON a.id = s.{account_id}"
    skipped = (paging.page - 1) * paging.size
    statement = f"""
        SELECT ARRAY(
            SELECT a.id FROM {beside or "accounts AS a"} LEFT JOIN clients AS c ON c.id = a.client_id
            WHERE {where_of(wanted, put)} ORDER BY {_order("s" if beside else "a", paging)}
            OFFSET {put(skipped)} LIMIT {put(min(paging.size, FOUND_MAX - skipped))})
    """
    await tx.execute(
        f"SAVEPOINT in_order; SET LOCAL statement_timeout = {SORTING_MS_MAX}; "
        + "; ".join(f"SET LOCAL enable_{way} = off" for way in _OTHER_WAYS)
    )
    ids: list[int] | None = None
    with contextlib.suppress(BusyError):
        ids = await tx.value(statement, *put.values)
    await tx.execute("ROLLBACK TO SAVEPOINT in_order")
    return ids


def _order(alias: str, paging: Paging, *, turned: bool = False) -> str:
    direction = " DESC" if paging.descending != turned else ""
    return ", ".join(f"{alias}.{column}{direction}" for column in _ORDERS[paging.sort][2])


def _clamped(paging: Paging, total: int) -> Paging:
    last = max(1, -(-total // paging.size))
    return msgspec.structs.replace(paging, page=min(max(1, paging.page), last))


async def _rows(tx: Transaction, ids: Sequence[int]) -> tuple[AccountRow, ...]:
    return tuple(map(_row_of, await tx.fetch(_PAGE, ids))) if ids else ()


_PAGE = f"""
SELECT a.id, a.client_id, c.name AS client, c.client_type, c.status AS client_status, a.name, a.ident_by,
    a.ip[1:{NETWORKS_SHOWN_MAX}]::text[] AS ip, coalesce(cardinality(a.ip), 0) AS networks,
    a.ident_name, a.ani, a.tech_prefix,
    a.protocol, a.port, a.proxy, a.status,
    {TIMES_READ}, a.password IS NOT NULL AS has_password,
    g.names AS gateways, a.orig_enabled, a.orig_rate_table_id, o.name AS orig_rate_table, a.routing_plan_id,
    p.name AS routing_plan, a.orig_tags, a.orig_capacity, a.orig_cps, a.term_enabled, a.term_rate_table_id,
    t.name AS term_rate_table, a.term_tags, a.term_capacity, a.term_cps, d.day AS last_day
FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN accounts AS a ON a.id = wanted.id
JOIN clients AS c ON c.id = a.client_id
LEFT JOIN rate_tables AS o ON o.id = a.orig_rate_table_id
LEFT JOIN routing_plans AS p ON p.id = a.routing_plan_id
LEFT JOIN rate_tables AS t ON t.id = a.term_rate_table_id
LEFT JOIN LATERAL (
    SELECT array_agg(g.name ORDER BY g.id) AS names
    FROM account_gateways AS b JOIN gateways AS g ON g.id = b.gateway_id WHERE b.account_id = a.id) AS g ON true
LEFT JOIN LATERAL (
    SELECT day FROM account_statistics WHERE account_id = a.id AND calls > 0 ORDER BY day DESC LIMIT 1) AS d ON true
ORDER BY wanted.place
"""


def _row_of(row: Row) -> AccountRow:
    values = dict(row)
    values["ip"] = networks_of(row["ip"] or ())
    for name in ("gateways", "orig_tags", "term_tags"):
        values[name] = tuple(row[name] or ())
    for name in TIMES:
        values[name] = moment_of(row[name])
    return AccountRow(**values)
