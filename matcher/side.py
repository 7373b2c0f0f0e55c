"""The accounts of one direction, each under everything that it is known by.

Single addresses lie in a dict (a probe costs 0.03 µs), longer networks in tries, names and exact ANIs in dicts, ANI
prefixes by length. Several versions of an account may lie here while an update is on its way; `index` hides them.
"""

from collections.abc import Iterator
from typing import TypeVar

from matcher.account import Account, Network
from matcher.prefixes import DigitPrefixes, NetworkPrefixes
from matcher.shelf import Entry, placed, possible_ties, taken

Key = TypeVar("Key", bytes, str)


class Side:
    """One direction's accounts. The mappings are read by `index` on the path of a call and written only here."""

    __slots__ = ("ambiguous_pairs", "ani_prefixes", "anis", "hosts", "names", "networks")

    def __init__(self) -> None:
        self.hosts: dict[bytes, Entry] = {}
        self.networks: NetworkPrefixes[Entry] = NetworkPrefixes()
        self.names: dict[str, Entry] = {}
        self.anis: dict[str, Entry] = {}
        self.ani_prefixes: DigitPrefixes[Entry] = DigitPrefixes()
        self.ambiguous_pairs = 0

    def insert(self, account: Account) -> None:
        """Put the account under everything it is known by."""
        if account.ident_by == "ip":
            for network in dict.fromkeys(account.networks):
                if network.is_host:
                    self._insert_at(self.hosts, network.address, account)
                else:
                    self._insert_network(network, account)
        elif account.ident_by == "name":
            self._insert_at(self.names, account.ident_name or "", account)
        else:
            prefix, value = ani_key(account)
            if prefix:
                entry = self.ani_prefixes.get(value)
                self.ambiguous_pairs += possible_ties(entry, account)
                self.ani_prefixes.put(value, placed(entry, account))
            else:
                self._insert_at(self.anis, value, account)

    def remove(self, account: Account) -> None:
        """Take exactly this version of the account away; it must be here."""
        if account.ident_by == "ip":
            for network in dict.fromkeys(account.networks):
                if network.is_host:
                    self._remove_at(self.hosts, network.address, account)
                else:
                    self._remove_network(network, account)
        elif account.ident_by == "name":
            self._remove_at(self.names, account.ident_name or "", account)
        else:
            prefix, value = ani_key(account)
            if prefix:
                left = taken(self.ani_prefixes.get(value), account)
                self.ambiguous_pairs -= possible_ties(left, account)
                if left is None:
                    self.ani_prefixes.remove(value)
                else:
                    self.ani_prefixes.put(value, left)
            else:
                self._remove_at(self.anis, value, account)

    def places(self, account: Account) -> Iterator[Entry]:
        """What lies at each thing that the account is known by; it must be here."""
        found: Entry | None
        if account.ident_by == "ip":
            for network in dict.fromkeys(account.networks):
                if network.is_host:
                    yield self.hosts[network.address]
                else:
                    node = self.networks.node(network)
                    assert node is not None, "the account is not where its row says"
                    yield node.value
            return
        if account.ident_by == "name":
            found = self.names.get(account.ident_name or "")
        else:
            prefix, value = ani_key(account)
            found = self.ani_prefixes.get(value) if prefix else self.anis.get(value)
        assert found is not None, "the account is not where its row says"
        yield found

    def entries(self) -> Iterator[tuple[str, str, Entry]]:
        """(kind, key, entry) of everything here, for lint and tests; walks it all."""
        for address, entry in self.hosts.items():
            yield "host", address.hex(), entry
        for network, entry in self.networks.networks():
            yield "network", f"{network.address.hex()}/{network.length}", entry
        for kind, entries in (("name", self.names), ("ani", self.anis), ("ani_prefix", self.ani_prefixes.entries)):
            for key, entry in entries.items():
                yield kind, key, entry

    def statistics(self) -> dict[str, int]:
        """How much lies here, by kind."""
        return {
            "hosts": len(self.hosts),
            "networks": len(self.networks),
            "names": len(self.names),
            "anis": len(self.anis),
            "ani_prefixes": len(self.ani_prefixes),
            "ambiguous_pairs": self.ambiguous_pairs,
        }

    def _insert_at(self, entries: dict[Key, Entry], key: Key, account: Account) -> None:
        entry = entries.get(key)
        if entry is None:
            entries[key] = account
        else:
            self.ambiguous_pairs += possible_ties(entry, account)
            entries[key] = placed(entry, account)

    def _remove_at(self, entries: dict[Key, Entry], key: Key, account: Account) -> None:
        left = taken(entries.get(key), account)
        self.ambiguous_pairs -= possible_ties(left, account)
        if left is None:
            del entries[key]
        else:
            entries[key] = left

    def _insert_network(self, network: Network, account: Account) -> None:
        node = self.networks.node(network)
        if node is None:
            self.networks.insert(network, account)
        else:
            self.ambiguous_pairs += possible_ties(node.value, account)
            node.value = placed(node.value, account)

    def _remove_network(self, network: Network, account: Account) -> None:
        node = self.networks.node(network)
        assert node is not None, "the account is not where its row says"
        left = taken(node.value, account)
        self.ambiguous_pairs -= possible_ties(left, account)
        if left is None:
            self.networks.remove(network)
        else:
            node.value = left


def ani_key(account: Account) -> tuple[bool, str]:
    """Whether the account's ANI is a prefix, and the number or prefix itself without `+` and `*`."""
    text = account.ani or ""
    text = text[1:] if text.startswith("+") else text
    return (True, text[:-1]) if text.endswith("*") else (False, text)
