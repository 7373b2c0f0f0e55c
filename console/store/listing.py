"""A page of the accounts, and all of them in pages: what the table, the API, the export and the command line show.

A page is made in three steps of one snapshot: how many there are, the ids of the page, then everything about these
ids alone. The whole list is counted by `account_totals` and read from the nearer end of an index; a search is found
as a whole, up to FOUND_MAX, and sorted. What finds more is counted where indexes do that (all of a client, of a
gateway, what is on), and all its pages can be reached; else it ends at FOUND_MAX and says so. Its page is read in
order until it is full; where that takes too long (the order asked for has what is wanted at its far end) all of it is
sorted, or what was not counted is made of the first FOUND_MAX, and says that too.
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

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
from console.store.account_search import Parameters, branches_of, is_counted, is_filtered, others_of, where_of

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

COUNTING_MS_MAX = 1_000
"""How long counting may take what an index tells: half a million accounts of one gateway."""

SEARCHING_MS_MAX = 10_000
"""Of any statement here. None is known that needs it: it is for machines that have much else to do."""

_TOO_LONG = "This search takes too long: ask for less."

_SETTINGS = {
    "statement_timeout": str(SEARCHING_MS_MAX),
    "plan_cache_mode": "force_custom_plan",  # what a pattern finds differs a thousandfold from one to the next
    "max_parallel_workers_per_gather": "0",  # starting them costs 10 ms and takes the cores that answer calls
    "work_mem": "64MB",  # a table of all that a page leaves out is looked into for each row that is passed over
    "random_page_cost": "1.1",  # what is searched is in memory
    "jit": "off",  # compiling takes longer than any of these statements
    "synchronize_seqscans": "off",  # the next page has to begin where this one did
}
_PREPARE = "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())

_OTHER_WAYS = ("sort", "incremental_sort", "hashjoin", "mergejoin", "bitmapscan", "seqscan")
"""Without them one plan is left: along the index, each row looked at, until the page is full."""


async def list_accounts(db: Database, wanted: AccountFilter, paging: Paging) -> AccountPage:
    """The page, clamped to the last one; every figure in it is of one moment. BusyError after SEARCHING_MS_MAX."""
    try:
        return await _list(db, wanted, paging)
    except BusyError as fault:
        raise BusyError(_TOO_LONG) from fault


async def _list(db: Database, wanted: AccountFilter, paging: Paging) -> AccountPage:
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
    branches = branches_of(wanted, put)
    return f"a.id IN ({_ids_found(branches)})" if branches else "false"


async def _total(source: Database | Transaction) -> int:
    return int(await source.value("SELECT coalesce(sum(change), 0)::bigint FROM account_totals"))


async def _ids_of_all(tx: Transaction, paging: Paging, total: int, but: Sequence[str] = ()) -> list[int]:
    """From the nearer end: the last page costs what the first does, and none more than half of the index.

    `but`: branches that find what is not on any page.
    """
    table, account_id, _ = _ORDERS[paging.sort]
    turned, skipped, taken = _nearer(paging, total)
    where = f"WHERE s.{account_id} NOT IN ({_ids_found(but)})" if but else ""
    ids: list[int] = await tx.value(
        f"SELECT ARRAY(SELECT s.{account_id} FROM {table} AS s {where} ORDER BY {_order('s', paging, turned=turned)}"
        " OFFSET $1 LIMIT $2)",
        skipped,
        taken,
    )
    return ids[::-1] if turned else ids


def _nearer(paging: Paging, total: int) -> tuple[bool, int, int]:
    """Whether the page is read from the far end, how many rows are passed over until there, and how many it has."""
    skipped = (paging.page - 1) * paging.size
    taken = max(0, min(paging.size, total - skipped))
    after = total - skipped - taken
    return (True, after, taken) if skipped > after else (False, skipped, taken)


async def _search(tx: Transaction, wanted: AccountFilter, paging: Paging) -> AccountPage:
    found = await _found(tx, wanted)
    if len(found) > FOUND_MAX:
        return await _search_among_many(tx, wanted, paging, found[:FOUND_MAX])
    paging = _clamped(paging, len(found))
    ids = await _ids_of(tx, found, paging)
    return AccountPage(rows=await _rows(tx, ids), total=len(found), paging=paging)


async def _search_among_many(
    tx: Transaction, wanted: AccountFilter, paging: Paging, first: Sequence[int]
) -> AccountPage:
    others = others_of(wanted)
    counted = await _counted(tx, wanted, others) if is_counted(wanted) else None
    total = len(first) if counted is None else counted
    paging = _clamped(paging, total)
    is_sorted = True
    if counted is not None and others is not None:
        ids: list[int] | None = await _ids_of_all(tx, paging, counted, others)
    else:
        ids = await _ids_in_order(tx, wanted, paging, counted)
    if ids is None and counted is not None:
        ids = await _ids_sorted(tx, wanted, paging, counted)
    elif ids is None:
        ids, is_sorted = await _ids_of(tx, first, paging), False
    rows = await _rows(tx, ids)
    return AccountPage(rows=rows, total=total, paging=paging, has_more=counted is None, is_sorted=is_sorted)


async def _counted(tx: Transaction, wanted: AccountFilter, others: Sequence[str] | None) -> int | None:
    """How many the filter finds, by `others` all that it does not; None where counting takes too long."""
    put = Parameters()
    found = _ids_found(branches_of(wanted, put) if others is None else others)
    async with _limited(tx, COUNTING_MS_MAX):
        count = int(await tx.value(f"SELECT count(*) FROM ({found}) AS found", *put.values))
        return count if others is None else await _total(tx) - count
    return None


def _ids_found(branches: Sequence[str], limit: str = "") -> str:
    """The ids that these branches find, each once."""
    return " UNION ".join(f"(SELECT a.id FROM accounts AS a WHERE {branch}{limit})" for branch in branches)


@contextlib.asynccontextmanager
async def _limited(tx: Transaction, milliseconds: int, *settings: str) -> AsyncIterator[None]:
    """Within it statements take no longer: the rest of the block is left out, and the transaction goes on."""
    limits = (f"statement_timeout = {milliseconds}", *settings)
    await tx.execute("SAVEPOINT limited; " + "; ".join(f"SET LOCAL {setting}" for setting in limits))
    with contextlib.suppress(BusyError):
        yield
    await tx.execute("ROLLBACK TO SAVEPOINT limited")


async def _found(tx: Transaction, wanted: AccountFilter) -> list[int]:
    """The ids of what the filter finds, and one too many where there are more than FOUND_MAX."""
    put = Parameters()
    branches = branches_of(wanted, put, FOUND_MAX + 1)
    if not branches:
        return []
    limit = f" LIMIT {FOUND_MAX + 1}"
    found: list[int] = await tx.value(
        f"SELECT ARRAY(SELECT id FROM ({_ids_found(branches, limit)}) AS found{limit})", *put.values
    )
    return found


async def _ids_of(tx: Transaction, found: Sequence[int], paging: Paging) -> list[int]:
    """Of these accounts the ones on the page; all are read and sorted."""
    put = Parameters()
    return await _sorted(tx, f"unnest({put(found)}::bigint[])", put, paging, len(found))


async def _ids_sorted(tx: Transaction, wanted: AccountFilter, paging: Paging, total: int) -> list[int]:
    """The page out of all that the filter finds; all are read and sorted."""
    put = Parameters()
    return await _sorted(tx, f"({_ids_found(branches_of(wanted, put))})", put, paging, total)


async def _sorted(tx: Transaction, found: str, put: Parameters, paging: Paging, total: int) -> list[int]:
    table, account_id, columns = _ORDERS[paging.sort]
    turned, skipped, taken = _nearer(paging, total)
    ids: list[int] = await tx.value(
        f"""
        WITH s AS MATERIALIZED (
            SELECT s.{", s.".join(column.partition(" ")[0] for column in columns)}
            FROM {found} AS found (id) JOIN {table} AS s ON s.{account_id} = found.id)
        SELECT ARRAY(
            SELECT s.{account_id} FROM s ORDER BY {_order("s", paging, turned=turned)}
            OFFSET {put(skipped)} LIMIT {put(taken)})
        """,
        *put.values,
    )
    return ids[::-1] if turned else ids


async def _ids_in_order(
    tx: Transaction, wanted: AccountFilter, paging: Paging, counted: int | None
) -> list[int] | None:
    """The page out of all that the filter finds; None where it does not fill in time.

    What was not counted has no far end to begin at.
    """
    table, account_id, _ = _ORDERS[paging.sort]
    put = Parameters()
    beside = "" if table == "accounts" else f"{table} AS s JOIN accounts AS a ON a.id = s.{account_id}"
    turned, skipped, taken = _nearer(paging, FOUND_MAX if counted is None else counted)
    if turned and counted is None:
        turned, skipped = False, (paging.page - 1) * paging.size
    statement = f"""
        SELECT ARRAY(
            SELECT a.id FROM {beside or "accounts AS a"} LEFT JOIN clients AS c ON c.id = a.client_id
            WHERE {where_of(wanted, put)} ORDER BY {_order("s" if beside else "a", paging, turned=turned)}
            OFFSET {put(skipped)} LIMIT {put(taken)})
    """
    async with _limited(tx, SORTING_MS_MAX, *(f"enable_{way} = off" for way in _OTHER_WAYS)):
        ids: list[int] = await tx.value(statement, *put.values)
        return ids[::-1] if turned else ids
    return None


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
