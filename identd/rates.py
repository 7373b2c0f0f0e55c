"""Calls per second at account and client: which buckets there are, and one token from both or none.

Pure; a bucket is made when first asked and keyed by id, so a reload refills nothing (docs/matching.md §7).
"""

from typing import NamedTuple

from identd.tokens import TokenBucket, bucket_size
from matcher.account import Account, Client, Direction
from protocol.reason import Reason

RESCALED_AT_ONCE_MAX = 10_000  # buckets, some 10 ms of work; those past it are rescaled when next asked

Buckets = dict[Direction, dict[int, TokenBucket]]


class RateRefusal(NamedTuple):
    """Which rate is used up, and when a token will be there (None: never)."""

    reason: Reason
    retry_after_ms: int | None


class CallRates:
    """The token buckets of all accounts and clients that limit their calls per second."""

    __slots__ = ("accounts", "clients")

    def __init__(self) -> None:
        self.accounts: Buckets = {"orig": {}, "term": {}}
        self.clients: Buckets = {"orig": {}, "term": {}}

    def take(self, account: Account, client: Client, direction: Direction, now: float) -> RateRefusal | None:
        """One token at every level that has a rate, or none and the first that has no token left."""
        account_rate = account_cps(account, direction)
        client_rate = client_cps(client, direction)
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
            if bucket.refill(now) < 1:
                return RateRefusal(reason, bucket.wait_ms())
            taken.append(bucket)
        for bucket in taken:
            bucket.tokens -= 1
        return None

    def account_changed(self, row_id: int, account: Account | None, now: float) -> None:
        """The account has another rate now, or None: it is gone."""
        for direction, buckets in self.accounts.items():
            rate = None if account is None else account_cps(account, direction)
            _rescale(buckets, row_id, rate, account.cps_burst if account is not None else None, now)

    def client_changed(self, row_id: int, client: Client | None, now: float) -> None:
        """The client has another rate now, or None: it is gone."""
        for direction, buckets in self.clients.items():
            rate = None if client is None else client_cps(client, direction)
            _rescale(buckets, row_id, rate, client.cps_burst if client is not None else None, now)

    def accounts_with_buckets(self) -> set[int]:
        """Ids of accounts that have a bucket in some direction."""
        return self.accounts["orig"].keys() | self.accounts["term"].keys()

    def clients_with_buckets(self) -> set[int]:
        """Ids of clients that have a bucket in some direction."""
        return self.clients["orig"].keys() | self.clients["term"].keys()


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


def _rescale(
    buckets: dict[int, TokenBucket], row_id: int, rate: float | None, burst: float | None, now: float
) -> None:
    if row_id not in buckets:
        return
    if rate is None:
        del buckets[row_id]
    else:
        buckets[row_id].rescale(rate, bucket_size(rate, burst), now)
