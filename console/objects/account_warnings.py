"""What an operator should know of an account that is valid: what would make it win too much, or grant nothing. Pure.

Each caution is one row of `_CAUTIONS`: the field at which it stands, and a function that gives the sentence or None.
"""

from collections.abc import Callable

import msgspec

from console.objects.account import AccountDraft
from console.objects.matched_account import ClientFacts
from matcher.address import canonical_network
from matcher.conditions import ani_compared

WIDE_IPV4_BITS = 8
WIDE_IPV6_BITS = 16


class CallsUp(msgspec.Struct, frozen=True):
    """Calls of the account that count against its capacity now, as the daemon says."""

    orig: int
    term: int


class Caution(msgspec.Struct, frozen=True):
    """`field`: a name of FIELDS, or "" for the whole."""

    field: str
    sentence: str


class Seen(msgspec.Struct, frozen=True):
    """All that cautions look at. `client` None: it is not there."""

    draft: AccountDraft
    client: ClientFacts | None
    calls_up: CallsUp | None
    now: float
    has_password: bool


def cautions(
    draft: AccountDraft,
    client: ClientFacts | None,
    calls_up: CallsUp | None,
    now: float,
    *,
    has_password: bool = False,
) -> tuple[Caution, ...]:
    """All that hold, in the order of the table. `now` in Unix seconds."""
    seen = Seen(draft, client, calls_up, now, has_password)
    return tuple(Caution(field, sentence) for field, look in _CAUTIONS if (sentence := look(seen)) is not None)


def _off(seen: Seen) -> str | None:
    if seen.draft.orig_enabled or seen.draft.term_enabled:
        return None
    return (
        "Neither Originator nor Terminator Settings are checked: no call is this account's, and others may get them"
    )


def _blocked(seen: Seen) -> str | None:
    if seen.draft.status != "blocked":
        return None
    return "The account is blocked: its calls are refused as account_blocked and go to nobody else"


def _client_status(seen: Seen) -> str | None:
    if seen.client is None or seen.client.status == "active":
        return None
    return f"The client {seen.client.name} is {seen.client.status}: its calls are refused as client_blocked"


def _reseller_status(seen: Seen) -> str | None:
    if seen.client is None or not seen.client.reseller_blocked:
        return None
    return f"The client's reseller {seen.client.reseller} is blocked: its calls are refused as reseller_blocked"


def _credit(seen: Seen) -> str | None:
    if seen.client is None or not seen.client.without_credit:
        return None
    return f"The client {seen.client.name} has no credit: its calls are refused as no_credit"


def _expired(seen: Seen) -> str | None:
    until = seen.draft.valid_until
    if until is None or until.timestamp() > seen.now:
        return None
    return "This is over: calls are refused as account_expired and go to nobody else"


def _not_yet(seen: Seen) -> str | None:
    since = seen.draft.valid_from
    if since is None or since.timestamp() <= seen.now:
        return None
    return "Until then calls are refused as account_expired and go to nobody else"


def _wide(seen: Seen) -> str | None:
    wide = []
    for text in seen.draft.ip:
        network, _ = canonical_network(text)
        if network.length <= (WIDE_IPV4_BITS if len(network.address) == 4 else WIDE_IPV6_BITS):
            wide.append(text)
    if not wide:
        return None
    return f"{', '.join(wide[:3])}: so wide a network takes the calls of whoever has no account of his own in it"


def _every_number(seen: Seen) -> str | None:
    return "A * alone takes every number that has no account of its own" if seen.draft.ani in ("*", "+*") else None


def _withheld(seen: Seen) -> str | None:
    ani = seen.draft.ani
    if ani is None or ani_compared(ani):
        return None
    return "Withheld numbers match nobody: no call will be this account's"


def _written_by_caller(seen: Seen) -> str | None:
    if seen.draft.ident_by != "ani" or not seen.draft.orig_enabled:
        return None
    return None if seen.draft.gateway_ids else "The caller writes this number: choose gateways that check it"


def _unproven(seen: Seen) -> str | None:
    if seen.draft.ident_by != "name" or seen.has_password:
        return None
    return "Without a password the name counts only where the switch or the gateway vouches for it"


def _unused_password(seen: Seen) -> str | None:
    if seen.draft.ident_by == "name" or not seen.has_password:
        return None
    return "The password is asked for only where the account is known by Name"


def _no_orig_rates(seen: Seen) -> str | None:
    if not seen.draft.orig_enabled or seen.draft.orig_rate_table_id is not None:
        return None
    if seen.client is not None and seen.client.orig_rate_table_id is not None:
        return None
    return "Neither the account nor its client has a rate table for calls that it sends: they cannot be rated"


def _no_routing(seen: Seen) -> str | None:
    if not seen.draft.orig_enabled or seen.draft.routing_plan_id is not None:
        return None
    if seen.client is not None and seen.client.routing_plan_id is not None:
        return None
    return "Neither the account nor its client has a routing plan: the switch is told none"


def _no_term_rates(seen: Seen) -> str | None:
    if not seen.draft.term_enabled or seen.draft.term_rate_table_id is not None:
        return None
    if seen.client is not None and seen.client.term_rate_table_id is not None:
        return None
    return "Neither the account nor its client has a rate table for calls to it: they cannot be rated"


def _capacity(direction: str) -> Callable[[Seen], str | None]:
    def look(seen: Seen) -> str | None:
        capacity: int | None = getattr(seen.draft, f"{direction}_capacity")
        if not getattr(seen.draft, f"{direction}_enabled") or capacity is None:
            return None
        up = 0 if seen.calls_up is None else int(getattr(seen.calls_up, direction))
        if capacity < up:
            return (
                f"{up:,} calls are up: none is cut off, and new ones are refused until fewer than {capacity:,} are up"
            )
        return "A capacity of 0 lets no call in" if capacity == 0 else None

    return look


def _rate(direction: str) -> Callable[[Seen], str | None]:
    def look(seen: Seen) -> str | None:
        enabled, cps = getattr(seen.draft, f"{direction}_enabled"), getattr(seen.draft, f"{direction}_cps")
        return "A CPS of 0 lets no call in once the first few have come" if enabled and cps == 0 else None

    return look


_CAUTIONS: tuple[tuple[str, Callable[[Seen], str | None]], ...] = (
    ("", _off),
    ("status", _blocked),
    ("client", _client_status),
    ("client", _reseller_status),
    ("client", _credit),
    ("valid_until", _expired),
    ("valid_from", _not_yet),
    ("ip", _wide),
    ("ani", _every_number),
    ("ani", _withheld),
    ("ani", _written_by_caller),
    ("password", _unproven),
    ("password", _unused_password),
    ("orig_rate_table", _no_orig_rates),
    ("routing_plan", _no_routing),
    ("term_rate_table", _no_term_rates),
    ("orig_capacity", _capacity("orig")),
    ("term_capacity", _capacity("term")),
    ("orig_cps", _rate("orig")),
    ("term_cps", _rate("term")),
)
