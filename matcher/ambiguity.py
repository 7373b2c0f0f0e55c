"""Which accounts one account cannot be told from: the ties that are counted as ambiguous, seen from one account.

For people who look at an account, not for calls. It looks at the places of this account only, and at so much of them
as it is allowed to: thousands may lie at one address.
"""

from typing import NamedTuple

from matcher.account import Account
from matcher.index import AccountIndex
from matcher.shelf import beside, can_tie


class Ties(NamedTuple):
    """Ids of accounts of other clients, in the order met; `more`: there may be others. `looks`: what it took."""

    account_ids: tuple[int, ...]
    more: bool
    looks: int


def ties_of(index: AccountIndex, account: Account, ids_max: int, looks_max: int) -> Ties:
    """The accounts with which some call could end in a tie that only the id decides (docs/matching.md §3).

    `account` is the version that is in force. A look is one place of it, or one account at such a place: some 0.5 µs.
    """
    found: dict[int, None] = {}
    looks = 0
    for side, settings in ((index.orig, account.orig), (index.term, account.term)):
        if settings is None:
            continue
        for entry in side.places(account):
            looks += 1
            for other in beside(entry, account):
                if looks >= looks_max:
                    return Ties(tuple(found), True, looks)
                looks += 1
                if can_tie(account, other) and other.id not in found and id(other) not in index.hidden:
                    if len(found) == ids_max:
                        return Ties(tuple(found), True, looks)
                    found[other.id] = None
    return Ties(tuple(found), False, looks)
