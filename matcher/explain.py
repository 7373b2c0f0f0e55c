"""Why an account won, and why each other one that was looked at did not: the words behind `explain`.

It judges by the same tables as the index, gathers more than the index needs, and is not on the path of a call that
does not ask for it. Secrets never appear: a password is "proven" or it is not.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from matcher.account import IDENT_ORDER, Account, Gateway, IdentType, Network
from matcher.address import masked_address, network_text
from matcher.attempt import CallAttempt
from matcher.conditions import ani_compared, conditions_hold, first_failing
from matcher.match import Ambiguous, Explained, Match
from matcher.precedence import ANI_EXACT, PRECEDENCE, SPECIFICITY, deciding_key, tied
from matcher.shelf import Entry, accounts_of

if TYPE_CHECKING:
    from matcher.index import AccountIndex
    from matcher.side import Side


TIED_CLIENTS_MAX = 10
"""Clients named in a tie: enough to call one, and a line that can be read."""


class _Seen(NamedTuple):
    """An account that was looked at, and at what."""

    account: Account
    ident_by: IdentType
    specificity: int
    matched: str


class _Place(NamedTuple):
    """What lies at one of the things that the call shows. `matched` None: what the account says."""

    specificity: int
    matched: str | None
    entry: Entry | None


def explained(
    index: "AccountIndex", attempt: CallAttempt, gateway: Gateway | None, limit: int
) -> tuple[tuple[Explained, ...], int]:
    """The first `limit` accounts that were looked at, in order of precedence, and how many there were after them.

    Types that the gateway does not list come last. Only what is shown is judged: thousands may lie at one address.
    """
    found = index.identify(attempt, gateway)
    match = found.match if isinstance(found, Ambiguous) else found
    winner = None
    if isinstance(match, Match):
        winner = _Seen(match.account, match.ident_by, match.specificity, match.matched_text)
    tie = _tie(index, winner, attempt, gateway) if winner is not None and isinstance(found, Ambiguous) else None
    order = IDENT_ORDER if gateway is None else gateway.ident_order
    gateway_id = None if gateway is None else gateway.id
    shown, omitted = _looked_at(index, attempt, (*order, *(each for each in IDENT_ORDER if each not in order)), limit)
    judged = (_judged(one, _failure(index, one, attempt, gateway, gateway_id, order), winner, tie) for one in shown)
    return tuple(judged), omitted


def _looked_at(
    index: "AccountIndex", attempt: CallAttempt, order: tuple[IdentType, ...], limit: int
) -> tuple[list[_Seen], int]:
    """Who is known by what the call shows, most specific first, each once: the first, and how many more."""
    side, hidden = _side(index, attempt), index.hidden
    shown: list[_Seen] = []
    total = 0
    for ident_type in order:
        told: set[int] = set()
        for specificity, matched, entry in _places(side, ident_type, attempt):
            for account in accounts_of(entry):
                if account.id in told or id(account) in hidden:
                    continue
                told.add(account.id)
                if len(shown) < limit:
                    shown.append(_Seen(account, ident_type, specificity, matched or account.ani or ""))
        total += len(told)
    return shown, total - len(shown)


def _tie(index: "AccountIndex", winner: _Seen, attempt: CallAttempt, gateway: Gateway | None) -> str:
    """The clients whose accounts tie with the winner: the lowest few that are met first."""
    gateway_id = None if gateway is None else gateway.id
    clients = {winner.account.client_id}
    for specificity, _, entry in _places(_side(index, attempt), winner.ident_by, attempt):
        if specificity != winner.specificity:
            continue
        for account in accounts_of(entry):
            if (
                account.client_id not in clients  # most often, and the cheapest to ask
                and id(account) not in index.hidden
                and conditions_hold(account, attempt, gateway_id)
                and tied(winner.account, account)
                and (winner.ident_by != "name" or _unproven(index, account, attempt, gateway) is None)
            ):
                clients.add(account.client_id)
                if len(clients) > TIED_CLIENTS_MAX:
                    first = sorted(clients)[:TIED_CLIENTS_MAX]
                    return f"clients {', '.join(map(str, first))} and more"
    return f"clients {', '.join(map(str, sorted(clients)))}"


def _side(index: "AccountIndex", attempt: CallAttempt) -> "Side":
    return index.orig if attempt.direction == "orig" else index.term


def _places(side: "Side", ident_type: IdentType, attempt: CallAttempt) -> Iterator[_Place]:
    if ident_type == "name" and attempt.name is not None:
        yield _Place(0, attempt.name, side.names.get(attempt.name))
    elif ident_type == "ip" and attempt.address is not None:
        address = attempt.address
        bits = len(address) * 8
        yield _Place(bits, network_text(Network(address, bits)), side.hosts.get(address))
        for node in side.networks.covering(address):
            yield _Place(
                node.length, network_text(Network(masked_address(address, node.length), node.length)), node.value
            )
    elif ident_type == "ani":
        number = ani_compared(attempt.ani if attempt.direction == "orig" else attempt.dnis)
        if number:
            yield _Place(ANI_EXACT, None, side.anis.get(number))
            for length, entry in side.ani_prefixes.beginning(number):
                yield _Place(length, None, entry)


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
    tie: str | None,
) -> Explained:
    account, ident_by, _, matched = seen
    if failure is not None:
        on, expected, shown = failure
        return Explained(account, ident_by, matched, "failed", on, expected, shown)
    assert winner is not None, "an eligible account and no winner"
    if tie is not None and _is_tied(winner, seen):
        return Explained(account, ident_by, matched, "lost", "account_id", "accounts of one client", tie)
    if account is winner.account:
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
