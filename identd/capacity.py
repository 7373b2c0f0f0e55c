"""How many calls may be up at once: at account, client and reseller, each direction apart (docs/matching.md §6).

Each limit counts a set of calls, found by the id of what it limits: two addresses of one account share its limit,
and a reload that replaces every row changes no count. The rules read here are pure functions of the rows.
"""

from collections.abc import Sequence

from identd.calls import Call, CallSet
from identd.decision import Load, Scope
from matcher.account import Account, Client, Direction, Reseller


def balance_is_low(client: Client) -> bool:
    """Whether the client's balance is below its threshold; without a threshold it never is."""
    threshold = client.low_balance_threshold_micros
    return threshold is not None and client.balance_micros < threshold


def has_credit(client: Client) -> bool:
    """Whether the client may still spend; a client without a credit limit always may."""
    limit = client.credit_limit_micros
    return limit is None or client.balance_micros + limit > 0


def client_capacity(client: Client, direction: Direction) -> int | None:
    """What limits the client's calls now: while its balance is low, the lower of two."""
    capacity = client.orig_capacity if direction == "orig" else client.term_capacity
    low = client.low_balance_capacity
    if low is not None and (capacity is None or low < capacity) and balance_is_low(client):
        return low
    return capacity


def nearest(loads: Sequence[Load]) -> Load | None:
    """The limit with the fewest free slots, the narrower of equals; None where nothing is limited."""
    if len(loads) > 1:
        return min(loads, key=_free)
    return loads[0] if loads else None


def _free(load: Load) -> int:
    return load.capacity - load.calls


class Capacity:
    """The sets of calls that are counted against each limit."""

    __slots__ = ("accounts", "clients", "resellers")

    def __init__(self) -> None:
        self.accounts: dict[Direction, dict[int, CallSet]] = {"orig": {}, "term": {}}
        self.clients: dict[Direction, dict[int, CallSet]] = {"orig": {}, "term": {}}
        self.resellers: dict[Direction, dict[int, CallSet]] = {"orig": {}, "term": {}}

    def loads(
        self, account: Account, client: Client, reseller: Reseller | None, direction: Direction, taking: int = 0
    ) -> list[Load]:
        """How full each limit is that stands for a call of this account, account before client before reseller.

        `taking` slots are counted as taken already. A limit is full where `calls` is past `capacity` with one taken.
        """
        loads = []
        side = account.orig if direction == "orig" else account.term
        if side is not None and side.capacity is not None:
            calls = len(self.accounts[direction].get(account.id, ()))
            loads.append(Load(calls + taking, side.capacity, "account"))
        capacity = client_capacity(client, direction)
        if capacity is not None:
            calls = len(self.clients[direction].get(client.id, ()))
            loads.append(Load(calls + taking, capacity, "client"))
        if reseller is not None:
            capacity = reseller.orig_capacity if direction == "orig" else reseller.term_capacity
            if capacity is not None:
                calls = len(self.resellers[direction].get(reseller.id, ()))
                loads.append(Load(calls + taking, capacity, "reseller"))
        return loads

    def take(self, call: Call) -> None:
        """Count the call at every level that it has."""
        direction = call.direction
        _add(self.accounts[direction], call.account_id, call)
        _add(self.clients[direction], call.client_id, call)
        if call.reseller_id is not None:
            _add(self.resellers[direction], call.reseller_id, call)

    def give_back(self, call: Call) -> None:
        """Stop counting the call. It must be counted."""
        direction = call.direction
        _discard(self.accounts[direction], call.account_id, call)
        _discard(self.clients[direction], call.client_id, call)
        if call.reseller_id is not None:
            _discard(self.resellers[direction], call.reseller_id, call)

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


def _add(calls_by_id: dict[int, CallSet], row_id: int, call: Call) -> None:
    calls = calls_by_id.get(row_id)
    if calls is None:
        calls_by_id[row_id] = {call: None}
    else:
        calls[call] = None


def _discard(calls_by_id: dict[int, CallSet], row_id: int, call: Call) -> None:
    calls = calls_by_id[row_id]
    del calls[call]
    if not calls:
        del calls_by_id[row_id]
