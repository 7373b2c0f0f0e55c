"""How a table of the configuration names an attribute: `Calling-Station-Id`, or one text within an attribute.

`Cisco-AVPair=call-id` is the Cisco-AVPair whose text begins with `call-id=`, `SIP-AVP:account` the SIP-AVP whose text
begins with `account:`; the sign between is the one on the wire. Most attributes of Cisco's begin with their own name
(`h323-conf-id=…`): it is taken off where it is there, and put before what is answered.
"""

import re

import msgspec

from protocol.radius import dictionary
from protocol.radius.attribute import vendor_key
from protocol.radius.dictionary import CISCO
from protocol.radius.value import Kind

INNER_BYTES_MAX = 40
"""So that a number of `reading.NUMBER_BYTES_MAX` bytes fits behind it into one attribute, whole."""

_NAME = re.compile(r"([A-Za-z0-9.-]+)(?:([=:])([\x21-\x7e]+))?")
_NAMES_ITSELF = range(vendor_key(CISCO, 0), vendor_key(CISCO, 255) + 1)
_NOT_ITSELF = "cisco-"


class UnknownAttributeError(ValueError):
    """A table names an attribute that we do not know, or in a form that we do not read."""


class NamedAttribute(msgspec.Struct, frozen=True, gc=False):
    """Where a value stands on the wire. `inner`: what its text begins with; `inner_required`: or it is another's."""

    key: int
    kind: Kind
    inner: bytes = b""
    inner_required: bool = False


def named(text: str) -> NamedAttribute:
    """The attribute that the text names. Raises `UnknownAttributeError`."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise UnknownAttributeError(f"{text!r} is no attribute's name: write `Name`, `Name=inner` or `Name:inner`")
    name, sign, inner = found.groups()
    known = dictionary.named(name)
    if known is None:
        raise UnknownAttributeError(f"{name!r} is no attribute that we know")
    if sign is None:
        itself = known.key in _NAMES_ITSELF and not known.name.lower().startswith((_NOT_ITSELF, "attr-"))
        own = f"{known.name}=".encode() if itself else b""
        return NamedAttribute(known.key, known.kind, own)
    if known.kind is not Kind.TEXT:
        raise UnknownAttributeError(f"{name} is no text: nothing stands before a {sign!r} in it")
    begins = f"{inner}{sign}".encode()
    if len(begins) > INNER_BYTES_MAX:
        raise UnknownAttributeError(f"{inner!r} is longer than {INNER_BYTES_MAX - 1} bytes")
    return NamedAttribute(known.key, known.kind, begins, inner_required=True)
