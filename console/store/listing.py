"""A page of the accounts, and all of them in pages: what the table, the API, the export and the command line show.

A page is made in three steps of one snapshot: how many there are, the ids of the page, then everything about these
ids alone. The whole list is counted by `account_totals` and read from the nearer end of an index; a search is found
as a whole, up to FOUND_MAX, and sorted; one that finds more is read in order until the page is full.
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

from collections.abc import AsyncIterator

import msgspec

from console.database import Database, Row, Transaction
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
from console.store.account_columns import SELECT, account_of, networks_of
from console.store.account_search import Parameters, branches_of, is_filtered, where_of

_ORDERS: dict[SortKey, tuple[str, str, tuple[str, ...]]] = {
    "id": ("accounts AS s", "s.id", ("s.id",)),
    "name": ("accounts AS s", "s.id", ("s.name", "s.id")),
    "tech_prefix": ("accounts AS s", "s.id", ('s.tech_prefix COLLATE "C"', "s.id")),
    "client": ("account_order AS s", "s.account_id", ("s.client_name", "s.account_id")),
    "ident": ("account_order AS s", "s.account_id", ("s.ident_by", "s.address", "s.ident", "s.account_id")),
}
"""Sort key -> the table that has an index in this order, its account id, and the columns of that index."""


async def list_accounts(db: Database, wanted: AccountFilter, paging: Paging) -> AccountPage:
    """The page, clamped to the last one; every figure in it is of one moment."""
    async with db.transaction("", isolation="repeatable_read", readonly=True) as tx:
        # each search is planned for the text it has: how many rows a pattern finds differs a thousandfold
        await tx.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        if not is_filtered(wanted):
            total, has_more = await _total(tx), False
            paging = _clamped(paging, total)
            ids = await _ids_of_all(tx, paging, total)
        else:
            paging, ids, total, has_more = await _search(tx, wanted, paging)
        rows = tuple(map(_row_of, await tx.fetch(_PAGE, ids))) if ids else ()
        return AccountPage(rows=rows, total=total, paging=paging, has_more=has_more)


async def count_accounts(db: Database, wanted: AccountFilter) -> int:
    """How many the filter finds, all of them, however long that takes."""
    if not is_filtered(wanted):
        return await _total(db)
    put = Parameters()
    return int(await db.value(f"SELECT count(*) FROM accounts AS a WHERE {_all_of(wanted, put)}", *put.values))


async def export_pages(
    tx: Transaction, wanted: AccountFilter, rows: int = 1000
) -> AsyncIterator[tuple[Account, ...]]:
    """All accounts that the filter finds, in the order of ids, so many at a time."""
    put = Parameters()
    condition = _all_of(wanted, put) if is_filtered(wanted) else "true"
    async for page in tx.pages(f"{SELECT} WHERE {condition} ORDER BY a.id", *put.values, rows=rows):
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
    rows = await tx.fetch(
        f"SELECT {account_id} AS id FROM {table} ORDER BY {_order(paging, turned=turned)} OFFSET $1 LIMIT $2",
        skipped,
        taken,
    )
    ids = [row["id"] for row in rows]
    return ids[::-1] if turned else ids


async def _search(tx: Transaction, wanted: AccountFilter, paging: Paging) -> tuple[Paging, list[int], int, bool]:
    """Paging clamped, the ids of the page, how many there are, and whether there are more than that."""
    put = Parameters()
    branches = [
        f"(SELECT a.id FROM accounts AS a WHERE {branch} LIMIT {FOUND_MAX + 1})"
        for branch in branches_of(wanted, put)
    ]
    if not branches:
        return _clamped(paging, 0), [], 0, False
    found = await tx.fetch(f"SELECT id FROM ({' UNION '.join(branches)}) AS found LIMIT {FOUND_MAX + 1}", *put.values)
    total, has_more = min(len(found), FOUND_MAX), len(found) > FOUND_MAX
    paging = _clamped(paging, total)
    table, account_id, _ = _ORDERS[paging.sort]
    skipped = (paging.page - 1) * paging.size
    put = Parameters()
    if has_more:
        condition = where_of(wanted, put)
        source = f"{table} JOIN accounts AS a ON a.id = {account_id} JOIN clients AS c ON c.id = a.client_id"
    else:
        condition = f"{account_id} = ANY ({put([row['id'] for row in found])}::bigint[])"
        source = table
    rows = await tx.fetch(
        f"SELECT {account_id} AS id FROM {source} WHERE {condition} ORDER BY {_order(paging)}"
        f" OFFSET {put(skipped)} LIMIT {put(min(paging.size, total - skipped))}",
        *put.values,
    )
    return paging, [row["id"] for row in rows], total, has_more


def _order(paging: Paging, *, turned: bool = False) -> str:
    direction = " DESC" if paging.descending != turned else ""
    return ", ".join(column + direction for column in _ORDERS[paging.sort][2])


def _clamped(paging: Paging, total: int) -> Paging:
    last = max(1, -(-total // paging.size))
    return msgspec.structs.replace(paging, page=min(max(1, paging.page), last))


_PAGE = f"""
SELECT a.id, a.client_id, c.name AS client, c.client_type, c.status AS client_status, a.name, a.ident_by,
    a.ip[1:{NETWORKS_SHOWN_MAX}]::text[] AS ip, coalesce(cardinality(a.ip), 0) AS networks,
    a.ident_name, a.ani, a.tech_prefix,
    a.protocol, a.port, a.proxy, a.status, a.valid_from, a.valid_until, a.password IS NOT NULL AS has_password,
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
    return AccountRow(**values)
