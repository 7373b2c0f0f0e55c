"""What the matcher knows of a customer: accounts, their clients and resellers, and the gateways that ask.

Frozen values, valid by construction: `loader/rows.py` is the one place that builds them from rows and it
refuses what these types do not promise. Nothing here looks anything up.

They are arrays on the wire between loader and daemon (`array_like`): a million of them travel at every start.
`gc=False` keeps them out of the garbage collector: a full collection over a million tracked objects would stop
every answer for most of a second, and none of these values can be part of a cycle.
"""

from typing import Literal

import msgspec

Direction = Literal["orig", "term"]
"""`orig`: a customer sends us a call; `term`: we send a call to a vendor."""

IdentType = Literal["name", "ip", "ani"]
"""How an account is known. Exactly one per account."""

IDENT_ORDER: tuple[IdentType, ...] = ("name", "ip", "ani")
"""The order in which ident types are tried unless the gateway says otherwise; ANI last: the caller writes it."""


class Network(msgspec.Struct, frozen=True, gc=False, array_like=True, order=True):
    """A canonical network: `address` is packed (4 bytes IPv4, 16 bytes IPv6), no bit set below `length`.

    An IPv4-mapped IPv6 address is IPv4 here: `matcher.address` unwraps it before anything else sees it.
    """

    address: bytes
    length: int

    @property
    def is_host(self) -> bool:
        """Whether exactly one address lies in it."""
        return self.length == len(self.address) * 8


class OrigSide(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What holds for the calls that a customer sends us. `capacity` in calls, `cps` in calls a second; None: none."""

    rate_table_id: int | None = None
    routing_plan_id: int | None = None
    tags: tuple[str, ...] = ()
    capacity: int | None = None
    cps: float | None = None


class TermSide(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What holds for the calls that we send to a vendor. Units as in `OrigSide`."""

    rate_table_id: int | None = None
    tags: tuple[str, ...] = ()
    capacity: int | None = None
    cps: float | None = None


class Account(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """One way in which a client is known, and what applies to its calls.

    `networks` is set exactly when `ident_by` is `ip`, `ident_name` when it is `name`, `ani` when it is `ani`.
    `ani` has no leading `+`; a trailing `*` makes it a prefix. `tech_prefix` is "" when the account sets none.
    `gateway_ids` empty: any gateway, or none. `port` and `protocol` None: not a condition.
    `valid_from` and `valid_until` are Unix seconds; the account is valid in [valid_from, valid_until).
    `orig`/`term` None: the account is off in that direction and not in that index.
    """

    id: int
    client_id: int
    name: str
    ident_by: IdentType
    networks: tuple[Network, ...] = ()
    ident_name: str | None = None
    ani: str | None = None
    tech_prefix: str = ""
    strip_tech_prefix: bool = True
    password: bytes | None = None
    protocol: str | None = None
    port: int | None = None
    proxy: str | None = None
    gateway_ids: tuple[int, ...] = ()
    blocked: bool = False
    valid_from: float | None = None
    valid_until: float | None = None
    orig: OrigSide | None = None
    term: TermSide | None = None
    cps_burst: float | None = None


class Client(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """Who pays. Money is in millionths of the currency unit, so that comparing it is exact."""

    id: int
    name: str
    reseller_id: int | None = None
    blocked: bool = False
    balance_micros: int = 0
    credit_limit_micros: int | None = None
    low_balance_threshold_micros: int | None = None
    low_balance_capacity: int | None = None
    orig_rate_table_id: int | None = None
    term_rate_table_id: int | None = None
    routing_plan_id: int | None = None
    orig_capacity: int | None = None
    term_capacity: int | None = None
    orig_cps: float | None = None
    term_cps: float | None = None
    cps_burst: float | None = None


class Reseller(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """Who sold it to the client; only its status and its limits matter to a call."""

    id: int
    name: str
    blocked: bool = False
    orig_capacity: int | None = None
    term_capacity: int | None = None


class Gateway(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """The switch that asks, and how it wants to be answered.

    `addresses` empty: it may connect from anywhere that the listener hears. `secret_hash` None: no secret asked.
    `sip_codes` overrides the SIP code of a reason.
    """

    id: int
    name: str
    secret_hash: str | None = None
    addresses: tuple[Network, ...] = ()
    ident_order: tuple[IdentType, ...] = IDENT_ORDER
    trusts_name: bool = False
    refuses_ambiguous: bool = False
    reserve_seconds: int = 120
    active_seconds: int = 14400
    sip_codes: dict[str, int] = {}
