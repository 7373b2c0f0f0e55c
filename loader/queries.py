"""Every SQL text that the loader sends, and nothing else.

One SELECT serves both the full read and the catch-up: the ids come first, from the table itself or from the changes.
The columns stand in the order in which `loader/rows.py` takes them apart: id, whether the row is there, name, status.
"""

from typing import Final

from matcher.change import Table

TABLES: Final[tuple[Table, ...]] = ("resellers", "clients", "gateways", "accounts")

CHANNEL = "identd"

_BEGIN = """
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL enable_seqscan = {seqscan};
LOCK TABLE identd.resellers, identd.clients, identd.gateways, identd.accounts, identd.account_gateways,
    identd.changes, identd.changes_horizon IN ACCESS SHARE MODE
"""
"""The locks come before the snapshot: a TRUNCATE is not transactional for a snapshot that is older than it, and would
show an empty table to a reader that does not see the rows that were put in its place."""

BEGIN_READING = _BEGIN.format(seqscan="on")
BEGIN_FOLLOWING = _BEGIN.format(seqscan="off")
"""Changes are found by index whatever the planner believes: before its first ANALYZE it believes in a third of the
table, and then a change would wait for a scan of a day's changes."""

SNAPSHOT = """
SELECT pg_current_snapshot()::text, pg_is_in_recovery(), h.pruned_below::text
FROM identd.changes_horizon AS h
"""

IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system())::text,
    CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())::text
         ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END,
    (SELECT oid FROM pg_database WHERE datname = current_database())::text,
    (SELECT stats_reset FROM pg_stat_bgwriter)::text
"""
"""The fields of `changes.Identity`. A timeline starts whenever a standby is promoted."""

_NEW = "(xid >= $1::text::xid8 OR xid = ANY ($2::text[]::xid8[])) AND xid < $3::text::xid8"
"""Changes that the last snapshot did not see: from its xmax on, or running when it was taken. The upper bound keeps
out rows that a dump brought from another cluster, whose transaction ids mean nothing here."""

NEW_CHANGES = f"""
SELECT entity, sum(recorded)::bigint, bool_or(truncated), min(told)::float8 FROM (
    SELECT entity, count(*) AS recorded, bool_or(row_id IS NULL) AS truncated,
        extract(epoch FROM max(recorded_at)) AS told
    FROM identd.changes WHERE {_NEW} GROUP BY entity, xid
) AS transactions GROUP BY entity
"""  # noqa: S608 - constants of this file
"""A line a table. The last column: when the oldest of the transactions recorded its last change, just before it
committed; a transaction that was open for an hour would otherwise look like an hour's delay of ours."""

LAST_MARK = """
SELECT c.xid::text, extract(epoch FROM c.recorded_at)::float8 FROM identd.changes AS c
WHERE c.xid < $1::text::xid8 ORDER BY c.xid DESC LIMIT 1
"""
MARK_IS_THERE = """
SELECT EXISTS (SELECT FROM identd.changes
    WHERE xid = $1::text::xid8 AND extract(epoch FROM recorded_at)::float8 = $2::float8)
"""
"""Whether the history that we followed is this database's: what we saw last is still written in it."""

_COLUMNS: Final[dict[Table, str]] = {
    "resellers": "t.name, t.status, t.orig_capacity, t.term_capacity",
    "clients": """t.name, t.status, t.reseller_id, t.balance, t.credit_limit, t.low_balance_threshold,
        t.low_balance_capacity, t.orig_rate_table_id, t.term_rate_table_id, t.routing_plan_id,
        t.orig_capacity, t.term_capacity, t.orig_cps, t.term_cps, t.cps_burst""",
    "gateways": """t.name, NULL, t.secret_hash, t.addresses, t.ident_order, t.trusts_name, t.on_ambiguous,
        t.reserve_seconds, t.active_seconds, t.sip_codes::text""",
    "accounts": """t.name, t.status, t.client_id, t.ident_by, t.ip, t.ident_name, t.ani, t.tech_prefix,
        t.strip_tech_prefix, t.password, t.protocol, t.port, t.proxy,
        extract(epoch FROM t.valid_from)::float8, extract(epoch FROM t.valid_until)::float8,
        {gateways}, t.cps_burst,
        t.orig_enabled, t.orig_rate_table_id, t.routing_plan_id, t.orig_tags, t.orig_capacity, t.orig_cps,
        t.term_enabled, t.term_rate_table_id, t.term_tags, t.term_capacity, t.term_cps""",
}
_GATEWAYS_OF_ONE = "ARRAY(SELECT g.gateway_id FROM identd.account_gateways AS g WHERE g.account_id = t.id ORDER BY 1)"
_GATEWAYS_OF_ALL = """
LEFT JOIN (SELECT account_id, array_agg(gateway_id ORDER BY gateway_id) AS ids
           FROM identd.account_gateways GROUP BY account_id) AS bound ON bound.account_id = t.id
"""


def every_row(table: Table) -> str:
    """All rows of the table, in no order; takes no parameters. To be read with a cursor."""
    columns = _COLUMNS[table].format(gateways="bound.ids")
    bound = _GATEWAYS_OF_ALL if table == "accounts" else ""
    return f"SELECT t.id, true, {columns} FROM identd.{table} AS t {bound}"  # noqa: S608 - constants of this file


def accounts_by_id() -> str:
    """The accounts of `$1::bigint[]`, for who looks at a few with a connection that decodes inet its own way.

    Networks as bytes of the same format; of a password only that there is one.
    """
    columns = _COLUMNS["accounts"].format(gateways=_GATEWAYS_OF_ONE)
    ip = "(SELECT array_agg(inet_send(n) ORDER BY o) FROM unnest(t.ip) WITH ORDINALITY AS u (n, o))"
    password = "CASE WHEN t.password IS NOT NULL THEN 'idp1'::bytea END"  # noqa: S105
    columns = columns.replace("t.ip,", f"{ip},").replace("t.password,", f"{password},")
    return f"SELECT t.id, true, {columns} FROM identd.accounts AS t WHERE t.id = ANY ($1::bigint[])"  # noqa: S608


def changed_rows(table: Table) -> str:
    """The rows that are named in new changes, each once, also those that are gone; parameters as `NEW_CHANGES`."""
    columns = _COLUMNS[table].format(gateways=_GATEWAYS_OF_ONE)
    return f"""
        WITH named AS MATERIALIZED (
            SELECT DISTINCT row_id FROM identd.changes WHERE {_NEW} AND entity = '{table}' AND row_id IS NOT NULL)
        SELECT n.row_id, t.id IS NOT NULL, {columns} FROM named AS n LEFT JOIN identd.{table} AS t ON t.id = n.row_id
    """  # noqa: S608 - constants of this file
