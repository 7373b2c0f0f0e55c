"""An account that is being edited, as the matcher would know it; and what stands around it. Pure.

`loader/rows.py` makes the same of the row once it is saved: tests hold the two together. Nothing is decided here.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from console.objects.account import AccountDraft
from matcher.account import Account, OrigSide, TermSide
from matcher.address import canonical_network

NEW_ACCOUNT_ID = 9_223_372_036_854_775_807
"""Stands for the id that a new account will get: higher than all there are, so it loses where only the id decides."""
SOME_PASSWORD = b"set"


class ClientFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What of a client, and its reseller, bears on its accounts."""

    id: int
    name: str
    status: Literal["active", "blocked", "archived"] = "active"
    orig_rate_table_id: int | None = None
    term_rate_table_id: int | None = None
    routing_plan_id: int | None = None
    without_credit: bool = False
    reseller: str | None = None
    reseller_blocked: bool = False


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts that the daemon may meet on the way to this one: those that matter most first, and bounded.

    `own`: the version that is in the table now; None for a new account. `clients` of all of them and of the draft;
    `gateways`: names by id. `more`: neighbours that are not here, at least so many where `many`. `unusable`: ids of
    neighbours whose rows the daemon cannot use.
    """

    accounts: tuple[Account, ...] = ()
    own: Account | None = None
    clients: Mapping[int, ClientFacts] = {}
    gateways: Mapping[int, str] = {}
    more: int = 0
    many: bool = False
    unusable: tuple[int, ...] = ()


def matched(draft: AccountDraft, account_id: int = NEW_ACCOUNT_ID, *, has_password: bool = False) -> Account:
    """The draft as the daemon would know it. Of a password only whether there is one."""
    orig = term = None
    if draft.orig_enabled:
        orig = OrigSide(
            draft.orig_rate_table_id, draft.routing_plan_id, draft.orig_tags, draft.orig_capacity, draft.orig_cps
        )
    if draft.term_enabled:
        term = TermSide(draft.term_rate_table_id, draft.term_tags, draft.term_capacity, draft.term_cps)
    return Account(
        id=account_id,
        client_id=draft.client_id,
        name=draft.name,
        ident_by=draft.ident_by,
        networks=tuple(canonical_network(text)[0] for text in draft.ip),
        ident_name=draft.ident_name,
        ani=None if draft.ani is None else draft.ani.removeprefix("+"),
        tech_prefix=draft.tech_prefix or "",
        strip_tech_prefix=draft.strip_tech_prefix,
        password=SOME_PASSWORD if has_password else None,
        protocol=None if draft.protocol is None else draft.protocol.lower(),
        port=draft.port,
        proxy=draft.proxy,
        gateway_ids=draft.gateway_ids,
        blocked=draft.status == "blocked",
        valid_from=None if draft.valid_from is None else draft.valid_from.timestamp(),
        valid_until=None if draft.valid_until is None else draft.valid_until.timestamp(),
        orig=orig,
        term=term,
        cps_burst=draft.cps_burst,
    )
