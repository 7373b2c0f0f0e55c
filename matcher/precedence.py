"""Which of several eligible accounts of one ident type wins (docs/matching.md §3): one table, a row a key.

Everything that orders accounts reads this table: the shelves of the index, ambiguity, and `explain`.
"""

from collections.abc import Callable

from matcher.account import Account

ANI_EXACT = 1_000
"""Specificity of an exact ANI: above that of any prefix, which is its length (at most 255)."""

Rank = Callable[[Account], int]

PRECEDENCE: tuple[tuple[str, Rank], ...] = (
    ("tech_prefix", lambda account: -len(account.tech_prefix)),
    ("port", lambda account: account.port is None),
    ("protocol", lambda account: account.protocol is None),
    ("gateway", lambda account: not account.gateway_ids),
    ("account_id", lambda account: account.id),
)
"""Smaller wins. Before all of them stands how specific the match is: see `SPECIFICITY`.

"Bound to the gateway" is "bound to any": an account bound to others only is not eligible and does not get here.
"""

SPECIFICITY: dict[str, str] = {"ip": "network_mask", "ani": "ani", "name": "name"}
"""What the first key is called, by ident type: longer network mask, exact ANI before longer prefix."""


def standing(account: Account) -> tuple[int, ...]:
    """The account's place among those that match equally specifically; smaller is earlier, no two are equal."""
    return tuple(rank(account) for _, rank in PRECEDENCE)


def deciding_key(winner: Account, loser: Account) -> str:
    """The first key in which the two differ: why the loser lost among equally specific matches."""
    for key, rank in PRECEDENCE:
        if rank(winner) != rank(loser):
            return key
    raise AssertionError("two versions of one account were compared")


def tied(one: Account, other: Account) -> bool:
    """Whether nothing but the account id decides between two equally specific matches."""
    return all(rank(one) == rank(other) for key, rank in PRECEDENCE if key != "account_id")
