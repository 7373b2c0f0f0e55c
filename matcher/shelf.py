"""What lies at one address, network, name or ANI: nearly always one account, sometimes several on a shelf.

A lone account is stored as itself: a million of them need no container each. A shelf holds its accounts by tech
prefix, longest first, and inside one tech prefix in order of precedence, so that the first eligible one wins.
"""

from bisect import bisect_left
from collections.abc import Iterator

from matcher.account import Account
from matcher.precedence import standing, tied
from matcher.prefixes import DigitPrefixes

Shelf = DigitPrefixes[tuple[Account, ...]]
Entry = Account | Shelf


def placed(entry: Entry | None, account: Account) -> Entry:
    """The entry with the account added."""
    if entry is None:
        return account
    if isinstance(entry, Account):
        shelf: Shelf = DigitPrefixes()
        shelf.put(entry.tech_prefix, (entry,))
    else:
        assert isinstance(entry, DigitPrefixes)
        shelf = entry
    row = shelf.get(account.tech_prefix) or ()
    at = bisect_left(row, standing(account), key=standing)
    shelf.put(account.tech_prefix, (*row[:at], account, *row[at:]))
    return shelf


def taken(entry: Entry | None, account: Account) -> Entry | None:
    """The entry without exactly this version of the account; None when nothing is left."""
    if entry is account:
        return None
    assert isinstance(entry, DigitPrefixes), "the account is not where its row says"
    row = entry.get(account.tech_prefix) or ()
    left = tuple(other for other in row if other is not account)
    assert len(left) == len(row) - 1, "the account is not on its shelf"
    if left:
        entry.put(account.tech_prefix, left)
    else:
        entry.remove(account.tech_prefix)
    if len(entry) > 1 or len(left) > 1:
        return entry
    (row,) = entry.entries.values()
    return row[0] if len(row) == 1 else entry


def accounts_of(entry: Entry | None) -> Iterator[Account]:
    """Every account of the entry, in order of precedence."""
    if entry is None:
        return
    if isinstance(entry, Account):
        yield entry
        return
    assert isinstance(entry, DigitPrefixes)
    for prefix in sorted(entry.entries, key=lambda text: (-len(text), text)):
        yield from entry.entries[prefix]


def possible_ties(entry: Entry | None, account: Account) -> int:
    """With how many accounts of other clients in the entry some call could end in a tie with this one."""
    if entry is None or entry is account:
        return 0
    row = (entry,) if isinstance(entry, Account) else entry.get(account.tech_prefix) or ()
    return sum(1 for other in row if other.client_id != account.client_id and _can_tie(account, other))


def _can_tie(one: Account, other: Account) -> bool:
    if one.id == other.id or one.tech_prefix != other.tech_prefix or one.port != other.port or not tied(one, other):
        return False
    if (one.protocol or "").lower() != (other.protocol or "").lower():
        return False
    return not one.gateway_ids or not set(one.gateway_ids).isdisjoint(other.gateway_ids)
