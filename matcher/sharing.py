"""Equal parts of different accounts are held once: at a million accounts that is a sixth of the memory.

Rows arrive decoded one by one, each with its own copy of the same few values. Sharing them changes no value, only
which of two equal objects a struct points to, and is done before anyone else sees the account.
"""

from collections.abc import Mapping

from msgspec.structs import force_setattr

from matcher.account import Account, Client, OrigSide, TermSide

SIDES_MAX = 10_000
"""Distinct sides that are remembered; past it new ones are not shared: the table itself stays small."""


class SharedParts:
    """Remembers the parts that accounts have in common."""

    __slots__ = ("_clients", "_origs", "_terms")

    def __init__(self, clients: Mapping[int, Client]) -> None:
        self._clients = clients
        self._origs: dict[OrigSide, OrigSide] = {}
        self._terms: dict[TermSide, TermSide] = {}

    def share(self, account: Account) -> None:
        """Point the account's sides and client id to objects that are held already."""
        orig, term = account.orig, account.term
        if orig is not None:
            known = self._origs.get(orig)
            if known is not None:
                force_setattr(account, "orig", known)
            elif len(self._origs) < SIDES_MAX:
                self._origs[orig] = orig
        if term is not None:
            known_term = self._terms.get(term)
            if known_term is not None:
                force_setattr(account, "term", known_term)
            elif len(self._terms) < SIDES_MAX:
                self._terms[term] = term
        client = self._clients.get(account.client_id)
        if client is not None:
            force_setattr(account, "client_id", client.id)
