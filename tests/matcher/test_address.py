"""Addresses are read strictly and come out canonical."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.account import Network
from matcher.address import (
    AddressError,
    address_text,
    canonical_address,
    canonical_network,
    contains,
    masked_address,
    network_text,
    unwrapped,
)

READ = [
    ("10.0.0.1", b"\x0a\x00\x00\x01"),
    ("255.255.255.255", b"\xff\xff\xff\xff"),
    ("::ffff:10.0.0.1", b"\x0a\x00\x00\x01"),
    ("::FFFF:0a00:0001", b"\x0a\x00\x00\x01"),
    ("::1", bytes(15) + b"\x01"),
    ("::10.0.0.1", bytes(12) + b"\x0a\x00\x00\x01"),
    ("2001:DB8::1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
]

REFUSED = [
    *[
        "",
        " ",
        "10.0.0",
        "10.0.0.1.2",
        "10.0.0.256",
        "10.0.0.01",
        "10.0.0.+1",
        "10.0.0.-1",
        "0x0a.0.0.1",
        "167772161",
    ],
    *[" 10.0.0.1", "10.0.0.1 ", "10.0.0.1\n", "10.0.0.١", "10.0.0.1/32", "10.0.0.1:5060", "10..0.1", "1e1.0.0.1"],
    *[
        "::1%eth0",
        "fe80::1%1",
        "::1/128",
        "[::1]",
        ":::",
        "1::2::3",
        "::12345",
        "::ffff:10.0.0.01",
        "::ffff:10.0.0.256",
    ],
    *["::١", "::1 ", " ::1", "\x00", "::\x00", "a" * 10_000, ":" * 10_000, "localhost", "\ud800:"],
]


@pytest.mark.rule("M2.4")
@pytest.mark.parametrize(("text", "packed"), READ)
def test_an_address_is_read_into_canonical_bytes(text: str, packed: bytes) -> None:
    assert canonical_address(text) == packed


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:20]))
def test_a_loosely_written_address_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        canonical_address(text)
    assert len(str(caught.value)) < 500


@given(packed=st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
def test_what_is_written_is_read_back(packed: bytes) -> None:
    canonical = unwrapped(packed)
    assert canonical_address(address_text(canonical)) == canonical
    assert canonical_address(str(ipaddress.ip_address(packed))) == canonical


NETWORKS = [
    ("10.0.0.0/24", "10.0.0.0/24", False),
    ("10.0.0.77/24", "10.0.0.0/24", True),
    ("10.0.0.1", "10.0.0.1", False),
    ("10.0.0.1/32", "10.0.0.1", False),
    ("10.0.0.1/0", "0.0.0.0/0", True),
    ("0.0.0.0/0", "0.0.0.0/0", False),
    ("::/0", "::/0", False),
    ("2001:db8::1", "2001:db8::1", False),
    ("2001:db8::1/128", "2001:db8::1", False),
    ("2001:db8::1/32", "2001:db8::/32", True),
    ("::ffff:10.0.0.1", "10.0.0.1", False),
    ("::ffff:10.0.0.0/120", "10.0.0.0/24", False),
    ("::ffff:10.0.0.1/120", "10.0.0.0/24", True),
    ("::ffff:0:0/96", "0.0.0.0/0", False),
    ("::ffff:0:0/95", "::fffe:0:0/95", True),
]


@pytest.mark.rule("M2.3", "M2.4")
@pytest.mark.parametrize(("text", "written", "masked"), NETWORKS)
def test_a_network_is_masked_to_its_length_and_says_so(text: str, written: str, masked: bool) -> None:
    network, host_bits = canonical_network(text)
    assert (network_text(network), host_bits) == (written, masked)
    assert canonical_network(written) == (network, False)


@pytest.mark.parametrize(
    "text",
    *[
        [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/08",
            "10.0.0.0/24/24",
            "10.0.0.0/255.255.255.0",
        ]
    ],
)
def test_a_network_with_no_such_length_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        canonical_network(text)


@pytest.mark.parametrize("text", ["::/129", "::/ 1", "::1%1/64", "10.0.0.0 /8", "::ffff:10.0.0.1/129", "10.0.0.0/٨"])
def test_a_network_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        canonical_network(text)


@given(packed=st.binary(min_size=4, max_size=4), length=st.integers(0, 32), other=st.binary(min_size=4, max_size=4))
def test_containing_is_what_the_standard_library_says(packed: bytes, length: int, other: bytes) -> None:
    network = Network(masked_address(packed, length), length)
    assert contains(network, other) == (
        ipaddress.ip_address(other) in ipaddress.ip_network((network.address, network.length))
    )
    assert not contains(network, bytes(16))
