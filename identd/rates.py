"""Calls per second at account and client: which buckets there are, and one token from both or none.

Pure; a bucket is made when first asked and keyed by id, so a reload refills nothing (docs/matching.md §7).
"""

from collections.abc import Collection, Mapping
from itertools import islice
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
        """These accounts have other rates now, or are gone from `accounts`."""
        for direction, buckets in self.accounts.items():
            for row_id in _with_buckets(buckets, row_ids):
                account = accounts.get(row_id)
                if account is None or (rate := account_cps(account, direction)) is None:
                    del buckets[row_id]
                else:
                    buckets[row_id].rescale(rate, bucket_size(rate, account.cps_burst), now)

    def clients_changed(self, row_ids: Collection[int], clients: Mapping[int, Client], now: float) -> None:
        """These clients have other rates now, or are gone from `clients`."""
        for direction, buckets in self.clients.items():
            for row_id in _with_buckets(buckets, row_ids):
                client = clients.get(row_id)
                if client is None or (rate := client_cps(client, direction)) is None:
                    del buckets[row_id]
                else:
                    buckets[row_id].rescale(rate, bucket_size(rate, client.cps_burst), now)

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


def _with_buckets(buckets: dict[int, TokenBucket], row_ids: Collection[int]) -> list[int]:
    """The ids that have a bucket, RESCALED_AT_ONCE_MAX at most; walks the smaller of the two.

    A set of changes may be a million rows or one, and there may be a bucket for every account.
    """
    if len(row_ids) <= len(buckets):
        found = (row_id for row_id in row_ids if row_id in buckets)
    else:
        found = (row_id for row_id in buckets if row_id in row_ids)
    return list(islice(found, RESCALED_AT_ONCE_MAX))
