"""Longest match first, for networks and for strings of digits.

The only importer of pytricia, which answers `::1` in an IPv4 trie, accepts host bits and mixes families: so one
trie a family, and canonical packed bytes only. A trie holds networks, never single hosts: those belong in a dict.
"""

import ipaddress
from collections.abc import Iterator
from typing import Generic, TypeVar

import pytricia

from matcher.account import Network

Value = TypeVar("Value")


class NetworkNode(Generic[Value]):
    """What lies at one network of the trie: its length in bits, and the value, which the owner may replace."""

    __slots__ = ("length", "value")

    def __init__(self, length: int, value: Value) -> None:
        self.length = length
        self.value = value


class NetworkPrefixes(Generic[Value]):
    """Networks of both families, each with one value. Networks must be canonical (`matcher.address`)."""

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self) -> None:
        self._ipv4 = pytricia.PyTricia(32)
        self._ipv6 = pytricia.PyTricia(128)

    def __len__(self) -> int:
        return len(self._ipv4) + len(self._ipv6)

    def node(self, network: Network) -> NetworkNode[Value] | None:
        """The node at exactly this network."""
        address = network.address
        trie = self._ipv4 if len(address) == 4 else self._ipv6
        found: NetworkNode[Value] | None = trie.get((address, network.length))
        return found if found is not None and found.length == network.length else None

    def insert(self, network: Network, value: Value) -> None:
        """Put a network that is not there yet; the value of one that is there is changed at its node."""
        assert self.node(network) is None, "the network is in the trie already"
        trie = self._ipv4 if len(network.address) == 4 else self._ipv6
        trie.insert((network.address, network.length), NetworkNode(network.length, value))

    def remove(self, network: Network) -> None:
        """Take a network out; KeyError if it is not there."""
        trie = self._ipv4 if len(network.address) == 4 else self._ipv6
        trie.delete((network.address, network.length))

    def longest(self, address: bytes) -> NetworkNode[Value] | None:
        """The longest network that covers the canonical address."""
        found: NetworkNode[Value] | None = (self._ipv4 if len(address) == 4 else self._ipv6).get(address)
        return found

    def shorter(self, address: bytes, length: int) -> NetworkNode[Value] | None:
        """The longest network that covers the address and is shorter than `length` bits."""
        if length == 0:
            return None
        found: NetworkNode[Value] | None = (self._ipv4 if len(address) == 4 else self._ipv6).get(
            (address, length - 1)
        )
        return found

    def covering(self, address: bytes) -> Iterator[NetworkNode[Value]]:
        """Every network that covers the address, longest first."""
        node = self.longest(address)
        while node is not None:
            yield node
            node = self.shorter(address, node.length)

    def networks(self) -> Iterator[tuple[Network, Value]]:
        """Everything in it, in no promised order; for lint and tests, not for calls."""
        for bits, trie in ((32, self._ipv4), (128, self._ipv6)):
            for key in trie.keys():  # noqa: SIM118 - iterating a PyTricia itself walks while it may change
                node = trie[key]
                number = _number(key.partition("/")[0], bits)
                yield Network(number, node.length), node.value


def _number(text: str, bits: int) -> bytes:
    packed = ipaddress.ip_address(text).packed
    assert len(packed) * 8 == bits, "a network of the other family in the trie"
    return packed


class DigitPrefixes(Generic[Value]):
    """Strings that calls may begin with, each with one value; `""` is a prefix of every string.

    A dict and the lengths in use: a number has few characters, and a probe of a dict costs less than a step of a
    trie in Python. `entries` and `lengths` (longest first) are there to be read on the path of a call.
    """

    __slots__ = ("_counts", "entries", "lengths")

    def __init__(self) -> None:
        self.entries: dict[str, Value] = {}
        self.lengths: tuple[int, ...] = ()
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, prefix: str) -> Value | None:
        """The value of exactly this prefix."""
        return self.entries.get(prefix)

    def put(self, prefix: str, value: Value) -> None:
        """Set the value of a prefix, new or not."""
        if prefix not in self.entries:
            length = len(prefix)
            self._counts[length] = self._counts.get(length, 0) + 1
            if self._counts[length] == 1:
                self.lengths = tuple(sorted(self._counts, reverse=True))
        self.entries[prefix] = value

    def remove(self, prefix: str) -> None:
        """Take a prefix out; KeyError if it is not there."""
        del self.entries[prefix]
        length = len(prefix)
        self._counts[length] -= 1
        if not self._counts[length]:
            del self._counts[length]
            self.lengths = tuple(sorted(self._counts, reverse=True))

    def beginning(self, text: str) -> Iterator[tuple[int, Value]]:
        """The length and value of every prefix that `text` begins with, longest first."""
        for length in self.lengths:
            if length <= len(text):
                value = self.entries.get(text[:length])
                if value is not None:
                    yield length, value
