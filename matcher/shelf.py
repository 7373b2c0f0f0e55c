"""What lies at one address, network, name or ANI: nearly always one account, sometimes a few, rarely many.

A lone account is stored as itself: a million of them need no container each. A few stand in a tuple in order of
precedence: a tuple of values that the garbage collector does not track is itself not tracked for long, and while an
update is on its way every changed account is here twice. Many lie on a shelf by tech prefix, longest first.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from matcher.account import Account
from matcher.precedence import standing
from matcher.prefixes import DigitPrefixes

FEW_MAX = 8
"""More accounts than this are found faster by tech prefix (two probes of a dict) than one after the other."""

Few = tuple[Account, ...]
Shelf = DigitPrefixes[Few]
Entry = Account | Few | Shelf


def placed(entry: Entry | None, account: Account) -> Entry:
    """The entry with the account added."""
    if entry is None:
        return account
    if isinstance(entry, Account):
        return _with((entry,), account)
    if isinstance(entry, tuple):
        few = _with(entry, account)
        return few if len(few) <= FEW_MAX else _shelved(few)
    entry.put(account.tech_prefix, _with(entry.get(account.tech_prefix) or (), account))
    return entry


def taken(entry: Entry | None, account: Account) -> Entry | None:
    """The entry without exactly this version of the account; None when nothing is left."""
    assert entry is not None, "the account is not where its row says"
    if isinstance(entry, Account):
        assert entry is account, "another account is where the row says"
        return None
    if isinstance(entry, tuple):
        few = _without(entry, account)
        return few if len(few) > 1 else few[0]
    row = _without(entry.get(account.tech_prefix) or (), account)
    if row:
        entry.put(account.tech_prefix, row)
    else:
        entry.remove(account.tech_prefix)
    if len(entry) > FEW_MAX or sum(map(len, entry.entries.values())) > FEW_MAX:
        return entry
    return tuple(sorted(accounts_of(entry), key=standing))


def accounts_of(entry: Entry | None) -> Iterable[Account]:
    """Every account of the entry; those that can compete for a call in order of precedence."""
    if entry is None:
        return ()
    if isinstance(entry, Account):
        return (entry,)
    return entry if isinstance(entry, tuple) else _on(entry)


def possible_ties(entry: Entry | None, account: Account) -> int:
    """With how many accounts of other clients in the entry some call could end in a tie with this one."""
    if entry is None:
        return 0
    if isinstance(entry, Account):
        return int(can_tie(entry, account))
    return sum(1 for other in beside(entry, account) if can_tie(other, account))


def beside(entry: Entry, account: Account) -> Few:
    """Those of the entry that could tie with this account; it is among them where it lies here, and so may others."""
    if isinstance(entry, Account):
        return (entry,)
    return entry if isinstance(entry, tuple) else entry.get(account.tech_prefix) or ()


def can_tie(one: Account, other: Account) -> bool:
    """Whether some call could match both equally well, so that only the account id decides between two clients.

    What the precedence table says of two accounts whose conditions can hold for one call, with what differs most
    often first: where very many lie at one place, every insertion asks this of all of them.
    """
    if one.client_id == other.client_id or one.tech_prefix != other.tech_prefix or one.port != other.port:
        return False
    if one.id == other.id:
        return False
    if one.protocol != other.protocol and (one.protocol or "").lower() != (other.protocol or "").lower():
        return False
    ours, theirs = one.gateway_ids, other.gateway_ids
    if not ours or not theirs:
        return not ours and not theirs  # bound to a gateway comes before bound to none
    return not set(ours).isdisjoint(theirs)


def _with(few: Few, account: Account) -> Few:
    at = bisect_left(few, standing(account), key=standing)
    return (*few[:at], account, *few[at:])


def _without(few: Few, account: Account) -> Few:
    left = tuple([other for other in few if other is not account])
    assert len(left) == len(few) - 1, "the account is not where its row says"
    return left


def _shelved(few: Few) -> Shelf:
    shelf: Shelf = DigitPrefixes()
    for account in few:  # in order of precedence, so each row comes out in it
        shelf.put(account.tech_prefix, (*(shelf.get(account.tech_prefix) or ()), account))
    return shelf


def _on(shelf: Shelf) -> Iterator[Account]:
    for prefix in sorted(shelf.entries, key=lambda text: (-len(text), text)):
        yield from shelf.entries[prefix]
