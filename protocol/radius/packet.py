"""Bytes into a RADIUS packet and back (RFC 2865 §3). What its attributes mean is not known here.

Decoding is on the way of every call, so it is one loop over the bytes that fills one dict. Whatever is malformed is
`MalformedError`, nothing else, with a reason out of a closed set: the door counts it and answers nothing.
"""

from enum import IntEnum, StrEnum
from struct import Struct as Layout

import msgspec

from protocol.radius.attribute import (
    MESSAGE_AUTHENTICATOR,
    OPAQUE_VENDORS,
    VENDOR_SPECIFIC,
)

PACKET_BYTES_MAX = 4096  # RFC 2865 §3
HEADER_BYTES = 20
ATTRIBUTES_MAX = 200
"""As many as FreeRADIUS allows, and far more than any switch sends (some 40). Unfolded ones of vendors count each."""


class Code(IntEnum):
    """The kinds of packets that are read and written here."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12


class Malformed(StrEnum):
    """Why a datagram is not a packet."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LYING_LENGTH = "lying_length"
    UNKNOWN_CODE = "unknown_code"
    ATTRIBUTE_TYPE = "attribute_type"
    ATTRIBUTE_LENGTH = "attribute_length"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    VENDOR_ATTRIBUTE = "vendor_attribute"


class MalformedError(Exception):
    """A datagram is not a RADIUS packet; `reason` says why."""

    def __init__(self, reason: Malformed) -> None:
        super().__init__(reason.value)
        self.reason = reason


_HEADER = Layout(">BBH16s")
_unpack_header = _HEADER.unpack_from
_unpack_vendor = Layout(">IBB").unpack_from
_VENDOR_ATTRIBUTE_BYTES_MIN = 2 + 4 + 2
_CODES = frozenset(int(code) for code in Code)


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One packet as it was received. `raw`: its bytes without padding; `authenticator`: 16 of them.

    `signed_at`: where in `raw` the value of the one Message-Authenticator begins; 0 where there is none, -1 where
    there is more than one or its length is not 16 bytes. `firsts`: the first value of each key, in the order of the
    packet; `others`: (key, value) of those that repeat a key, in that order too. Most packets have none of these.
    """

    code: int
    identifier: int
    authenticator: bytes
    raw: bytes
    signed_at: int
    firsts: dict[int, bytes]
    others: list[tuple[int, bytes]]

    def first(self, key: int) -> bytes | None:
        """The value of the first attribute with this key."""
        return self.firsts.get(key)

    def every(self, key: int) -> list[bytes]:
        """The values of all attributes with this key, in the order of the packet."""
        first = self.firsts.get(key)
        if first is None:
            return []
        return [first, *[value for other, value in self.others if other == key]] if self.others else [first]


def decode(datagram: bytes) -> Packet:
    """Read one datagram; raises `MalformedError`. Bytes behind the packet's Length are padding (RFC 2865 §3).

    A Vendor-Specific that is cut short makes the whole packet malformed: what follows it cannot be trusted to be what
    the client meant.
    """
    size = len(datagram)
    if size < HEADER_BYTES:
        raise MalformedError(Malformed.TOO_SHORT)
    code, identifier, length, authenticator = _unpack_header(datagram)
    if size > PACKET_BYTES_MAX or length > PACKET_BYTES_MAX:
        raise MalformedError(Malformed.TOO_LONG)
    if not HEADER_BYTES <= length <= size:
        raise MalformedError(Malformed.LYING_LENGTH)
    if code not in _CODES:
        raise MalformedError(Malformed.UNKNOWN_CODE)
    raw = datagram if length == size else datagram[:length]
    firsts: dict[int, bytes] = {}
    others: list[tuple[int, bytes]] = []
    signed_at, at, last = 0, HEADER_BYTES, length - 1
    while at < last:
        key = raw[at]
        value_at = at + 2
        end = at + raw[at + 1]
        if end < value_at or end > length:
            raise MalformedError(Malformed.ATTRIBUTE_LENGTH)
        if key == VENDOR_SPECIFIC:
            if end < at + _VENDOR_ATTRIBUTE_BYTES_MIN:
                raise MalformedError(Malformed.VENDOR_ATTRIBUTE)
            vendor, vendor_type, vendor_length = _unpack_vendor(raw, value_at)
            if vendor not in OPAQUE_VENDORS:
                if value_at + 4 + vendor_length != end:
                    _unfold(vendor, raw[value_at + 4 : end], firsts, others)
                    at = end
                    continue
                key = vendor << 8 | vendor_type
                value_at = at + _VENDOR_ATTRIBUTE_BYTES_MIN
        elif key == MESSAGE_AUTHENTICATOR:
            signed_at = -1 if signed_at or end != value_at + 16 else value_at
        if key in firsts:
            others.append((key, raw[value_at:end]))
        else:
            firsts[key] = raw[value_at:end]
        at = end
    if at != length:
        raise MalformedError(Malformed.ATTRIBUTE_LENGTH)
    if 0 in firsts:
        raise MalformedError(Malformed.ATTRIBUTE_TYPE)
    if len(firsts) + len(others) > ATTRIBUTES_MAX:
        raise MalformedError(Malformed.TOO_MANY_ATTRIBUTES)
    return Packet(code, identifier, authenticator, raw, signed_at, firsts, others)


def _unfold(vendor: int, value: bytes, firsts: dict[int, bytes], others: list[tuple[int, bytes]]) -> None:
    """Several attributes share one Vendor-Specific (RFC 2865 §5.26 allows it), or it is not what it should be."""
    at, end = 0, len(value)
    while at + 1 < end:
        start, at = at, at + value[at + 1]
        if at < start + 2 or at > end:
            raise MalformedError(Malformed.VENDOR_ATTRIBUTE)
        key = vendor << 8 | value[start]
        if key in firsts:
            others.append((key, value[start + 2 : at]))
        else:
            firsts[key] = value[start + 2 : at]
    if at != end:
        raise MalformedError(Malformed.VENDOR_ATTRIBUTE)


def encode(code: int, identifier: int, authenticator: bytes, attributes: bytes) -> bytes:
    """A packet out of its header and its encoded attributes; over 4,096 bytes is `ValueError`."""
    length = HEADER_BYTES + len(attributes)
    if length > PACKET_BYTES_MAX:
        raise ValueError(f"a packet of {length} bytes is longer than {PACKET_BYTES_MAX}")
    return _HEADER.pack(code, identifier, length, authenticator) + attributes
