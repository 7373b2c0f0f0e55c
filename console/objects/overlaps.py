"""How a network stands to a set of networks: the same as one, narrower or wider than one, or apart. Pure.

Two networks never overlap in part: one lies in the other, or they are apart.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Literal

from matcher.account import Network
from matcher.address import masked_address

Relation = Literal["same", "wider", "narrower"]


class NetworkSet:
    """A fixed set of canonical networks. `lengths`: the (bytes of an address, mask length) that occur."""

    __slots__ = ("_networks", "_starts", "lengths")

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = frozenset(networks)
        self.lengths = {(len(network.address), network.length) for network in self._networks}
        self._starts = sorted((len(network.address), network.address) for network in self._networks)

    def relation(self, network: Network) -> Relation | None:
        """`narrower`: it lies in one of the set; `wider`: one of the set lies in it; None: apart from all."""
        if network in self._networks:
            return "same"
        if any(cover in self._networks for cover in covers(network, self.lengths)):
            return "narrower"
        at = bisect_left(self._starts, (len(network.address), network.address))
        if at == len(self._starts):
            return None
        size, start = self._starts[at]
        lies_in = size == len(network.address) and masked_address(start, network.length) == network.address
        return "wider" if lies_in else None


def covers(network: Network, lengths: Iterable[tuple[int, int]]) -> Iterator[Network]:
    """All networks of these (bytes, mask length) that contain the network, itself among them."""
    for size, length in lengths:
        if size == len(network.address) and length <= network.length:
            yield Network(masked_address(network.address, length), length)


def address_clear_of(network: Network, narrower: Iterable[Network]) -> bytes | None:
    """The first address of the network that lies in none of these; None where they leave none."""
    size = len(network.address)
    bits = size * 8
    at = int.from_bytes(network.address, "big")
    last = at + (1 << (bits - network.length)) - 1
    for inner in sorted(narrower):
        if len(inner.address) != size or inner.length <= network.length:
            continue
        begin = int.from_bytes(inner.address, "big")
        if begin > at:
            break
        at = max(at, begin + (1 << (bits - inner.length)))
    return at.to_bytes(size, "big") if at <= last else None
