"""A client as operators edit it: the columns of identd.clients under their own names, and what a list asks for.

The balance is billing's: a draft leaves it alone unless it says otherwise, and says from which balance it starts.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from console.objects import field as f
from console.objects.references import NO_REFERENCES, References

ClientStatus = Literal["active", "blocked", "archived"]

CLIENT_TYPES = ("client", "reseller", "calling_card")
"""The types that billing knows today; the column takes any word."""

_LIMITS = "Limits"

FIELDS: tuple[f.Field, ...] = (
    f.Field(name="name", label="Name", kind=f.TEXT, required=True),
    f.Field(
        name="client_type",
        label="Client Type",
        kind=f.TEXT,
        empty="client",
        choices=tuple((word, word) for word in CLIENT_TYPES),
    ),
    f.Field(name="reseller_id", label="Reseller", kind=f.REFERENCE, refers_to="reseller", empty="none"),
    f.Field(
        name="status",
        label="Status",
        kind=f.choice("active", "blocked", "archived"),
        choices=(("active", "Active"), ("blocked", "Blocked"), ("archived", "Archived")),
        help="While it is blocked or archived, every call of its accounts is refused.",
    ),
    f.Field(
        name="balance",
        label="Balance",
        kind=f.MONEY,
        block="Money",
        empty="leaving it to billing",
        help="Billing keeps it. Change it only to correct it; the change stands in the audit log.",
    ),
    f.Field(
        name="credit_limit",
        label="Credit limit",
        kind=f.MONEY,
        block="Money",
        empty="no limit",
        help="Calls are refused when balance and credit limit together are used up.",
    ),
    f.Field(
        name="low_balance_threshold",
        label="Low balance below",
        kind=f.MONEY,
        block="Money",
        empty="never",
        help="Below it, the low balance capacity holds where it is the lower one.",
    ),
    f.Field(
        name="low_balance_capacity",
        label="Low balance capacity",
        kind=f.CAPACITY,
        block="Money",
        empty="no limit",
        help="Calls up at once, in each direction, while the balance is low.",
    ),
    f.Field(
        name="orig_rate_table_id",
        label="Orig Rate Table",
        kind=f.REFERENCE,
        block="Rates and routing",
        refers_to="rate_table",
        empty="none",
        help="For accounts that name none of their own.",
    ),
    f.Field(
        name="term_rate_table_id",
        label="Term Rate Table",
        kind=f.REFERENCE,
        block="Rates and routing",
        refers_to="rate_table",
        empty="none",
        help="For accounts that name none of their own.",
    ),
    f.Field(
        name="routing_plan_id",
        label="Routing Plan",
        kind=f.REFERENCE,
        block="Rates and routing",
        refers_to="routing_plan",
        empty="none",
        help="For accounts that name none of their own.",
    ),
    f.Field(
        name="orig_capacity",
        label="Orig Capacity",
        kind=f.CAPACITY,
        block=_LIMITS,
        empty="no limit",
        help="Calls up at once from all its accounts together; 0 lets no call in.",
    ),
    f.Field(
        name="term_capacity",
        label="Term Capacity",
        kind=f.CAPACITY,
        block=_LIMITS,
        empty="no limit",
        help="Calls up at once to all its accounts together; 0 lets no call in.",
    ),
    f.Field(
        name="orig_cps",
        label="Orig calls per second",
        kind=f.rate(0),
        block=_LIMITS,
        empty="no limit",
    ),
    f.Field(
        name="term_cps",
        label="Term calls per second",
        kind=f.rate(0),
        block=_LIMITS,
        empty="no limit",
    ),
    f.Field(
        name="cps_burst",
        label="Burst",
        kind=f.rate(1),
        block=_LIMITS,
        empty="one second's calls",
        help="Calls that may come at once after a pause.",
    ),
)

BALANCE_WAS = f.Field(name="balance_was", label="Balance as it was read", kind=f.MONEY)
"""Goes with a form, hidden: a balance that equals it was not touched by the operator."""


class ClientDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What can be written. Money in the currency's unit, capacities in calls, cps in calls a second, None: no limit.

    `balance` None leaves it to billing. `balance_was`: what it was when it was read; a change of `balance` needs it.
    """

    name: str
    client_type: str = "client"
    reseller_id: int | None = None
    status: ClientStatus = "active"
    balance: Decimal | None = None
    balance_was: Decimal | None = None
    credit_limit: Decimal | None = None
    low_balance_threshold: Decimal | None = None
    low_balance_capacity: int | None = None
    orig_rate_table_id: int | None = None
    term_rate_table_id: int | None = None
    routing_plan_id: int | None = None
    orig_capacity: int | None = None
    term_capacity: int | None = None
    orig_cps: float | None = None
    term_cps: float | None = None
    cps_burst: float | None = None


class Client(ClientDraft, frozen=True, kw_only=True):
    """One that is there, with the names of what it refers to and its count of accounts.

    `etag` is the same exactly when everything that can be edited, but the balance, is the same: billing changes that
    with every call.
    """

    id: int
    balance: Decimal
    balance_was: Decimal
    reseller: str | None = None
    orig_rate_table: str | None = None
    term_rate_table: str | None = None
    routing_plan: str | None = None
    accounts: int = 0
    etag: str = ""

    @property
    def has_no_credit(self) -> bool:
        """Whether its calls are refused as no_credit."""
        return self.credit_limit is not None and self.balance + self.credit_limit <= 0

    @property
    def has_low_balance(self) -> bool:
        """Whether the low balance capacity holds now."""
        return self.low_balance_threshold is not None and self.balance < self.low_balance_threshold


class ClientFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is set must hold. `q`: an id, or part of the name, without regard to case."""

    q: str = ""
    client_type: str = ""
    status: Literal["", "active", "blocked", "archived"] = ""
    reseller_id: int | None = None


class DirectionTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What a client's accounts did in some days, in one direction."""

    direction: Literal["orig", "term"]
    calls: int
    refused: int
    seconds: int
    amount: Decimal


class ClientFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What its profile shows beside its columns. `totals`: of the last `days` days, today included."""

    accounts_on: int
    accounts_off: int
    days: int
    totals: tuple[DirectionTotals, ...]


def read_text(entered: Mapping[str, str], references: References = NO_REFERENCES) -> ClientDraft:
    """From a form; `references`: what was typed by name. Raises FieldErrors."""
    return _draft(f.read_text((*FIELDS, BALANCE_WAS), entered, references))


def read_values(entered: Mapping[str, Any]) -> ClientDraft:
    """From JSON. Raises FieldErrors."""
    return _draft(f.read_values((*FIELDS, BALANCE_WAS), entered))


def to_text(draft: ClientDraft) -> dict[str, str]:
    """What a form shows; of a client that is there also the balance that was read."""
    return f.to_text((*FIELDS, BALANCE_WAS), draft)


def to_values(draft: ClientDraft) -> dict[str, Any]:
    """What the API shows."""
    return f.to_values(FIELDS, draft)


def _draft(values: dict[str, Any]) -> ClientDraft:
    if values.get("balance") is not None and values.get("balance") == values.get("balance_was"):
        del values["balance"], values["balance_was"]
    return ClientDraft(**values)
