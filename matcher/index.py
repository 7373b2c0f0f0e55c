"""Whose call is it: the accounts in memory, arranged so that a call meets them in order of precedence.

The conditions are judged jointly (docs/matching.md §3): every step asks for the first *eligible* account, and where
a network or prefix has none, the next shorter one is asked. `hidden` is how an update stays invisible until it is
committed: versions of accounts whose id() is in it lie in the index and are not there for calls.
"""

from collections.abc import Callable, Iterator

from matcher.account import IDENT_ORDER, Account, Gateway, IdentType
from matcher.attempt import CallAttempt
from matcher.conditions import ani_compared, conditions_hold
from matcher.explain import explained
from matcher.match import BAD_PASSWORD, UNKNOWN_SOURCE, Ambiguous, Explained, Match, NoMatch
from matcher.precedence import ANI_EXACT, tied
from matcher.shelf import Entry
from matcher.side import Side

__all__ = ["AccountIndex", "Ambiguous", "Explained", "Match", "NoMatch", "Prove"]

Prove = Callable[[Account | None, CallAttempt], bool]
"""Whether the attempt's credentials prove the account's password. None: no account has that name, and the same work
is to be done for nothing, so that timing does not tell which names exist."""

Finder = Callable[[Side, CallAttempt, Gateway | None], Match | NoMatch | None]


class AccountIndex:
    """Accounts of both directions. Changes come through `matcher.directory`, which keeps every update whole."""

    __slots__ = ("_finders", "hidden", "orig", "prove", "term")

    def __init__(self, prove: Prove) -> None:
        self.prove = prove
        self.orig = Side()
        self.term = Side()
        self.hidden: set[int] = set()
        self._finders: dict[IdentType, Finder] = {"name": self._by_name, "ip": self._by_ip, "ani": self._by_ani}

    def identify(self, attempt: CallAttempt, gateway: Gateway | None) -> Match | NoMatch | Ambiguous:
        """Whose call this is, for the gateway that asks (None: a local asker that is no gateway)."""
        side = self.orig if attempt.direction == "orig" else self.term
        nobody = UNKNOWN_SOURCE
        for ident_type in IDENT_ORDER if gateway is None else gateway.ident_order:
            found = self._finders[ident_type](side, attempt, gateway)
            if found is None:
                continue
            if isinstance(found, Match):
                if found.ambiguous and gateway is not None and gateway.refuses_ambiguous:
                    return Ambiguous(found)
                return found
            nobody = BAD_PASSWORD
        return nobody

    def explain(self, attempt: CallAttempt, gateway: Gateway | None, limit: int) -> tuple[tuple[Explained, ...], int]:
        """The first accounts that were looked at, in order of precedence, with what became of them; how many more."""
        return explained(self, attempt, gateway, limit)

    def insert(self, account: Account) -> None:
        """Put a version of an account in the index of each direction in which it is on."""
        if account.orig is not None:
            self.orig.insert(account)
        if account.term is not None:
            self.term.insert(account)

    def remove(self, account: Account) -> None:
        """Take exactly this version of an account out."""
        if account.orig is not None:
            self.orig.remove(account)
        if account.term is not None:
            self.term.remove(account)

    def entries(self) -> Iterator[tuple[str, str, str, Entry]]:
        """(direction, kind, key, entry) of everything in the index, for lint and tests; walks it all."""
        for direction, side in (("orig", self.orig), ("term", self.term)):
            for kind, key, entry in side.entries():
                yield direction, kind, key, entry

    def statistics(self) -> dict[str, int]:
        """Sizes of both sides, ambiguous pairs, and how many hidden versions an update has in it right now.

        An ambiguous pair is counted once for every network, name or ANI at which some call could end in a tie.
        """
        figures = {f"orig_{name}": number for name, number in self.orig.statistics().items()}
        figures |= {f"term_{name}": number for name, number in self.term.statistics().items()}
        figures["ambiguous_pairs"] = self.orig.ambiguous_pairs + self.term.ambiguous_pairs
        figures["hidden"] = len(self.hidden)
        return figures

    def _by_ip(self, side: Side, attempt: CallAttempt, gateway: Gateway | None) -> Match | None:
        address = attempt.address
        if address is None:
            return None
        gateway_id = None if gateway is None else gateway.id
        entry = side.hosts.get(address)
        if entry is not None:
            found = self._first(entry, attempt, gateway_id, "ip", len(address) * 8, address)
            if found is not None:
                return found
        node = side.networks.longest(address)
        while node is not None:
            found = self._first(node.value, attempt, gateway_id, "ip", node.length, address)
            if found is not None:
                return found
            node = side.networks.shorter(address, node.length)
        return None

    def _by_ani(self, side: Side, attempt: CallAttempt, gateway: Gateway | None) -> Match | None:
        number = ani_compared(attempt.ani if attempt.direction == "orig" else attempt.dnis)
        if not number:
            return None
        gateway_id = None if gateway is None else gateway.id
        entry = side.anis.get(number)
        if entry is not None:
            found = self._first(entry, attempt, gateway_id, "ani", ANI_EXACT, None)
            if found is not None:
                return found
        prefixes = side.ani_prefixes
        digits = len(number)
        for length in prefixes.lengths:
            if length <= digits and (entry := prefixes.entries.get(number[:length])) is not None:
                found = self._first(entry, attempt, gateway_id, "ani", length, None)
                if found is not None:
                    return found
        return None

    def _by_name(self, side: Side, attempt: CallAttempt, gateway: Gateway | None) -> Match | NoMatch | None:
        """NoMatch: the name is known, the rest holds, and the credentials do not prove the password."""
        name = attempt.name
        if name is None:
            return None
        gateway_id = None if gateway is None else gateway.id
        vouched = attempt.name_verified or (gateway is not None and gateway.trusts_name)
        winner: Account | None = None
        tried = failed = ambiguous = False
        for account in self._candidates(side.names.get(name), attempt, gateway_id):
            if winner is not None:
                if not tied(winner, account):
                    break
                if winner.client_id == account.client_id:
                    continue
            if account.password is None and vouched:
                known = True
            elif attempt.credentials is None:
                known = False
            else:
                tried = True
                known = self.prove(account, attempt) and account.password is not None
                failed = failed or not known
            if known:
                if winner is not None:
                    ambiguous = True
                    break
                winner = account
        if winner is not None:
            return Match(winner, "name", 0, None, ambiguous)
        if attempt.credentials is not None and not tried:
            self.prove(None, attempt)
        return BAD_PASSWORD if failed else None

    def _first(
        self,
        entry: Entry,
        attempt: CallAttempt,
        gateway_id: int | None,
        ident_by: IdentType,
        specificity: int,
        address: bytes | None,
    ) -> Match | None:
        """The first eligible account of the entry."""
        if isinstance(entry, Account):
            if conditions_hold(entry, attempt, gateway_id) and not (self.hidden and id(entry) in self.hidden):
                return Match(entry, ident_by, specificity, address)
            return None
        candidates = self._candidates(entry, attempt, gateway_id)
        winner = next(candidates, None)
        if winner is None:
            return None
        ambiguous = False
        for other in candidates:
            if not tied(winner, other):
                break
            if other.client_id != winner.client_id:
                ambiguous = True
                break
        return Match(winner, ident_by, specificity, address, ambiguous)

    def _candidates(self, entry: Entry | None, attempt: CallAttempt, gateway_id: int | None) -> Iterator[Account]:
        """The visible accounts of the entry whose conditions hold, in order of precedence."""
        if entry is None:
            return
        hidden = self.hidden
        if isinstance(entry, Account):
            if conditions_hold(entry, attempt, gateway_id) and id(entry) not in hidden:
                yield entry
            return
        if isinstance(entry, tuple):
            for account in entry:
                if conditions_hold(account, attempt, gateway_id) and id(account) not in hidden:
                    yield account
            return
        for _, row in entry.beginning(attempt.dnis):
            for account in row:
                if conditions_hold(account, attempt, gateway_id) and id(account) not in hidden:
                    yield account
