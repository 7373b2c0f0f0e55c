"""Which accounts the daemon may meet on the way to this one: those whose networks, names or numbers overlap.

Found by index at any size, those that matter most first: the same place, then wider ones, then narrower ones.
Bounded: thousands may lie at one address, and a /0 overlaps with all there are.
"""

from collections.abc import Iterable, Sequence

from console.database import Database, Row, Session
from console.objects.account import AccountDraft
from console.objects.matched_account import ClientFacts, Neighbours, matched
from console.store.patterns import beginning_with
from loader.queries import accounts_by_id
from loader.rows import change_of
from matcher.account import Account
from matcher.address import network_text
from matcher.change import AccountPut
from matcher.side import ani_key

NEIGHBOURS_MAX = 200
COUNTED_MAX = 2_000
"""Overlaps of each sort that are looked at; that there are more is said, not how many."""

_RANKED = """
SELECT e.account_id, count(*) OVER () AS total, (SELECT count(*) FROM near) AS looked_at
FROM (SELECT account_id, min(rank) AS rank FROM near GROUP BY account_id) AS e
JOIN accounts AS a ON a.id = e.account_id
WHERE e.account_id <> $2
ORDER BY a.orig_enabled OR a.term_enabled DESC, e.rank, coalesce(a.tech_prefix, '') = $3 DESC, e.account_id
LIMIT $4
"""
"""Those of `near` (account_id, rank), best first. The accounts that are on, at the same place and with the same tech
prefix are the ones with which there may be a tie."""

_OVERLAPPING = f"""
WITH wanted AS MATERIALIZED (SELECT DISTINCT t::cidr AS network FROM unnest($1::text[]) AS t),
near AS MATERIALIZED (
    (SELECT n.account_id, (n.network <> w.network)::int AS rank FROM wanted AS w CROSS JOIN LATERAL
        (SELECT account_id, network FROM account_networks WHERE network >>= w.network LIMIT {COUNTED_MAX}) AS n
     LIMIT {COUNTED_MAX})
    UNION ALL
    (SELECT n.account_id, 2 FROM wanted AS w CROSS JOIN LATERAL
        (SELECT account_id FROM account_networks WHERE network << w.network LIMIT {COUNTED_MAX}) AS n
     WHERE masklen(w.network) < CASE family(w.network) WHEN 4 THEN 32 ELSE 128 END LIMIT {COUNTED_MAX})
)
{_RANKED}"""  # noqa: S608 - constants of this file
"""Nothing lies within a single address, and most are."""

_SAME_NAME = f"""
WITH near AS MATERIALIZED (
    SELECT account_id, 0 AS rank FROM account_order
    WHERE ident_by = 'name' AND address IS NULL AND ident = ANY ($1::text[]) LIMIT {COUNTED_MAX})
{_RANKED}"""  # noqa: S608 - constants of this file

_NUMBERS = f"""
WITH near AS MATERIALIZED (
    (SELECT account_id, CASE WHEN ident = ANY ($5::text[]) THEN 0 ELSE 1 END AS rank FROM account_order
     WHERE ident_by = 'ani' AND address IS NULL AND ident = ANY ($1::text[]) LIMIT {COUNTED_MAX})
    UNION ALL
    (SELECT id, 2 FROM accounts
     WHERE coalesce(ident_name, ani) LIKE ANY ($6::text[]) AND ident_by = 'ani' LIMIT {COUNTED_MAX})
)
{_RANKED}"""  # noqa: S608 - constants of this file
"""`$1`: everything that is equal to the numbers or a prefix of them, `$5` the equal ones, `$6` patterns of what
begins with them."""

_CLIENTS = """
SELECT c.id, c.name, c.status, c.orig_rate_table_id, c.term_rate_table_id, c.routing_plan_id,
    coalesce(c.balance + c.credit_limit <= 0, false) AS without_credit,
    r.name AS reseller, coalesce(r.status = 'blocked', false) AS reseller_blocked
FROM clients AS c LEFT JOIN resellers AS r ON r.id = c.reseller_id WHERE c.id = ANY ($1::bigint[])
"""


async def neighbours(db: Database | Session, draft: AccountDraft, account_id: int | None = None) -> Neighbours:
    """Who stands around what the draft says and around what the account is now (`account_id`; None: a new one).

    Never raises for a draft that is valid; an account that is gone meanwhile counts as new.
    """
    own = None if account_id is None else next(iter((await _accounts(db, [account_id]))[0]), None)
    versions = [matched(draft), *([] if own is None else [own])]
    found: dict[int, None] = {}
    total = looked_at = 0
    for ident_type, look in (("ip", _overlapping), ("name", _named_alike), ("ani", _numbered_alike)):
        known = [version for version in versions if version.ident_by == ident_type]
        if not known:
            continue
        rows = await look(db, known, account_id or 0, draft.tech_prefix or "")
        found |= dict.fromkeys(row["account_id"] for row in rows)
        total += rows[0]["total"] if rows else 0
        looked_at = max(looked_at, rows[0]["looked_at"] if rows else 0)
    chosen = list(found)[:NEIGHBOURS_MAX]
    accounts, unusable = await _accounts(db, chosen)
    everybody = [*accounts, *versions]
    gateways = await db.fetch(
        "SELECT id, name FROM gateways WHERE id = ANY ($1::bigint[])",
        sorted({gateway_id for account in everybody for gateway_id in account.gateway_ids}),
    )
    return Neighbours(
        accounts=accounts,
        own=own,
        clients=await _clients(db, {account.client_id for account in everybody}),
        gateways={row["id"]: row["name"] for row in gateways},
        more=total - len(chosen),
        many=looked_at >= COUNTED_MAX,
        unusable=unusable,
    )


async def _accounts(db: Database | Session, ids: Sequence[int]) -> tuple[tuple[Account, ...], tuple[int, ...]]:
    """The accounts in this order, and the ids of those whose rows cannot be used."""
    rows: dict[int, Row] = {row[0]: row for row in await db.fetch(accounts_by_id(), list(ids))} if ids else {}
    usable: list[Account] = []
    unusable: list[int] = []
    for one in ids:
        if (row := rows.get(one)) is None:
            continue
        change = change_of("accounts", tuple(row))
        if isinstance(change, AccountPut):
            usable.append(change.account)
        else:
            unusable.append(one)
    return tuple(usable), tuple(unusable)


async def _clients(db: Database | Session, ids: Iterable[int]) -> dict[int, ClientFacts]:
    return {row["id"]: ClientFacts(**dict(row)) for row in await db.fetch(_CLIENTS, sorted(ids))}


async def _overlapping(
    db: Database | Session, known: Sequence[Account], account_id: int, tech_prefix: str
) -> Sequence[Row]:
    networks = [network_text(network) for account in known for network in account.networks]
    return await db.fetch(_OVERLAPPING, networks, account_id, tech_prefix, NEIGHBOURS_MAX)


async def _named_alike(
    db: Database | Session, known: Sequence[Account], account_id: int, tech_prefix: str
) -> Sequence[Row]:
    names = [account.ident_name for account in known]
    return await db.fetch(_SAME_NAME, names, account_id, tech_prefix, NEIGHBOURS_MAX)


async def _numbered_alike(
    db: Database | Session, known: Sequence[Account], account_id: int, tech_prefix: str
) -> Sequence[Row]:
    covering: list[str] = []
    equal: list[str] = []
    patterns: list[str] = []
    for account in known:
        is_prefix, number = ani_key(account)
        same = f"{number}*" if is_prefix else number
        prefixes = [f"{number[:length]}*" for length in range(len(number) + 1)]
        for plus in ("", "+"):
            equal.append(plus + same)
            covering += [plus + text for text in [same, *prefixes]]
            if is_prefix:
                patterns.append(beginning_with(plus + number))
    return await db.fetch(_NUMBERS, covering, account_id, tech_prefix, NEIGHBOURS_MAX, equal, patterns)
