"""When each account last had a call granted: one moment an account, kept while the account is there.

It grows with the accounts that ever called, and by one entry it must never stop an answer: a dict of a million
entries takes 30 ms to grow, a thousand small ones some 0.1 ms each. The same small ones are what the journal writes,
and what is looked through for removed accounts, at a time. A grant stores into `shards` itself: that is its whole
cost.
"""

from collections.abc import Container, Mapping

SHARDS = 1024  # a power of two: at a million accounts some thousand entries each
SHARD_MASK = SHARDS - 1


class LastCalls:
    """`shards[account_id & SHARD_MASK][account_id]` is when the account last had a call granted (Unix seconds)."""

    __slots__ = ("_tidied", "shards")

    def __init__(self) -> None:
        self.shards: list[dict[int, float]] = [{} for _ in range(SHARDS)]
        self._tidied = 0

    def at(self, account_id: int) -> float | None:
        """When the account last had a call granted, in Unix seconds that never step; None where that is not known."""
        return self.shards[account_id & SHARD_MASK].get(account_id)

    def restore(self, moments: Mapping[int, float]) -> None:
        """Put back what the journal kept: account id to moment. The latest of an account counts."""
        for account_id, at in moments.items():
            shard = self.shards[account_id & SHARD_MASK]
            if at > shard.get(account_id, 0.0):
                shard[account_id] = at

    def tidy(self, accounts: Container[int]) -> None:
        """Forget, in the next of the shards, accounts that are not there any more: some 0.3 ms at most.

        To be asked now and then; after `SHARDS` times all have been looked through.
        """
        shard = self.shards[self._tidied]
        self._tidied = (self._tidied + 1) & SHARD_MASK
        for account_id in [each for each in shard if each not in accounts]:
            del shard[account_id]

    def __len__(self) -> int:
        """How many accounts have an entry."""
        return sum(map(len, self.shards))
