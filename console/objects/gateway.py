"""A gateway as operators edit it: the switch that asks. The columns of identd.gateways under their own names.

Its secret is not among them: it is made here, shown once, and only its hash is kept.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from console.objects import field as f
from matcher.account import IDENT_ORDER, IdentType

FIELDS: tuple[f.Field, ...] = (
    f.Field(
        name="name",
        label="Name",
        kind=f.TEXT,
        required=True,
        help="What the switch says in its hello.",
    ),
    f.Field(
        name="addresses",
        label="Addresses",
        kind=f.NETWORKS,
        empty="any address",
        help="From where it may connect: addresses and networks, divided by ;",
    ),
    f.Field(
        name="ident_order",
        label="Ident order",
        kind=f.IDENTS,
        block="Identification",
        empty="name, ip, ani",
        help="The ident types that are tried, the first one first. One that is not listed is never used.",
    ),
    f.Field(
        name="trusts_name",
        label="Its names are verified",
        kind=f.FLAG,
        block="Identification",
        help="The switch asks callers for their password itself, so a name that it tells is proven.",
    ),
    f.Field(
        name="on_ambiguous",
        label="When accounts of different clients match alike",
        kind=f.choice("first", "refuse"),
        block="Identification",
        choices=(("first", "the account with the lowest ID gets the call"), ("refuse", "the call is refused")),
    ),
    f.Field(
        name="reserve_seconds",
        label="Reserve seconds",
        kind=f.whole(1, 86_400, ", or nothing for 120"),
        block="Calls",
        empty="120",
        help="A call that was let in and never answered is forgotten after so long.",
    ),
    f.Field(
        name="active_seconds",
        label="Active seconds",
        kind=f.whole(1, 2_592_000, ", or nothing for 14400"),
        block="Calls",
        empty="14400",
        help="An answered call without a sign of life is forgotten after so long.",
    ),
    f.Field(
        name="sip_codes",
        label="SIP codes",
        kind=f.CODES,
        block="Calls",
        empty="the usual codes",
        help="What this switch is told instead of the usual code, one line a reason: no_credit = 403",
    ),
)


class GatewayDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What can be written. `addresses`: canonical networks, () is from anywhere; `sip_codes`: reason -> SIP code."""

    name: str
    addresses: tuple[str, ...] = ()
    ident_order: tuple[IdentType, ...] = IDENT_ORDER
    trusts_name: bool = False
    on_ambiguous: Literal["first", "refuse"] = "first"
    reserve_seconds: int = 120
    active_seconds: int = 14_400
    sip_codes: dict[str, int] = {}


class Gateway(GatewayDraft, frozen=True, kw_only=True):
    """One that is there, with how many accounts are bound to it. `etag` changes with the secret too."""

    id: int
    has_secret: bool = False
    accounts: int = 0
    etag: str = ""


def read_text(entered: Mapping[str, str]) -> GatewayDraft:
    """From a form. Raises FieldErrors."""
    return GatewayDraft(**f.read_text(FIELDS, entered))


def read_values(entered: Mapping[str, Any]) -> GatewayDraft:
    """From JSON. Raises FieldErrors."""
    return GatewayDraft(**f.read_values(FIELDS, entered))


def to_text(draft: GatewayDraft) -> dict[str, str]:
    """What a form shows."""
    return f.to_text(FIELDS, draft)


def to_values(draft: GatewayDraft) -> dict[str, Any]:
    """What the API shows."""
    return f.to_values(FIELDS, draft)
