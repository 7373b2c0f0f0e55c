"""When each account last called: kept small enough in each part that no call waits for it."""

import random

from identd.last_calls import SHARD_MASK, SHARDS, LastCalls
from tests.identd.building import NOW


def noted(*account_ids: int) -> LastCalls:
    """As a grant notes it: the account with id n called at NOW + n."""
    last_calls = LastCalls()
    for account_id in account_ids:
        last_calls.shards[account_id & SHARD_MASK][account_id] = NOW + account_id
    return last_calls


def test_account_that_never_called_has_no_last_call() -> None:
    assert noted(1).at(1) == NOW + 1
    assert noted(1).at(1 + SHARDS) is None


def test_the_latest_of_what_was_kept_counts_whatever_its_order() -> None:
    moments = [NOW + 3, NOW + 9, NOW + 6]
    for _ in range(6):
        random.shuffle(moments)
        last_calls = LastCalls()
        for at in moments:
            last_calls.restore({7: at})
        assert last_calls.at(7) == NOW + 9


def test_after_one_round_accounts_that_are_gone_are_forgotten_and_no_other() -> None:
    last_calls = noted(*range(1, 3 * SHARDS))
    there = set(range(1, 3 * SHARDS, 2))
    for _ in range(SHARDS):
        last_calls.tidy(there)
    assert {account_id for shard in last_calls.shards for account_id in shard} == there


def test_no_part_is_large_at_a_million_accounts() -> None:
    last_calls = noted(*range(1, 1_000_001))
    assert len(last_calls) == 1_000_000
    assert max(map(len, last_calls.shards)) <= 1_000
