"""Longest first, exactly, whatever is put in and taken out: against a plain dict."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.account import Network
from matcher.address import canonical_address, canonical_network, masked_address
from matcher.prefixes import DigitPrefixes, NetworkPrefixes


def short_addresses(size: int) -> st.SearchStrategy[bytes]:
    """Addresses that share long prefixes."""
    return st.tuples(st.sampled_from([0, 10, 11, 255]), st.integers(0, 3)).map(
        lambda pair: bytes([pair[0], *([0] * (size - 2)), pair[1]])
    )


@st.composite
def networks(draw: st.DrawFn) -> Network:
    size = draw(st.sampled_from([4, 16]))
    length = draw(st.one_of(st.integers(0, size * 8 - 1), st.sampled_from([0, 1, 8, size * 8 - 1])))
    return Network(masked_address(draw(short_addresses(size)), length), length)


@pytest.mark.rule("M2.3", "M3.8")
@settings(max_examples=300, deadline=None)
@given(
    edits=st.lists(st.tuples(st.booleans(), networks()), max_size=40),
    addresses=st.lists(st.one_of(short_addresses(4), short_addresses(16)), max_size=6),
)
def test_networks_are_walked_longest_first_after_any_edits(edits: list[Any], addresses: list[bytes]) -> None:
    tries: NetworkPrefixes[int] = NetworkPrefixes()
    model: dict[Network, int] = {}
    for number, (put, network) in enumerate(edits):
        if put and network not in model:
            tries.insert(network, number)
            model[network] = number
        elif not put and network in model:
            tries.remove(network)
            del model[network]
    assert dict(tries.networks()) == model
    assert len(tries) == len(model)
    for network, value in model.items():
        node = tries.node(network)
        assert node is not None
        assert node.value == value
    for address in addresses:
        covering = [
            (network.length, value)
            for network, value in model.items()
            if len(network.address) == len(address)
            and ipaddress.ip_address(address) in ipaddress.ip_network((network.address, network.length))
        ]
        assert [(node.length, node.value) for node in tries.covering(address)] == sorted(covering, reverse=True)


@pytest.mark.rule("M2.3")
def test_families_never_meet_and_bytes_that_look_like_text_are_an_address() -> None:
    tries: NetworkPrefixes[str] = NetworkPrefixes()
    tries.insert(Network(bytes(4), 0), "every IPv4")
    assert tries.longest(canonical_address("::1")) is None
    tries.insert(Network(bytes(16), 0), "every IPv6")
    for packed, expected in (
        (b"1::1", "every IPv4"),
        (b"10.0", "every IPv4"),
        (b"2001:db8::1:1:1:"[:16], "every IPv6"),
    ):
        node = tries.longest(packed)
        assert node is not None
        assert node.value == expected


def test_a_network_is_put_once_and_one_that_is_not_there_cannot_be_removed() -> None:
    tries: NetworkPrefixes[str] = NetworkPrefixes()
    network, _ = canonical_network("10.0.0.0/24")
    tries.insert(network, "a")
    with pytest.raises(AssertionError):
        tries.insert(network, "b")
    tries.remove(network)
    with pytest.raises(KeyError):
        tries.remove(network)


@pytest.mark.rule("M2.11", "M2.14")
@given(
    edits=st.lists(st.tuples(st.booleans(), st.text("12#", max_size=3)), max_size=30),
    text=st.text("12#", max_size=4),
)
def test_prefixes_of_a_number_come_longest_first_after_any_edits(edits: list[tuple[bool, str]], text: str) -> None:
    prefixes: DigitPrefixes[str] = DigitPrefixes()
    model: set[str] = set()
    for put, prefix in edits:
        if put:
            prefixes.put(prefix, prefix)
            model.add(prefix)
        elif prefix in model:
            prefixes.remove(prefix)
            model.remove(prefix)
    expected = sorted(((len(prefix), prefix) for prefix in model if text.startswith(prefix)), reverse=True)
    assert list(prefixes.beginning(text)) == expected
    assert prefixes.lengths == tuple(sorted({len(prefix) for prefix in model}, reverse=True))
    assert len(prefixes) == len(model)
