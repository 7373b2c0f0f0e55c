"""Gateways in SQL. A secret leaves here once, when it is made; what is kept is its hash, which leaves never."""

import json

from console.database import Row, Transaction
from console.objects.gateway import Gateway, GatewayDraft
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
from identd.sealing import hash_secret, new_secret
from matcher.address import canonical_network, network_text

SHELF = Shelf(
    table="gateways",
    word="gateway",
    columns={
        "name": "$",
        "addresses": "nullif($::text[], '{}')::inet[]",
        "ident_order": "$",
        "trusts_name": "$",
        "on_ambiguous": "$",
        "reserve_seconds": "$",
        "active_seconds": "$",
        "sip_codes": "$::jsonb",
        "secret_hash": "$",
    },
    select="""t.id, t.name, t.secret_hash, coalesce(t.addresses::text[], '{}') AS addresses, t.ident_order,
        t.trusts_name, t.on_ambiguous, t.reserve_seconds, t.active_seconds, t.sip_codes::text AS sip_codes,
        (SELECT count(*) FROM identd.account_gateways AS b WHERE b.gateway_id = t.id) AS accounts""",
    referrers=(Referrer("account_gateways", "gateway_id = $1", "account"),),
)


async def list_gateways(db: Reader, q: str, paging: Paging) -> Paged[Gateway]:
    """Those whose id is `q` or whose name contains it."""
    conditions = Conditions()
    conditions.quick_search(q)
    found = await find_rows(db, SHELF, conditions, paging)
    return Paged(rows=tuple(map(_gateway, found.rows)), total=found.total, paging=found.paging)


async def get_gateway(db: Reader, gateway_id: int) -> Gateway:
    """One. Raises NotFoundError."""
    return _gateway(await read_row(db, SHELF, gateway_id))


async def create_gateway(tx: Transaction, draft: GatewayDraft) -> int:
    """The new id; it has no secret yet. Raises FieldErrors."""
    return await insert_row(tx, SHELF, _values(draft))


async def update_gateway(tx: Transaction, gateway_id: int, draft: GatewayDraft, etag: str | None) -> Gateway:
    """What is there now. Raises NotFoundError, ChangedError, FieldErrors; `etag` None: whatever it was."""
    now = _gateway(await lock_row(tx, SHELF, gateway_id, etag))
    await update_row(tx, SHELF, gateway_id, changed(_values(now), _values(draft)))
    return await get_gateway(tx, gateway_id)


async def make_secret(tx: Transaction, gateway_id: int, etag: str | None) -> str:
    """A new secret instead of the one that was, in clear: show it once. Raises NotFoundError, ChangedError."""
    await lock_row(tx, SHELF, gateway_id, etag)
    secret = new_secret()
    await update_row(tx, SHELF, gateway_id, {"secret_hash": hash_secret(secret)})
    return secret


async def remove_secret(tx: Transaction, gateway_id: int, etag: str | None) -> None:
    """From now on it needs none. Raises NotFoundError, ChangedError."""
    await lock_row(tx, SHELF, gateway_id, etag)
    await update_row(tx, SHELF, gateway_id, {"secret_hash": None})


async def delete_gateway(tx: Transaction, gateway_id: int, etag: str | None) -> None:
    """Raises NotFoundError, ChangedError, InUseError."""
    await delete_row(tx, SHELF, gateway_id, etag)


def _values(draft: GatewayDraft) -> dict[str, object]:
    values = {name: getattr(draft, name) for name in SHELF.columns if name != "secret_hash"}
    values["sip_codes"] = json.dumps(draft.sip_codes, sort_keys=True)
    return values


def _gateway(row: Row) -> Gateway:
    values = dict(row)
    has_secret = values.pop("secret_hash") is not None
    values["addresses"] = tuple(network_text(canonical_network(text)[0]) for text in values["addresses"])
    values["ident_order"] = tuple(values["ident_order"])
    values["sip_codes"] = json.loads(values["sip_codes"])
    return Gateway(**values, has_secret=has_secret, etag=etag_of_row(SHELF, row))
