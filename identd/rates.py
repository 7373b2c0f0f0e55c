"""Calls per second at account and client: which buckets there are, and one token from both or none.

Pure; a bucket is made when first asked and keyed by id, so a reload refills nothing (docs/matching.md §7).
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from identd.tokens import TokenBucket, bucket_size
from matcher.account import Account, Client, Direction
from protocol.reason import Reason

SETTLED_AT_ONCE_MAX = 2_000
"""Buckets, some 2 ms of work. A set of changes may concern a hundred thousand; the others are settled by the tick, as
of the moment of the change, and one that is asked before then is settled by that."""

Buckets = dict[Direction, dict[int, TokenBucket]]


class RateRefusal(NamedTuple):
    """Which rate is used up, and when a token will be there (None: never)."""

    reason: Reason
    retry_after_ms: int | None


class CallRates:
    """The token buckets of all accounts and clients that limit their calls per second."""

    __slots__ = ("_accounts_behind", "_clients_behind", "accounts", "clients")

    def __init__(self) -> None:
        self.accounts: Buckets = {"orig": {}, "term": {}}
        self.clients: Buckets = {"orig": {}, "term": {}}
        # id -> when its rate changed; of those that have a bucket, so it has no bound of its own
        self._accounts_behind: dict[Direction, dict[int, float]] = {"orig": {}, "term": {}}
        self._clients_behind: dict[Direction, dict[int, float]] = {"orig": {}, "term": {}}

    def take(self, account: Account, client: Client, direction: Direction, now: float) -> RateRefusal | None:
        """One token at every level that has a rate, or none and the first that has no token left."""
        side = account.orig if direction == "orig" else account.term
        account_rate = None if side is None else side.cps
        client_rate = client.orig_cps if direction == "orig" else client.term_cps
        if account_rate is None and client_rate is None:
            return None
        taken: list[TokenBucket] = []
        for buckets, row_id, rate, burst, reason in (
            (self.accounts, account.id, account_rate, account.cps_burst, Reason.CPS_ACCOUNT),
            (self.clients, client.id, client_rate, client.cps_burst, Reason.CPS_CLIENT),
        ):
            if rate is None:
                continue
            bucket = _bucket(buckets[direction], row_id, rate, burst, now)
            if not bucket.has_token(now):
                return RateRefusal(reason, bucket.wait_ms())
            taken.append(bucket)
        for bucket in taken:
            bucket.take()
        return None

    def accounts_changed(self, row_ids: Collection[int], accounts: Mapping[int, Account], now: float) -> None:
        """These accounts have other rates now, or are gone from `accounts`. What is left over is for `settle`."""
        for direction, buckets in self.accounts.items():
            _note(self._accounts_behind[direction], buckets, row_ids, now)
        self._settle_accounts(accounts, SETTLED_AT_ONCE_MAX)

    def clients_changed(self, row_ids: Collection[int], clients: Mapping[int, Client], now: float) -> None:
        """These clients have other rates now, or are gone from `clients`. What is left over is for `settle`."""
        for direction, buckets in self.clients.items():
            _note(self._clients_behind[direction], buckets, row_ids, now)
        self._settle_clients(clients, SETTLED_AT_ONCE_MAX)

    def settle(self, accounts: Mapping[int, Account], clients: Mapping[int, Client]) -> bool:
        """Bring so many more buckets to the rates that changed; whether none is left. Call until it is."""
        left = self._settle_accounts(accounts, SETTLED_AT_ONCE_MAX)
        self._settle_clients(clients, left)
        return not any((*self._accounts_behind.values(), *self._clients_behind.values()))

    def _settle_accounts(self, accounts: Mapping[int, Account], count: int) -> int:
        """How many of `count` are left to do."""
        for direction, behind in self._accounts_behind.items():
            while behind and count:
                row_id, changed_at = behind.popitem()
                account = accounts.get(row_id)
                rate = None if account is None else account_cps(account, direction)
                burst = None if account is None else account.cps_burst
                _follow(self.accounts[direction], row_id, rate, burst, changed_at)
                count -= 1
        return count

    def _settle_clients(self, clients: Mapping[int, Client], count: int) -> int:
        """How many of `count` are left to do."""
        for direction, behind in self._clients_behind.items():
            while behind and count:
                row_id, changed_at = behind.popitem()
                client = clients.get(row_id)
                rate = None if client is None else client_cps(client, direction)
                burst = None if client is None else client.cps_burst
                _follow(self.clients[direction], row_id, rate, burst, changed_at)
                count -= 1
        return count

    def __len__(self) -> int:
        """How many buckets there are."""
        return sum(map(len, (*self.accounts.values(), *self.clients.values())))


def account_cps(account: Account, direction: Direction) -> float | None:
    """What the account may send a second in this direction; None is unlimited."""
    side = account.orig if direction == "orig" else account.term
    return None if side is None else side.cps


def client_cps(client: Client, direction: Direction) -> float | None:
    """What all accounts of the client together may send a second in this direction; None is unlimited."""
    return client.orig_cps if direction == "orig" else client.term_cps


def _bucket(
    buckets: dict[int, TokenBucket], row_id: int, rate: float, burst: float | None, now: float
) -> TokenBucket:
    size = bucket_size(rate, burst)
    bucket = buckets.get(row_id)
    if bucket is None:
        bucket = buckets[row_id] = TokenBucket(rate, size, now)
    else:
        bucket.rescale(rate, size, now)
    return bucket


def _follow(buckets: dict[int, TokenBucket], row_id: int, rate: float | None, burst: float | None, at: float) -> None:
    """The bucket as the row says since `at`: rescaled as if we had done it then, or gone where nothing is limited."""
    bucket = buckets.get(row_id)
    if bucket is None:
        return
    if rate is None:
        del buckets[row_id]
    else:
        bucket.rescale(rate, bucket_size(rate, burst), at)


def _note(behind: dict[int, float], buckets: dict[int, TokenBucket], row_ids: Collection[int], now: float) -> None:
    """Those of the rows that have a bucket are behind since now.

    A set of changes may be a million rows or one, and there may be a bucket for every account: `&` walks the smaller
    of the two, a hundred thousand in a few milliseconds.
    """
    behind.update(dict.fromkeys(buckets.keys() & row_ids, now))
