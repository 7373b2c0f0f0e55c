"""The bytes of an attribute as a text or a number, by kind (RFC 2865 §5, RFC 3162 §2).

What cannot be of its kind (an address of three bytes, a text that is not UTF-8) reads as None: to whoever asks, it is
not there.
"""

from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network

Value = str | int
Reader = Callable[[bytes], Value | None]

_PREFIX_BYTES_MIN, _PREFIX_BYTES_MAX = 2, 18


class Kind(StrEnum):
    """What the bytes of an attribute are."""

    TEXT = "text"
    INTEGER = "integer"
    ADDRESS4 = "address4"
    ADDRESS6 = "address6"
    PREFIX = "prefix"
    OCTETS = "octets"


def read_text(value: bytes) -> str | None:
    """UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def read_integer(value: bytes) -> int | None:
    """32 bits, unsigned; also what a date is (seconds since 1970)."""
    return int.from_bytes(value, "big") if len(value) == 4 else None


def read_address4(value: bytes) -> str | None:
    """`192.0.2.1`."""
    return f"{value[0]}.{value[1]}.{value[2]}.{value[3]}" if len(value) == 4 else None


def read_address6(value: bytes) -> str | None:
    """`2001:db8::1`."""
    return IPv6Address(value).compressed if len(value) == 16 else None


def read_prefix(value: bytes) -> str | None:
    """`2001:db8::/32`: a reserved byte, the length, and as many bytes as it takes (RFC 3162 §2.3). No host bits."""
    if not _PREFIX_BYTES_MIN <= len(value) <= _PREFIX_BYTES_MAX:
        return None
    try:
        return IPv6Network((value[2:].ljust(16, b"\0"), value[1])).compressed
    except ValueError:
        return None


READERS: dict[Kind, Reader] = {
    Kind.TEXT: read_text,
    Kind.INTEGER: read_integer,
    Kind.ADDRESS4: read_address4,
    Kind.ADDRESS6: read_address6,
    Kind.PREFIX: read_prefix,
    Kind.OCTETS: bytes.hex,
}
"""Octets read as hexadecimal."""
