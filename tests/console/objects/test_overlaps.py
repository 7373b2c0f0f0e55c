"""How networks stand to each other, against the standard library's judgement."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.objects.overlaps import NetworkSet, address_clear_of, covers
from matcher.account import Network
from matcher.address import canonical_address, canonical_network, contains


def net(text: str) -> Network:
    return canonical_network(text)[0]


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("10.0.0.0/24", "same"),
        ("10.0.0.7", "narrower"),
        ("10.0.0.0/25", "narrower"),
        ("10.0.0.0/8", "wider"),
        ("0.0.0.0/0", "wider"),
        ("10.0.1.0/24", None),
        ("9.255.255.255", None),
        ("255.255.255.255", None),
        ("2001:db8::/31", "wider"),
        ("a00::/24", None),
        ("::/0", "wider"),
    ],
)
def test_a_network_is_the_same_narrower_wider_or_apart(text: str, relation: str | None) -> None:
    assert NetworkSet(map(net, ("10.0.0.0/24", "192.0.2.1", "2001:db8::/32"))).relation(net(text)) == relation


SMALL = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(lambda pair: net(f"10.0.0.{pair[0]}/{pair[1]}"))


@given(SMALL, st.lists(SMALL, max_size=6))
def test_the_relation_agrees_with_the_standard_library(network: Network, others: list[Network]) -> None:
    this, those = _known(network), list(map(_known, others))
    expected = (
        "same" if this in those
        else "narrower" if any(this.subnet_of(other) for other in those)
        else "wider" if any(other.subnet_of(this) for other in those)
        else None
    )  # fmt: skip
    assert NetworkSet(others).relation(network) == expected


@given(SMALL, st.lists(SMALL, max_size=6))
def test_an_address_clear_of_narrower_networks_is_found_whenever_there_is_one(
    network: Network, narrower: list[Network]
) -> None:
    inner = [one for one in narrower if one.length > network.length]
    address = address_clear_of(network, narrower)
    free = [host for host in map(_packed, _known(network)) if not any(contains(one, host) for one in inner)]
    assert address == (free[0] if free else None)


def test_all_networks_that_contain_one() -> None:
    assert list(covers(net("10.0.0.7"), [(4, 32), (4, 24), (16, 0), (4, 0)])) == [
        net("10.0.0.7"), net("10.0.0.0/24"), net("0.0.0.0/0"),
    ]  # fmt: skip


def _known(network: Network) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((network.address, network.length))


def _packed(address: ipaddress.IPv4Address) -> bytes:
    return canonical_address(str(address))
