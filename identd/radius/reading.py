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

NUMBER_CHARACTERS_SURE = NUMBER_BYTES_MAX // 4  # no character of UTF-8 has more bytes

PORT_MAX = 65_535
_TEXT = Kind.TEXT
_ADDRESS_BYTES = (4, 16)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


Sources = tuple[NamedAttribute, ...]
Pairs = dict[tuple[int, bytes], bytes]
"""(key, inner name with its sign) -> the text behind it, of every attribute that holds such pairs."""


Places = tuple[tuple[int, tuple[int, bytes] | None, bytes, Kind], ...]
"""(key, pair, own name, kind) of each source of a field: plain tuples, as a packet goes through ten of them."""


class CallTables(msgspec.Struct, frozen=True):
    """Where each field of a call is looked for, in this order, and the leg of a direction where nothing says it.

    `pairings`: the attributes in which pairs are looked for, and their sign.
    """

    address: Places
    port: Places
    protocol: Places
    name: Places
    ani: Places
    dnis: Places
    call_id: Places
    leg: Places
    direction: Places
    legs: Mapping[Direction, str]
    pairings: tuple[tuple[int, bytes], ...]


def call_tables(sources: Mapping[str, Sources], legs: Mapping[Direction, str]) -> CallTables:
    """Tables with these sources for each field of `REQUEST_FIELDS`."""
    pairs = [source.pair for fields in sources.values() for source in fields if source.pair is not None]
    pairings = tuple(dict.fromkeys((key, begins[-1:]) for key, begins in pairs))
    places = {
        field: tuple((each.key, each.pair, each.own_name, each.kind) for each in fields)
        for field, fields in sources.items()
    }
    return CallTables(**places, legs=legs, pairings=pairings)


def pairs_of(tables: CallTables, packet: Packet) -> Pairs:
    """All pairs in a packet; of two with one name the first counts."""
    pairs: Pairs = {}
    for key, sign in tables.pairings:
        if key in packet.firsts:
            for value in packet.every(key):
                name, _, text = value.partition(sign)
                pairs.setdefault((key, name + sign), text)
    return pairs


def read_attempt(tables: CallTables, packet: Packet, pairs: Pairs, gateway: Gateway, secret: Secret) -> CallAttempt:
    """The call as the switch saw it. A User-Name proves nothing by itself. Raises `BadFieldError`."""
    address = _address(tables.address, packet, pairs)
    credentials, proven_name = proof(packet, secret)
    name = proven_name or _text(packet, pairs, tables.name, "name")
    ani = _number(packet, pairs, tables.ani, "ani")
    dnis = _number(packet, pairs, tables.dnis, "dnis")
    if dnis is None:
        raise BadFieldError("dnis", "is missing")
    if address is None and name is None and ani is None:
        raise BadFieldError("address", "is missing, and so are name and ani")
    protocol = _text(packet, pairs, tables.protocol, "protocol")
    return CallAttempt(
        direction_of(tables, packet, pairs),
        dnis,
        address,
        _port(packet, pairs, tables.port),
        None if protocol is None else protocol.lower(),
        name,
        gateway.trusts_name,
        credentials,
        ani,
    )


def read_call(tables: CallTables, packet: Packet, pairs: Pairs, direction: Direction) -> tuple[str, str]:
    """What the call is called: (call_id, leg). Raises `BadFieldError`."""
    call_id = _text(packet, pairs, tables.call_id, "call_id")
    if call_id is None:
        raise BadFieldError("call_id", "is missing")
    leg = _text(packet, pairs, tables.leg, "leg")
    return call_id, tables.legs[direction] if leg is None else leg


def direction_of(tables: CallTables, packet: Packet, pairs: Pairs) -> Direction:
    """Which way the call goes; `orig` where nothing says it. Raises `BadFieldError`."""
    text = _text(packet, pairs, tables.direction, "direction")
    if text is None:
        return "orig"
    direction = DIRECTIONS.get(text.lower())
    if direction is None:
        raise BadFieldError("direction", "is none that we know")
    return direction


def _text(packet: Packet, pairs: Pairs, places: Places, field: str) -> str | None:
    for key, pair, own_name, kind in places:
        value = packet.firsts.get(key) if pair is None else pairs.get(pair)
        if value and own_name:
            value = value.removeprefix(own_name)
        if value:
            if kind is not _TEXT:
                return _shown(field, kind, value)
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


def _number(packet: Packet, pairs: Pairs, places: Places, field: str) -> str | None:
    text = _text(packet, pairs, places, field)
    if text is not None and len(text) > NUMBER_CHARACTERS_SURE and len(text.encode()) > NUMBER_BYTES_MAX:
        raise BadFieldError(field, f"is longer than {NUMBER_BYTES_MAX} bytes")
    return text


def _address(places: Places, packet: Packet, pairs: Pairs) -> bytes | None:
    for key, pair, own_name, kind in places:
        value = packet.firsts.get(key) if pair is None else pairs.get(pair)
        if value and own_name:
            value = value.removeprefix(own_name)
        if not value:
            continue
        if kind is not _TEXT:
            if len(value) not in _ADDRESS_BYTES:
                raise BadFieldError("address", "has neither 4 nor 16 bytes")
            return unwrapped(value)
        try:
            return canonical_address(value.decode())
        except (AddressError, UnicodeDecodeError):
            raise BadFieldError("address", "is no IP address") from None
    return None


def _port(packet: Packet, pairs: Pairs, places: Places) -> int:
    text = _text(packet, pairs, places, "port")
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(PORT_MAX)) or int(text) > PORT_MAX:
        raise BadFieldError("port", f"is no number from 0 to {PORT_MAX}")
    return int(text)
