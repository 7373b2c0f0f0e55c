"""Why a call may not go on, and what a switch tells the caller then: one closed set, one table.

The order of the members is the order of the checks; a refusal carries the first that applies.
"""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Every reason that an answer can carry."""

    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    ALREADY_RELEASED = "already_released"
    UNKNOWN_SOURCE = "unknown_source"
    BAD_PASSWORD = "bad_password"  # noqa: S105 - a reason's name, not a secret
    AMBIGUOUS = "ambiguous"
    ACCOUNT_BLOCKED = "account_blocked"
    ACCOUNT_EXPIRED = "account_expired"
    CLIENT_BLOCKED = "client_blocked"
    RESELLER_BLOCKED = "reseller_blocked"
    NO_CREDIT = "no_credit"
    EMPTY_DNIS = "empty_dnis"
    CPS_ACCOUNT = "cps_account"
    CPS_CLIENT = "cps_client"
    CAPACITY_ACCOUNT = "capacity_account"
    CAPACITY_CLIENT = "capacity_client"
    CAPACITY_RESELLER = "capacity_reseller"


class Codes(NamedTuple):
    """What the far end is told: a SIP status (RFC 3261) and a Q.850 cause."""

    sip: int
    q850: int


CODES: dict[Reason, Codes] = {
    Reason.NOT_READY: Codes(500, 41),
    Reason.OVERLOADED: Codes(500, 41),
    Reason.DRAINING: Codes(500, 41),
    Reason.ALREADY_RELEASED: Codes(481, 31),
    Reason.UNKNOWN_SOURCE: Codes(403, 21),
    Reason.BAD_PASSWORD: Codes(403, 21),
    Reason.AMBIGUOUS: Codes(403, 21),
    Reason.ACCOUNT_BLOCKED: Codes(403, 21),
    Reason.ACCOUNT_EXPIRED: Codes(403, 21),
    Reason.CLIENT_BLOCKED: Codes(403, 21),
    Reason.RESELLER_BLOCKED: Codes(403, 21),
    Reason.NO_CREDIT: Codes(402, 21),
    Reason.EMPTY_DNIS: Codes(484, 28),
    Reason.CPS_ACCOUNT: Codes(503, 42),
    Reason.CPS_CLIENT: Codes(503, 42),
    Reason.CAPACITY_ACCOUNT: Codes(503, 42),
    Reason.CAPACITY_CLIENT: Codes(503, 42),
    Reason.CAPACITY_RESELLER: Codes(503, 42),
}

UNAVAILABLE: frozenset[Reason] = frozenset({Reason.NOT_READY, Reason.OVERLOADED, Reason.DRAINING})
"""Reasons with which nothing was judged: the switch should ask another engine, not turn the caller away."""
