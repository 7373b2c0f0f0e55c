"""What the engine decides about a call, as flat values: every door writes its answer from them.

The names are the keys of the socket protocol, so encoding one of these gives the body of its answer; what is None
is left out. A grant is kept with its call: the same question gets the same answer, also after a restart.
"""

from typing import Literal

import msgspec

from matcher.account import IdentType
from protocol.reason import Reason

Scope = Literal["account", "client", "reseller"]
AssignedBy = Literal["account", "client"]


class Grant(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="decision", tag="grant"):
    """The call may go on, and this is whose it is (docs/matching.md §4).

    `calls` and `capacity` speak of the limit with the fewest free slots, in calls; None where nothing is limited.
    `lease_seconds` is None for `identify`, which reserves nothing. `proxy`, `protocol`, `port`: term only.
    """

    generation: int
    account_id: int
    account: str
    client_id: int
    client: str
    ident_by: IdentType
    matched: str
    dnis: str
    dnis_received: str
    tags: tuple[str, ...]
    tech_prefix: str | None = None
    rate_table_id: int | None = None
    rate_table_from: AssignedBy | None = None
    routing_plan_id: int | None = None
    routing_plan_from: AssignedBy | None = None
    reseller_id: int | None = None
    reseller: str | None = None
    proxy: str | None = None
    protocol: str | None = None
    port: int | None = None
    calls: int | None = None
    capacity: int | None = None
    capacity_scope: Scope | None = None
    lease_seconds: int | None = None


class Refuse(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="decision", tag="refuse"):
    """The call may not go on, for one reason. What is known of the account stands beside it."""

    generation: int
    reason: Reason
    sip_code: int
    q850: int
    account_id: int | None = None
    client_id: int | None = None
    calls: int | None = None
    capacity: int | None = None
    capacity_scope: Scope | None = None
    retry_after_ms: int | None = None


class Unavailable(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="decision", tag="unavailable"):
    """We cannot judge: the switch should ask elsewhere. Never to be read as a refusal."""

    generation: int
    reason: Reason
    sip_code: int
    q850: int


Decision = Grant | Refuse | Unavailable


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """The call is up for one account and now identifies as another, or is up in the other direction (None).

    An error of the switch, and nothing changed.
    """

    granted_account_id: int
    identified_account_id: int | None


class Existing(msgspec.Struct, frozen=True, gc=False):
    """The same call asked again: the same grant, and nothing taken."""

    grant: Grant


class Load(msgspec.Struct, frozen=True, gc=False):
    """How full one limit is, in calls."""

    calls: int
    capacity: int
    scope: Scope
