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

_NAME = re.compile(r"([A-Za-z0-9.-]+)(?:([=:])([A-Za-z0-9_.-]+))?")
_NAMES_ITSELF = range(vendor_key(CISCO, 0), vendor_key(CISCO, 255) + 1)
_NOT_ITSELF = ("cisco-", "attr-")


class UnknownAttributeError(ValueError):
    """A table names an attribute that we do not know, or in a form that we do not read."""


class NamedAttribute(msgspec.Struct, frozen=True, gc=False):
    """Where a value stands on the wire. `own_name`: what its text may begin with, not being part of the value.

    `pair`: (key, inner name with its sign) where the value is one text of those in the attribute, else None.
    """

    key: int
    kind: Kind
    own_name: bytes = b""
    pair: tuple[int, bytes] | None = None

    @property
    def begins(self) -> bytes:
        """What stands before a value that is written."""
        return self.own_name if self.pair is None else self.pair[1]


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
        itself = known.key in _NAMES_ITSELF and not known.name.lower().startswith(_NOT_ITSELF)
        return NamedAttribute(known.key, known.kind, f"{known.name}=".encode() if itself else b"")
    if known.kind is not Kind.TEXT:
        raise UnknownAttributeError(f"{name} is no text: nothing stands before a {sign!r} in it")
    begins = f"{inner}{sign}".encode()
    if len(begins) > INNER_BYTES_MAX:
        raise UnknownAttributeError(f"{inner!r} is longer than {INNER_BYTES_MAX - 1} bytes")
    return NamedAttribute(known.key, known.kind, pair=(known.key, begins))
