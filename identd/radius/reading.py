"""A call out of a packet: the tables of one client made ready, and what they find made canonical.

What a client sends is a value of ours or `BadFieldError`. Text is UTF-8 without control characters: numbers go into
the answer again, and from there into the headers of a call.
"""

import re
from collections.abc import Mapping

import msgspec

from identd.radius.naming import NamedAttribute
from identd.radius.presets import DIRECTIONS
from identd.radius.proving import BadFieldError, proof
from matcher.account import Direction, Gateway
from matcher.address import AddressError, canonical_address, unwrapped
from matcher.attempt import CallAttempt
from protocol.radius.packet import Packet
from protocol.radius.secret import Secret
from protocol.radius.value import READERS, Kind

NUMBER_BYTES_MAX = 200
"""Of ANI and DNIS: so that a number fits into one attribute of an answer with its name before it, whole."""

PORT_MAX = 65_535
_ADDRESS_BYTES = (4, 16)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class CallTables(msgspec.Struct, frozen=True):
    """Where each field of a call is looked for, in this order, and the leg of a direction where nothing says it."""

    address: tuple[NamedAttribute, ...]
    port: tuple[NamedAttribute, ...]
    protocol: tuple[NamedAttribute, ...]
    name: tuple[NamedAttribute, ...]
    ani: tuple[NamedAttribute, ...]
    dnis: tuple[NamedAttribute, ...]
    call_id: tuple[NamedAttribute, ...]
    leg: tuple[NamedAttribute, ...]
    direction: tuple[NamedAttribute, ...]
    legs: Mapping[Direction, str]


def read_attempt(tables: CallTables, packet: Packet, gateway: Gateway, secret: Secret) -> CallAttempt:
    """The call as the switch saw it. A User-Name proves nothing by itself. Raises `BadFieldError`."""
    direction = _direction(tables, packet)
    address = _address(tables, packet)
    credentials, proven_name = proof(packet, secret)
    name = proven_name or _text(packet, tables.name, "name")
    ani = _number(packet, tables.ani, "ani")
    dnis = _number(packet, tables.dnis, "dnis")
    if dnis is None:
        raise BadFieldError("dnis", "is missing")
    if address is None and name is None and ani is None:
        raise BadFieldError("address", "is missing, and so are name and ani")
    protocol = _text(packet, tables.protocol, "protocol")
    return CallAttempt(
        direction,
        dnis,
        address,
        _port(packet, tables.port),
        None if protocol is None else protocol.lower(),
        name,
        gateway.trusts_name,
        credentials,
        ani,
    )


def read_call(tables: CallTables, packet: Packet) -> tuple[str, str]:
    """What the call is called: (call_id, leg). Raises `BadFieldError`."""
    call_id = _text(packet, tables.call_id, "call_id")
    if call_id is None:
        raise BadFieldError("call_id", "is missing")
    leg = _text(packet, tables.leg, "leg") if tables.leg else None
    return call_id, tables.legs[_direction(tables, packet)] if leg is None else leg


def _found(packet: Packet, source: NamedAttribute) -> bytes | None:
    """What stands in this attribute, without what the text begins with; None where there is nothing."""
    value = packet.firsts.get(source.key)
    if value is None:
        return None
    inner = source.inner
    if not inner:
        return value or None
    if value.startswith(inner):
        return value[len(inner) :] or None
    if not source.inner_required:
        return value or None
    for other in packet.every(source.key):
        if other.startswith(inner):
            return other[len(inner) :] or None
    return None


def _text(packet: Packet, sources: tuple[NamedAttribute, ...], field: str) -> str | None:
    for source in sources:
        value = _found(packet, source)
        if value is not None:
            if source.kind is not Kind.TEXT:
                return _shown(field, source.kind, value)
            try:
                text = value.decode()
            except UnicodeDecodeError:
                raise BadFieldError(field, "is not UTF-8") from None
            if not text.isprintable() and _CONTROL.search(text):
                raise BadFieldError(field, "has a control character in it")
            return text
    return None


def _shown(field: str, kind: Kind, value: bytes) -> str:
    shown = READERS[kind](value)
    if shown is None:
        raise BadFieldError(field, f"is no {kind.value}")
    return str(shown)


def _number(packet: Packet, sources: tuple[NamedAttribute, ...], field: str) -> str | None:
    text = _text(packet, sources, field)
    if text is not None and len(text) > NUMBER_BYTES_MAX // 4 and len(text.encode()) > NUMBER_BYTES_MAX:
        raise BadFieldError(field, f"is longer than {NUMBER_BYTES_MAX} bytes")
    return text


def _direction(tables: CallTables, packet: Packet) -> Direction:
    text = _text(packet, tables.direction, "direction")
    if text is None:
        return "orig"
    direction = DIRECTIONS.get(text.lower())
    if direction is None:
        raise BadFieldError("direction", "is none that we know")
    return direction


def _address(tables: CallTables, packet: Packet) -> bytes | None:
    for source in tables.address:
        value = _found(packet, source)
        if value is None:
            continue
        if source.kind is not Kind.TEXT:
            if len(value) not in _ADDRESS_BYTES:
                raise BadFieldError("address", "has neither 4 nor 16 bytes")
            return unwrapped(value)
        try:
            return canonical_address(value.decode())
        except (AddressError, UnicodeDecodeError):
            raise BadFieldError("address", "is no IP address") from None
    return None


def _port(packet: Packet, sources: tuple[NamedAttribute, ...]) -> int:
    text = _text(packet, sources, "port")
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(PORT_MAX)) or int(text) > PORT_MAX:
        raise BadFieldError("port", f"is no number from 0 to {PORT_MAX}")
    return int(text)
