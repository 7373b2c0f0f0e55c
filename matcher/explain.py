"""Why an account won, and why each other one that was looked at did not: the words behind `explain`.

It judges by the same tables as the index, gathers more than the index needs, and is not on the path of a call that
does not ask for it. Secrets never appear: a password is "proven" or it is not.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from matcher.account import IDENT_ORDER, Account, Gateway, IdentType, Network
from matcher.address import masked_address, network_text
from matcher.attempt import CallAttempt
from matcher.conditions import ani_compared, first_failing
from matcher.match import Explained
from matcher.precedence import ANI_EXACT, PRECEDENCE, SPECIFICITY, deciding_key, standing, tied
from matcher.shelf import Entry, accounts_of

if TYPE_CHECKING:
    from matcher.index import AccountIndex
    from matcher.side import Side


class _Seen(NamedTuple):
    """An account that was looked at, and at what."""

    account: Account
    ident_by: IdentType
    specificity: int
    matched: str


def explained(index: "AccountIndex", attempt: CallAttempt, gateway: Gateway | None) -> tuple[Explained, ...]:
    """Every account that was looked at, in order of precedence; types that the gateway does not list come last."""
    side = index.orig if attempt.direction == "orig" else index.term
    order = IDENT_ORDER if gateway is None else gateway.ident_order
    gateway_id = None if gateway is None else gateway.id
    rows: list[tuple[_Seen, tuple[str, str, str] | None]] = []
    for ident_type in (*order, *(other for other in IDENT_ORDER if other not in order)):
        rows.extend(
            (seen, _failure(index, seen, attempt, gateway, gateway_id, order))
            for seen in _looked_at(index, side, ident_type, attempt)
        )
    eligible = [seen for seen, failure in rows if failure is None]
    winner = eligible[0] if eligible else None
    refused = (
        winner is not None
        and gateway is not None
        and gateway.refuses_ambiguous
        and any(_is_tied(winner, other) and winner.account.client_id != other.account.client_id for other in eligible)
    )
    return tuple(_judged(seen, failure, winner, refused, eligible) for seen, failure in rows)


def _looked_at(index: "AccountIndex", side: "Side", ident_type: IdentType, attempt: CallAttempt) -> Iterator[_Seen]:
    """The accounts of one ident type that are known by what the call shows, most specific first, each once."""
    told: set[int] = set()
    for seen in _known_by(side, ident_type, attempt):
        account = seen.account
        if id(account) not in index.hidden and account.id not in told:
            told.add(account.id)
            yield seen


def _known_by(side: "Side", ident_type: IdentType, attempt: CallAttempt) -> Iterator[_Seen]:
    if ident_type == "name" and attempt.name is not None:
        for account in _in_order(side.names.get(attempt.name)):
            yield _Seen(account, "name", 0, attempt.name)
    elif ident_type == "ip" and attempt.address is not None:
        address = attempt.address
        bits = len(address) * 8
        places = [
            (bits, side.hosts.get(address)),
            *((node.length, node.value) for node in side.networks.covering(address)),
        ]
        for length, entry in places:
            text = network_text(Network(masked_address(address, length), length))
            for account in _in_order(entry):
                yield _Seen(account, "ip", length, text)
    elif ident_type == "ani":
        number = ani_compared(attempt.ani if attempt.direction == "orig" else attempt.dnis)
        if number:
            for account in _in_order(side.anis.get(number)):
                yield _Seen(account, "ani", ANI_EXACT, account.ani or "")
            for length, entry in side.ani_prefixes.beginning(number):
                for account in _in_order(entry):
                    yield _Seen(account, "ani", length, account.ani or "")


def _in_order(entry: Entry | None) -> list[Account]:
    return sorted(accounts_of(entry), key=standing)


def _failure(
    index: "AccountIndex",
    seen: _Seen,
    attempt: CallAttempt,
    gateway: Gateway | None,
    gateway_id: int | None,
    order: tuple[IdentType, ...],
) -> tuple[str, str, str] | None:
    """The first condition that does not hold, what was expected and what was seen."""
    if seen.ident_by not in order:
        return "ident_order", seen.ident_by, ", ".join(order)
    if seen.ident_by == "name":
        unproven = _unproven(index, seen.account, attempt, gateway)
        if unproven is not None:
            return unproven
    return first_failing(seen.account, attempt, gateway_id)


def _unproven(
    index: "AccountIndex", account: Account, attempt: CallAttempt, gateway: Gateway | None
) -> tuple[str, str, str] | None:
    vouched = attempt.name_verified or (gateway is not None and gateway.trusts_name)
    if account.password is None:
        return None if vouched else ("name", "a name that the switch vouches for", "a name that nobody vouches for")
    if attempt.credentials is None:
        return "name", "a proof of the password", "no credentials"
    return None if index.prove(account, attempt) else ("name", "a proof of the password", "credentials that do not")


def _is_tied(winner: _Seen, other: _Seen) -> bool:
    return (
        winner.ident_by == other.ident_by
        and winner.specificity == other.specificity
        and tied(winner.account, other.account)
    )


def _judged(
    seen: _Seen,
    failure: tuple[str, str, str] | None,
    winner: _Seen | None,
    refused: bool,
    eligible: list[_Seen],
) -> Explained:
    account, ident_by, _, matched = seen
    if failure is not None:
        on, expected, shown = failure
        return Explained(account, ident_by, matched, "failed", on, expected, shown)
    assert winner is not None, "an eligible account and no winner"
    if refused and _is_tied(winner, seen):
        clients = sorted({other.account.client_id for other in eligible if _is_tied(winner, other)})
        shown = ", ".join(str(client) for client in clients)
        return Explained(
            account, ident_by, matched, "lost", "account_id", "accounts of one client", f"clients {shown}"
        )
    if seen is winner:
        return Explained(account, ident_by, matched, "won")
    if seen.ident_by != winner.ident_by:
        on, expected, shown = "ident_type", winner.ident_by, seen.ident_by
    elif seen.specificity != winner.specificity:
        on, expected, shown = SPECIFICITY[seen.ident_by], winner.matched, seen.matched
    else:
        on = deciding_key(winner.account, account)
        expected, shown = _SHOWN[on](winner.account), _SHOWN[on](account)
    return Explained(account, ident_by, matched, "lost", on, expected, shown)


_SHOWN: dict[str, Callable[[Account], str]] = {
    "tech_prefix": lambda account: account.tech_prefix or "none",
    "port": lambda account: "any" if account.port is None else str(account.port),
    "protocol": lambda account: account.protocol or "any",
    "gateway": lambda account: "bound to the gateway" if account.gateway_ids else "any gateway",
    "account_id": lambda account: str(account.id),
}
assert [key for key, _ in PRECEDENCE] == list(_SHOWN), "a key of precedence without words for it"
