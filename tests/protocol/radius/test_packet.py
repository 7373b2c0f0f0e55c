"""Datagrams into packets: limits, keys, order, and that nothing else than `MalformedError` is ever raised."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.radius.attribute import VENDOR_SPECIFIC, attribute, keyed_attribute, vendor_attribute, vendor_key
from protocol.radius.packet import (
    ATTRIBUTES_MAX,
    PACKET_BYTES_MAX,
    Code,
    Malformed,
    MalformedError,
    Packet,
    decode,
    encode,
)
from tests.protocol.radius.radius_vectors import VECTORS, Vector

AUTHENTICATOR = bytes(range(16))


def packet(attributes: bytes) -> bytes:
    return encode(Code.ACCESS_REQUEST, 7, AUTHENTICATOR, attributes)


def refused(datagram: bytes) -> Malformed:
    with pytest.raises(MalformedError) as dropped:
        decode(datagram)
    return dropped.value.reason


def in_order(read: Packet) -> list[tuple[int, bytes]]:
    """All attributes as `firsts` and `others` hold them: in order, but that repetitions come last."""
    return [*read.firsts.items(), *read.others]


@pytest.mark.parametrize("code", Code)
def test_header_is_read(code: Code) -> None:
    read = decode(encode(code, 255, AUTHENTICATOR, b""))
    assert (read.code, read.identifier, read.authenticator) == (code, 255, AUTHENTICATOR)
    assert (read.firsts, read.others, read.signed_at) == ({}, [], 0)


def test_first_and_every_value_of_a_key() -> None:
    read = decode(packet(attribute(33, b"a") + attribute(1, b"rose") + attribute(33, b"") + attribute(33, b"c")))
    assert read.first(33) == b"a"
    assert read.every(33) == [b"a", b"", b"c"]
    assert read.every(1) == [b"rose"]
    assert (read.first(2), read.every(2)) == (None, [])


def test_vendors_attributes_share_one_vendor_specific_or_have_one_each() -> None:
    together = attribute(VENDOR_SPECIFIC, b"\0\0\0\x09" + b"\x01\x03a" + b"\x18\x02" + b"\x01\x03b")
    apart = vendor_attribute(9, 1, b"a") + vendor_attribute(9, 24, b"") + vendor_attribute(9, 1, b"b")
    for wire in (together, apart):
        read = decode(packet(wire))
        assert read.every(vendor_key(9, 1)) == [b"a", b"b"]
        assert read.first(vendor_key(9, 24)) == b""
        assert read.first(1) is None, "a vendor's type is not one of the standard"


def test_200_attributes_are_read_and_201_are_not() -> None:
    assert len(in_order(decode(packet(attribute(1, b"x") * ATTRIBUTES_MAX)))) == 200
    assert refused(packet(attribute(1, b"x") * (ATTRIBUTES_MAX + 1))) == Malformed.TOO_MANY_ATTRIBUTES


def test_attributes_inside_vendor_specifics_count_each() -> None:
    hundred = attribute(VENDOR_SPECIFIC, b"\0\0\0\x09" + b"\x01\x02" * 100)
    assert len(in_order(decode(packet(hundred * 2)))) == 200
    assert refused(packet(hundred * 2 + attribute(1, b"x"))) == Malformed.TOO_MANY_ATTRIBUTES


def test_4096_bytes_are_read_and_4097_are_not() -> None:
    full = packet(attribute(1, b"x" * 253) * 15 + attribute(1, b"x" * 249))
    assert len(full) == PACKET_BYTES_MAX
    assert len(decode(full).every(1)) == 16
    assert refused(full + b"\0") == Malformed.TOO_LONG, "though the last byte would be padding"
    assert refused(full[:2] + (4097).to_bytes(2, "big") + full[4:] + b"\0") == Malformed.TOO_LONG


def test_nothing_longer_than_a_packet_is_built() -> None:
    with pytest.raises(ValueError, match="4097 bytes"):
        packet(bytes(PACKET_BYTES_MAX - 20 + 1))


def test_message_authenticator_is_found_wherever_it_stands() -> None:
    read = decode(packet(attribute(1, b"rose") + attribute(80, AUTHENTICATOR) + attribute(31, b"1")))
    assert read.raw[read.signed_at : read.signed_at + 16] == AUTHENTICATOR


KEYS = st.one_of(
    st.integers(1, 255).filter(lambda key: key != VENDOR_SPECIFIC),
    st.builds(vendor_key, st.sampled_from([9, 27880, 2**24 - 1, 2**32 - 1]), st.integers(0, 255)),
)
ATTRIBUTES = st.lists(st.tuples(KEYS, st.binary(max_size=12)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(ATTRIBUTES, st.binary(max_size=3))
def test_what_was_encoded_is_decoded(attributes: list[tuple[int, bytes]], padding: bytes) -> None:
    wire = packet(b"".join(keyed_attribute(key, value) for key, value in attributes))
    read = decode(wire + padding)
    assert read.raw == wire
    for key in {key for key, _ in attributes}:
        assert read.every(key) == [value for name, value in attributes if name == key]
    assert sorted(in_order(read)) == sorted(attributes)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(list(Code)))
@example(b"", Code.ACCESS_REQUEST)
def test_no_bytes_raise_anything_but_malformed(noise: bytes, code: Code) -> None:
    for datagram in (noise, encode(code, 0, AUTHENTICATOR, noise)):
        try:
            read = decode(datagram)
        except MalformedError:
            continue
        assert 20 <= len(read.raw) <= len(datagram)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VECTORS), st.data())
def test_no_damage_to_a_packet_raises_anything_but_malformed(vector: Vector, data: st.DataObject) -> None:
    wire = bytearray(vector.wire("request"))
    for at in data.draw(st.lists(st.integers(0, len(wire) - 1), min_size=1, max_size=4)):
        wire[at] = data.draw(st.integers(0, 255))
    try:
        read = decode(bytes(wire))
    except MalformedError:
        return
    assert all(key > 0 and len(value) <= 253 for key, value in in_order(read))
