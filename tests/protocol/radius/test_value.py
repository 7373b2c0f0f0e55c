"""Bytes of attributes as texts and numbers."""

import pytest

from protocol.radius.value import READERS, Kind, Value

READ = [
    (Kind.TEXT, "", b""),
    (Kind.TEXT, "Zürich ☎", "Zürich ☎".encode()),
    (Kind.INTEGER, 0, bytes(4)),
    (Kind.INTEGER, 2**32 - 1, b"\xff" * 4),
    (Kind.ADDRESS4, "192.0.2.1", b"\xc0\x00\x02\x01"),
    (Kind.ADDRESS4, "255.0.0.0", b"\xff\0\0\0"),
    (Kind.ADDRESS6, "2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
    (Kind.PREFIX, "2001:db8::/32", bytes.fromhex("002020010db8")),
    (Kind.PREFIX, "::/0", b"\0\0"),
    (Kind.PREFIX, "2001:db8:80::/41", bytes.fromhex("002920010db80080")),
    (Kind.PREFIX, "::1/128", b"\0\x80" + bytes(15) + b"\x01"),
    (Kind.OCTETS, "00ff", b"\x00\xff"),
]


@pytest.mark.parametrize(("kind", "value", "wire"), READ)
def test_value_reads_as_its_kind(kind: Kind, value: Value, wire: bytes) -> None:
    assert READERS[kind](wire) == value


def test_prefix_may_come_with_all_its_zeros() -> None:
    assert READERS[Kind.PREFIX](bytes.fromhex("002020010db8") + bytes(12)) == "2001:db8::/32"


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (Kind.TEXT, b"\xff"),
        (Kind.TEXT, b"half \xc3"),
        (Kind.INTEGER, b""),
        (Kind.INTEGER, b"\0\0\x01"),
        (Kind.INTEGER, bytes(8)),
        (Kind.ADDRESS4, b""),
        (Kind.ADDRESS4, b"192.0.2.1"),
        (Kind.ADDRESS6, bytes(4)),
        (Kind.PREFIX, b"\0"),
        (Kind.PREFIX, b"\0\x81"),
        (Kind.PREFIX, b"\0\x08\x20\x01"),
        (Kind.PREFIX, bytes(19)),
    ],
)
def test_what_cannot_be_of_its_kind_is_not_there(kind: Kind, wire: bytes) -> None:
    assert READERS[kind](wire) is None
