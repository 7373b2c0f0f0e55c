"""How many calls may be up at once: at account, client and reseller, each direction apart (docs/matching.md §6).

Each limit counts a set of calls, found by the id of what it limits: two addresses of one account share its limit,
and a reload that replaces every row changes no count. The rules read here are pure functions of the rows.
"""

from typing import NamedTuple

from identd.calls import Call, CallSet
from identd.decision import Load, Scope
from matcher.account import Account, Client, Direction, Reseller


class Limits(NamedTuple):
    """The capacity at each level, in calls; None is unlimited, 0 lets no call in."""

    account: int | None
    client: int | None
    reseller: int | None


def balance_is_low(client: Client) -> bool:
    """Whether the client's balance is below its threshold; without a threshold it never is."""
    threshold = client.low_balance_threshold_micros
    return threshold is not None and client.balance_micros < threshold


def has_credit(client: Client) -> bool:
    """Whether the client may still spend; a client without a credit limit always may."""
    limit = client.credit_limit_micros
    return limit is None or client.balance_micros + limit > 0


def limits_of(account: Account, client: Client, reseller: Reseller | None, direction: Direction) -> Limits:
    """What limits a call of this account now. While its balance is low, the client's limit is the lower of two."""
    if direction == "orig":
        capacity = account.orig.capacity if account.orig is not None else None
        client_capacity = client.orig_capacity
        reseller_capacity = reseller.orig_capacity if reseller is not None else None
    else:
        capacity = account.term.capacity if account.term is not None else None
        client_capacity = client.term_capacity
        reseller_capacity = reseller.term_capacity if reseller is not None else None
    low = client.low_balance_capacity
    if low is not None and balance_is_low(client) and (client_capacity is None or low < client_capacity):
        client_capacity = low
    return Limits(capacity, client_capacity, reseller_capacity)


class Capacity:
    """The sets of calls that are counted against each limit."""

    __slots__ = ("accounts", "clients", "resellers")

    def __init__(self) -> None:
        self.accounts: dict[Direction, dict[int, CallSet]] = {"orig": {}, "term": {}}
        self.clients: dict[Direction, dict[int, CallSet]] = {"orig": {}, "term": {}}
        self.resellers: dict[Direction, dict[int, CallSet]] = {"orig": {}, "term": {}}

    def full(self, limits: Limits, direction: Direction, account: Account, client: Client) -> Load | None:
        """The first level without a free slot, account before client before reseller; None if one more fits."""
        capacity, client_capacity, reseller_capacity = limits
        if capacity is not None:
            calls = len(self.accounts[direction].get(account.id, ()))
            if calls >= capacity:
                return Load(calls, capacity, "account")
        if client_capacity is not None:
            calls = len(self.clients[direction].get(client.id, ()))
            if calls >= client_capacity:
                return Load(calls, client_capacity, "client")
        if reseller_capacity is not None and client.reseller_id is not None:
            calls = len(self.resellers[direction].get(client.reseller_id, ()))
            if calls >= reseller_capacity:
                return Load(calls, reseller_capacity, "reseller")
        return None

    def nearest(self, limits: Limits, direction: Direction, account: Account, client: Client) -> Load | None:
        """The limit with the fewest free slots, the narrower of equals; None where nothing is limited."""
        capacity, client_capacity, reseller_capacity = limits
        found: Load | None = None
        free = 0
        if capacity is not None:
            calls = len(self.accounts[direction].get(account.id, ()))
            found, free = Load(calls, capacity, "account"), capacity - calls
        if client_capacity is not None:
            calls = len(self.clients[direction].get(client.id, ()))
            if found is None or client_capacity - calls < free:
                found, free = Load(calls, client_capacity, "client"), client_capacity - calls
        if reseller_capacity is not None and client.reseller_id is not None:
            calls = len(self.resellers[direction].get(client.reseller_id, ()))
            if found is None or reseller_capacity - calls < free:
                found = Load(calls, reseller_capacity, "reseller")
        return found

    def take(self, call: Call) -> None:
        """Count the call at every level that it has."""
        for calls_by_id, row_id in self._levels(call):
            calls = calls_by_id.get(row_id)
            if calls is None:
                calls = calls_by_id[row_id] = {}
            calls[call] = None

    def give_back(self, call: Call) -> None:
        """Stop counting the call. It must be counted."""
        for calls_by_id, row_id in self._levels(call):
            calls = calls_by_id[row_id]
            del calls[call]
            if not calls:
                del calls_by_id[row_id]

    def calls_of_account(self, direction: Direction, account_id: int) -> int:
        """How many calls of the account are up in the direction."""
        return len(self.accounts[direction].get(account_id, ()))

    def statistics(self) -> dict[Scope, int]:
        """How many rows of each level have calls up, both directions together."""
        levels: dict[Scope, dict[Direction, dict[int, CallSet]]] = {
            "account": self.accounts,
            "client": self.clients,
            "reseller": self.resellers,
        }
        return {scope: sum(map(len, level.values())) for scope, level in levels.items()}

    def _levels(self, call: Call) -> tuple[tuple[dict[int, CallSet], int], ...]:
        direction = call.direction
        levels = (
            (self.accounts[direction], call.account_id),
            (self.clients[direction], call.client_id),
        )
        if call.reseller_id is None:
            return levels
        return (*levels, (self.resellers[direction], call.reseller_id))
