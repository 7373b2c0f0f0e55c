"""The columns of identd.accounts on their way in and out: what is selected, a row as `Account`, its etag. Pure.

The password stays in the database: a row carries whether there is one and a hash of the stored value, for the etag.
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from console.database import Row
from console.objects.account import Account, AccountDraft
from matcher.address import AddressError, canonical_network, network_text

WRITTEN = tuple(name for name in AccountDraft.__struct_fields__ if name != "gateway_ids")
"""The columns that a draft has, in its order; all but `id` and `password`."""

TIMES = ("valid_from", "valid_until")
_DRAFT_FIELDS = AccountDraft.__struct_fields__
_AS_THEY_ARE = tuple(name for name in WRITTEN if name not in ("ip", "orig_tags", "term_tags", *TIMES))
_NAMES = ("client", "client_type", "client_status", "orig_rate_table", "routing_plan", "term_rate_table")


def time_read(column: str) -> str:
    """A time as Python can hold it: PostgreSQL's years go from -4713 to 294276, and beyond 1 to 9999 it is infinity.

    `moment_of` takes what comes of it.
    """
    return (
        f"CASE WHEN {column} <= '0001-01-01 00:00:00+00' THEN '-infinity'"
        f" WHEN {column} >= '9999-12-31 23:59:59.999999+00' THEN 'infinity' ELSE {column} END"
    )


def moment_of(when: datetime | None) -> datetime | None:
    """A time as it is read, always aware. Infinity is the last microsecond of 9999, -infinity the first of year 1.

    Written back these two are infinity and -infinity again.
    """
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def time_written(name: str, given: str) -> str:
    """What is written to the account `a`: a time that reads the same stays as it is, year 20000 too."""
    return f"CASE WHEN {time_read(f'a.{name}')} = {given} THEN a.{name} ELSE {given} END"


TIMES_READ = ", ".join(f"{time_read(f'a.{name}')} AS {name}" for name in TIMES)
"""Both times of the account `a`, to be selected."""

SELECT = f"""
SELECT a.id, {", ".join(f"a.{name}" for name in _AS_THEY_ARE)}, {TIMES_READ},
    a.ip::text[] AS ip, a.orig_tags, a.term_tags,
    a.password IS NOT NULL AS has_password, sha256(a.password) AS password_hash,
    c.name AS client, c.client_type, c.status AS client_status,
    o.name AS orig_rate_table, p.name AS routing_plan, t.name AS term_rate_table,
    g.ids AS gateway_ids, g.names AS gateways
FROM accounts AS a
JOIN clients AS c ON c.id = a.client_id
LEFT JOIN rate_tables AS o ON o.id = a.orig_rate_table_id
LEFT JOIN routing_plans AS p ON p.id = a.routing_plan_id
LEFT JOIN rate_tables AS t ON t.id = a.term_rate_table_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(g.id ORDER BY g.id), '{{}}') AS ids,
        coalesce(array_agg(g.name ORDER BY g.id), '{{}}') AS names
    FROM account_gateways AS b JOIN gateways AS g ON g.id = b.gateway_id WHERE b.account_id = a.id) AS g
"""
"""Rows for `account_of`; a WHERE or ORDER BY on `a` and `c` may follow."""


def account_of(row: Row) -> Account:
    """A row of SELECT as a value."""
    values = {name: row[name] for name in (*_AS_THEY_ARE, *_NAMES)}
    for name in ("gateway_ids", "orig_tags", "term_tags", "gateways"):
        values[name] = tuple(row[name])
    values["ip"] = networks_of(row["ip"] or ())
    for name in TIMES:
        values[name] = moment_of(row[name])
    account = Account(id=row["id"], has_password=row["has_password"], **values)
    return msgspec.structs.replace(account, etag=_etag(account, row["password_hash"] or b""))


def values_of(draft: AccountDraft) -> list[object]:
    """The values of WRITTEN as the columns take them: without networks `ip` is null."""
    return [None if name == "ip" and not draft.ip else getattr(draft, name) for name in WRITTEN]


def networks_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Networks as the database writes them -> canonical, each once, in their order; what is none stays as it is."""
    return tuple(dict.fromkeys(map(_network, texts)))


def _network(text: str) -> str:
    try:
        return network_text(canonical_network(text)[0])
    except AddressError:  # no CHECK lets one in that we cannot read; if it did, showing it is how it gets mended
        return text


def _etag(account: Account, password_hash: bytes) -> str:
    """16 hex digits over everything that can be edited, the stored password included."""
    edited = [getattr(account, name) for name in _DRAFT_FIELDS]
    return hashlib.blake2b(msgspec.msgpack.encode(edited) + password_hash, digest_size=8).hexdigest()
