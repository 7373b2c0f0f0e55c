"""A decision as attributes of an answer: the table of one client made ready, and what is never cut.

A field that is not set is left out. So is what calls are routed by where it does not fit into one attribute; names
are cut. Nothing with a control character leaves: a line break in an attribute could become a header of a call.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter

import msgspec

from identd.decision import Grant, Refuse
from identd.radius.naming import NamedAttribute
from identd.radius.presets import GRANT_FIELDS, H323_GRANTED, H323_OTHER, H323_RETURN_CODES, REFUSAL_FIELDS
from protocol.radius.attribute import VALUE_BYTES_MAX, VENDOR_VALUE_BYTES_MAX, clipped, keyed_attribute
from protocol.radius.value import Kind
from protocol.reason import Codes

GRANTED, REFUSED = "grant", "refuse"
ERRORS: dict[str, Codes] = {"bad_request": Codes(400, 95), "call_id_conflict": Codes(500, 41)}
"""Errors of the socket protocol that answer an Access-Request, and what the caller is told: Q.850 95 is an invalid
message."""

CUT = frozenset({"account", "client", "matched", "message"})
"""Fields for people."""

CALL_FIELDS = ("matched", "dnis", "dnis_received", "calls", "capacity", "capacity_scope")
"""What differs from one grant of an account to the next. What is told of all others is made once an account."""

ACCOUNTS_KEPT_MAX = 4_096
"""Of one table, some 2 MB: an account whose id is so much higher takes the place of another. A power of two."""

NUMBERS = frozenset(
    {"account_id", "client_id", "reseller_id", "rate_table_id", "routing_plan_id", "port", "calls", "capacity"}
    | {"lease_seconds", "sip_code", "q850", "retry_after_ms", "h323_return_code"}
)
INTEGER_MAX = 2**32 - 1
INTEGER_BYTES = 4

_ACCOUNT_FIELDS = tuple(field for field in GRANT_FIELDS if field not in CALL_FIELDS)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Value = str | int | tuple[str, ...]
ValuesOf = Callable[[Grant | Refuse], Sequence[Value | None]]


class Slot(msgspec.Struct, frozen=True):
    """Where one field is written. `heads[n]` stands before a value of n bytes; longer ones do not fit."""

    field: str
    heads: tuple[bytes, ...]
    is_integer: bool


class AnswerWriter:
    """What one client is told."""

    __slots__ = (
        "_account_slots",
        "_call_slots",
        "_grant_slots",
        "_granted",
        "_kept",
        "_of_account",
        "_of_call",
        "_of_grant",
        "_of_refusal",
        "_refusal_slots",
        "_refused",
        "_slots",
    )

    def __init__(self, answer: Mapping[str, NamedAttribute]) -> None:
        """Raises ValueError, which begins with the field, for one that cannot be written into its attribute."""
        slots = {field: _slot(field, attribute) for field, attribute in answer.items()}
        self._slots = slots
        # in one order, whether what is told of the account was kept or not
        by_change = dict(sorted(slots.items(), key=lambda slot: slot[0] in CALL_FIELDS))
        self._grant_slots, self._of_grant = _together(by_change, GRANT_FIELDS)
        self._account_slots, self._of_account = _together(slots, _ACCOUNT_FIELDS)
        self._call_slots, self._of_call = _together(slots, CALL_FIELDS)
        self._kept: list[tuple[int | None, Sequence[Value | None], bytes]] = [(None, (), b"")] * ACCOUNTS_KEPT_MAX
        self._refusal_slots, self._of_refusal = _together(slots, REFUSAL_FIELDS)
        self._granted = self._made({"decision": GRANTED, "h323_return_code": H323_GRANTED})
        self._refused = {
            reason: self._made({"decision": REFUSED, "h323_return_code": code, "message": str(reason)})
            for reason, code in H323_RETURN_CODES.items()
        }

    def granted(self, grant: Grant) -> bytes:
        """The attributes of a grant.

        Of an account that was granted a call before, what is told of it each time is kept, as long as it is the same.
        """
        account_id = grant.account_id
        place = account_id & (ACCOUNTS_KEPT_MAX - 1)
        kept_id, kept_values, made = self._kept[place]
        if kept_id != account_id:
            self._kept[place] = (account_id, (), b"")  # one that calls once is not worth more
            return _written(self._granted, self._grant_slots, self._of_grant(grant))
        values = self._of_account(grant)
        if values != kept_values:
            made = _written(self._granted, self._account_slots, values)
            self._kept[place] = (account_id, values, made)
        return _written(made, self._call_slots, self._of_call(grant))

    @property
    def accounts_kept(self) -> int:
        """Of how many accounts the part that does not change is made already."""
        return sum(1 for _, values, _ in self._kept if values)

    def refused(self, refuse: Refuse) -> bytes:
        """The attributes of a refusal."""
        return _written(self._refused[refuse.reason], self._refusal_slots, self._of_refusal(refuse))

    def erred(self, error: str, words: str) -> bytes:
        """The attributes of an error out of `ERRORS`, with words for whoever reads the switch's log."""
        codes = ERRORS[error]
        said: dict[str, Value] = {"reason": error, "sip_code": codes.sip, "q850": codes.q850}
        said |= {"decision": REFUSED, "h323_return_code": H323_OTHER, "message": f"{error}: {words}"}
        return self._made(said)

    def _made(self, values: dict[str, Value]) -> bytes:
        fields = [field for field in self._slots if field in values]
        return _written(b"", [self._slots[field] for field in fields], [values[field] for field in fields])


def _together(slots: Mapping[str, Slot], fields: tuple[str, ...]) -> tuple[tuple[Slot, ...], ValuesOf]:
    """The slots of a decision's fields, and what gets the values of all of them in one call."""
    told = [field for field in slots if field in fields]
    # an attrgetter of one name gives no tuple, and of none is an error; what is behind the slots is not written
    return tuple(slots[field] for field in told), attrgetter(*told, "account_id", "account_id")


def _written(made: bytes, slots: Sequence[Slot], values: Sequence[Value | None]) -> bytes:
    """What is made, and behind it each field that is set."""
    out = [made]
    for slot, value in zip(slots, values, strict=False):
        if value is None:
            continue
        heads = slot.heads
        if isinstance(value, str):
            data = value.encode() if value.isprintable() else _CONTROL.sub("?", value).encode("utf-8", "replace")
        elif isinstance(value, tuple):
            for tags in _joined(value, len(heads) - 1):
                out += (heads[len(tags)], tags)
            continue
        elif not slot.is_integer:
            data = b"%d" % value
        else:
            data = value.to_bytes(INTEGER_BYTES, "big") if 0 <= value <= INTEGER_MAX else b""
        size = len(data)
        if size >= len(heads):
            data = clipped(data.decode(), len(heads) - 1) if slot.field in CUT else b""
            size = len(data)
        if size:
            out += (heads[size], data)
    return b"".join(out)


def _joined(tags: tuple[str, ...], room: int) -> Iterator[bytes]:
    """The tags with commas between them, in as many attributes as they take. One that fits into none is left out."""
    line = b""
    for tag in tags:
        data = (tag if tag.isprintable() else _CONTROL.sub("?", tag)).encode("utf-8", "replace")
        if len(data) > room:
            continue
        if line and len(line) + 1 + len(data) > room:
            yield line
            line = data
        else:
            line = line + b"," + data if line else data
    if line:
        yield line


def _slot(field: str, attribute: NamedAttribute) -> Slot:
    is_integer = attribute.kind is Kind.INTEGER
    if is_integer and field not in NUMBERS:
        raise ValueError(f"{field}: is no number, and its attribute is one")
    if attribute.kind not in (Kind.TEXT, Kind.OCTETS, Kind.INTEGER):
        raise ValueError(f"{field}: cannot be written into an attribute that is {attribute.kind.value}")
    return Slot(field, _heads(attribute.key, attribute.begins), is_integer)


@cache
def _heads(key: int, begins: bytes) -> tuple[bytes, ...]:
    """What stands before a value of so many bytes in an attribute of this key, with what its text begins with.

    Kept for all clients: there are as many as names in the configuration, 10 kilobytes each.
    """
    room = (VALUE_BYTES_MAX if key < 256 else VENDOR_VALUE_BYTES_MAX) - len(begins)
    return tuple(keyed_attribute(key, begins + bytes(size))[: -size or None] for size in range(room + 1))
