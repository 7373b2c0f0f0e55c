"""What programs send: one Struct a body, as the OpenAPI document describes it. Values only.

The names are the columns of `console/objects`, whose fields say in sentences what is wrong; these types hold nothing
looser. null is "not set", on a change also "no longer set" (RFC 7396); what is left out of a change stays.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from console.objects.account import Status
from console.objects.client import ClientStatus
from console.objects.field import SIP_CODE_MAX, SIP_CODE_MIN
from console.objects.field_values import (
    CPS_MAX,
    ID_MAX,
    INTEGER_MAX,
    NETWORKS_MAX,
    NOTES_BYTES_MAX,
    TAGS_MAX,
    TEXT_BYTES_MAX,
)
from console.objects.password_fields import PASSWORD_BYTES_MAX, REALMS_MAX
from matcher.account import IdentType
from protocol.reason import Reason

Id = Annotated[int, Meta(ge=1, le=ID_MAX)]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_BYTES_MAX)]
Texts = Annotated[list[Text], Meta(max_length=TAGS_MAX)]
Networks = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(max_length=NETWORKS_MAX)]
Notes = Annotated[str, Meta(max_length=NOTES_BYTES_MAX)]
Capacity = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Cps = Annotated[float, Meta(ge=0, le=CPS_MAX)]
Burst = Annotated[float, Meta(ge=1, le=CPS_MAX)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Moment = Annotated[datetime, Meta(tz=True)]
Money = Annotated[str, Meta(pattern=r"^[+-]?[0-9]{1,12}(\.[0-9]{1,6})?$", examples=["1250.50"])]
SipCode = Annotated[int, Meta(ge=SIP_CODE_MIN, le=SIP_CODE_MAX)]
SipCodes = Annotated[
    dict[str, SipCode], Meta(extra_json_schema={"propertyNames": {"enum": [str(reason) for reason in Reason]}})
]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: other names than its own are faults."""


class AccountEntry(Entry, frozen=True, kw_only=True):
    """What may be sent of any account. `gateway_ids`: none is any gateway.

    Of `ip`, `ident_name` and `ani` the one that `ident_by` names. `password` is never answered: null removes it;
    `password_keep` false keeps only what proves digest in `password_realms`.
    """

    ip: Annotated[Networks, Meta(examples=[["192.0.2.1", "10.0.0.0/24"]])] | UnsetType | None = UNSET
    ident_name: Text | UnsetType | None = UNSET
    ani: Text | UnsetType | None = UNSET
    tech_prefix: Text | UnsetType | None = UNSET
    strip_tech_prefix: bool | UnsetType | None = UNSET
    gateway_ids: list[Id] | UnsetType | None = UNSET
    notes: Notes | UnsetType | None = UNSET
    status: Status | UnsetType | None = UNSET
    valid_from: Moment | UnsetType | None = UNSET
    valid_until: Moment | UnsetType | None = UNSET
    cps_burst: Burst | UnsetType | None = UNSET
    orig_enabled: bool | UnsetType | None = UNSET
    orig_rate_table_id: Id | UnsetType | None = UNSET
    routing_plan_id: Id | UnsetType | None = UNSET
    orig_tags: Texts | UnsetType | None = UNSET
    orig_capacity: Capacity | UnsetType | None = UNSET
    orig_cps: Cps | UnsetType | None = UNSET
    term_enabled: bool | UnsetType | None = UNSET
    term_rate_table_id: Id | UnsetType | None = UNSET
    term_tags: Texts | UnsetType | None = UNSET
    term_capacity: Capacity | UnsetType | None = UNSET
    term_cps: Cps | UnsetType | None = UNSET
    proxy: Text | UnsetType | None = UNSET
    protocol: Text | UnsetType | None = UNSET
    port: Port | UnsetType | None = UNSET
    password: Annotated[str, Meta(min_length=1, max_length=PASSWORD_BYTES_MAX)] | UnsetType | None = UNSET
    password_keep: bool | UnsetType = UNSET
    password_realms: Annotated[list[Text], Meta(max_length=REALMS_MAX)] | UnsetType | None = UNSET


class AccountNew(AccountEntry, frozen=True, kw_only=True):
    """A new account."""

    client_id: Annotated[Id, Meta(examples=[1])]
    name: Annotated[Text, Meta(examples=["rose_orig"])]
    ident_by: Annotated[IdentType, Meta(examples=["ip"])]


class AccountPatch(AccountEntry, frozen=True, kw_only=True):
    """A change of an account."""

    client_id: Id | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    ident_by: IdentType | UnsetType = UNSET


class ClientEntry(Entry, frozen=True, kw_only=True):
    """What may be sent of any client. Money is text, in the currency's unit, so that nothing rounds it.

    `balance` is billing's: change it only to correct it. A change needs what you read as `balance_was`, so that no
    charge of the meantime is lost; `If-Match: *` is no consent to that. A new client needs none.
    """

    client_type: Text | UnsetType | None = UNSET
    reseller_id: Id | UnsetType | None = UNSET
    status: ClientStatus | UnsetType | None = UNSET
    balance: Money | UnsetType | None = UNSET
    balance_was: Money | UnsetType | None = UNSET
    credit_limit: Money | UnsetType | None = UNSET
    low_balance_threshold: Money | UnsetType | None = UNSET
    low_balance_capacity: Capacity | UnsetType | None = UNSET
    orig_rate_table_id: Id | UnsetType | None = UNSET
    term_rate_table_id: Id | UnsetType | None = UNSET
    routing_plan_id: Id | UnsetType | None = UNSET
    orig_capacity: Capacity | UnsetType | None = UNSET
    term_capacity: Capacity | UnsetType | None = UNSET
    orig_cps: Cps | UnsetType | None = UNSET
    term_cps: Cps | UnsetType | None = UNSET
    cps_burst: Burst | UnsetType | None = UNSET


class ClientNew(ClientEntry, frozen=True, kw_only=True):
    """A new client."""

    name: Text


class ClientPatch(ClientEntry, frozen=True, kw_only=True):
    """A change of a client."""

    name: Text | UnsetType = UNSET


class ResellerEntry(Entry, frozen=True, kw_only=True):
    """What may be sent of any reseller."""

    status: Literal["active", "blocked"] | UnsetType | None = UNSET
    orig_capacity: Capacity | UnsetType | None = UNSET
    term_capacity: Capacity | UnsetType | None = UNSET


class ResellerNew(ResellerEntry, frozen=True, kw_only=True):
    """A new reseller."""

    name: Text


class ResellerPatch(ResellerEntry, frozen=True, kw_only=True):
    """A change of a reseller."""

    name: Text | UnsetType = UNSET


class GatewayEntry(Entry, frozen=True, kw_only=True):
    """What may be sent of any gateway. `addresses`: none is anywhere; `sip_codes`: reason -> SIP code."""

    addresses: Networks | UnsetType | None = UNSET
    ident_order: Annotated[list[IdentType], Meta(max_length=3)] | UnsetType | None = UNSET
    trusts_name: bool | UnsetType | None = UNSET
    on_ambiguous: Literal["first", "refuse"] | UnsetType | None = UNSET
    reserve_seconds: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType | None = UNSET
    active_seconds: Annotated[int, Meta(ge=1, le=2_592_000)] | UnsetType | None = UNSET
    sip_codes: SipCodes | UnsetType | None = UNSET


class GatewayNew(GatewayEntry, frozen=True, kw_only=True):
    """A new gateway. It has no secret yet."""

    name: Text


class GatewayPatch(GatewayEntry, frozen=True, kw_only=True):
    """A change of a gateway."""

    name: Text | UnsetType = UNSET


class NamedNew(Entry, frozen=True, kw_only=True):
    """A new rate table or routing plan."""

    name: Text


class NamedPatch(Entry, frozen=True, kw_only=True):
    """Another name for a rate table or routing plan."""

    name: Text | UnsetType = UNSET


class CallToEnd(Entry, frozen=True, kw_only=True):
    """Which call is to be ended, as GET /calls shows it; without `gateway` one that was asked for without."""

    call_id: Text
    leg: Annotated[str, Meta(max_length=TEXT_BYTES_MAX)] = ""
    gateway: Text | None = None


class Question(Entry, frozen=True, kw_only=True):
    """A call as a switch describes it. At least one of `ip`, `name` and `ani` says who is calling."""

    direction: Literal["orig", "term"] = "orig"
    ip: Text | None = None
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    protocol: Text | None = None
    name: Text | None = None
    name_verified: bool = False
    password: Text | None = None
    ani: Text | None = None
    dnis: Annotated[str, Meta(max_length=TEXT_BYTES_MAX)] = ""
    gateway: Text | None = None

    def __repr__(self) -> str:  # the password must not reach a log through a repr
        return f"Question(direction={self.direction!r}, ip={self.ip!r}, name={self.name!r}, ani={self.ani!r}, …)"
