"""A decision as attributes of an answer: the table of one client made ready, and what is never cut.

A field that is not set is left out. So is what calls are routed by where it does not fit into one attribute; names
are cut. Nothing with a control character leaves: a line break in an attribute could become a header of a call.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

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

CUT = frozenset({"account", "client", "reseller", "matched", "message"})
"""Fields for people."""

INTEGER_MAX = 2**32 - 1
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NUMBERS = frozenset(
    {"account_id", "client_id", "reseller_id", "rate_table_id", "routing_plan_id", "port", "calls", "capacity"}
    | {"lease_seconds", "sip_code", "q850", "retry_after_ms", "h323_return_code"}
)

Value = str | int | tuple[str, ...]
Write = Callable[[Value], bytes]


class AnswerWriter:
    """What one client is told."""

    __slots__ = ("_granted", "_grants", "_refusals", "_refused", "_writes")

    def __init__(self, answer: Mapping[str, NamedAttribute]) -> None:
        """Raises ValueError for a field that cannot be written into its attribute."""
        writes = {field: _writer(field, attribute) for field, attribute in answer.items()}
        self._grants = tuple((field, write) for field, write in writes.items() if field in GRANT_FIELDS)
        self._refusals = tuple((field, write) for field, write in writes.items() if field in REFUSAL_FIELDS)
        self._granted = _one(writes, "decision", GRANTED) + _one(writes, "h323_return_code", H323_GRANTED)
        made = _one(writes, "decision", REFUSED)
        self._refused = {
            str(reason): made + _one(writes, "h323_return_code", code) + _one(writes, "message", str(reason))
            for reason, code in H323_RETURN_CODES.items()
        }
        self._writes = writes

    def granted(self, grant: Grant) -> bytes:
        """The attributes of a grant."""
        return self._granted + _all(self._grants, grant)

    def refused(self, refuse: Refuse) -> bytes:
        """The attributes of a refusal."""
        return self._refused[refuse.reason] + _all(self._refusals, refuse)

    def erred(self, error: str, words: str) -> bytes:
        """The attributes of an error out of `ERRORS`, with words for whoever reads the switch's log."""
        codes = ERRORS[error]
        values: dict[str, Value] = {
            "decision": REFUSED,
            "reason": error,
            "sip_code": codes.sip,
            "q850": codes.q850,
            "h323_return_code": H323_OTHER,
            "message": f"{error}: {words}",
        }
        return b"".join(write(values[field]) for field, write in self._writes.items() if field in values)


def _all(writes: tuple[tuple[str, Write], ...], decision: Grant | Refuse) -> bytes:
    out = []
    for field, write in writes:
        value = getattr(decision, field)
        if value is not None:
            out.append(write(value))
    return b"".join(out)


def _one(writes: Mapping[str, Write], field: str, value: Value) -> bytes:
    return writes[field](value) if field in writes else b""


def _writer(field: str, attribute: NamedAttribute) -> Write:
    """What writes this field into this attribute; b"" where a value does not fit or there is nothing to say."""
    if attribute.kind is Kind.INTEGER and field in _NUMBERS:
        heads = _heads(attribute.key)
        return lambda value: heads[4] + value.to_bytes(4, "big") if value <= INTEGER_MAX else b""  # type: ignore[operator, union-attr]  # a field of _NUMBERS
    if attribute.kind not in (Kind.TEXT, Kind.OCTETS):
        raise ValueError(f"cannot be written into an attribute that is {attribute.kind.value}")
    return _TextWriter(field, attribute)


class _TextWriter:
    """Writes one field as text, with what the text begins with."""

    __slots__ = ("_cut", "_heads", "_inner", "_room")

    def __init__(self, field: str, attribute: NamedAttribute) -> None:
        self._heads = _heads(attribute.key)
        self._inner = attribute.inner
        self._room = len(self._heads) - 1 - len(attribute.inner)
        self._cut = field in CUT

    def __call__(self, value: Value) -> bytes:
        if isinstance(value, tuple):
            return b"".join([self._text(tags) for tags in self._joined(value)])
        return self._text(value if isinstance(value, str) else str(value))

    def _text(self, text: str) -> bytes:
        data = (text if text.isprintable() else _CONTROL.sub("?", text)).encode("utf-8", "replace")
        if len(data) > self._room:
            data = clipped(data.decode(), self._room) if self._cut else b""
        return self._heads[len(data) + len(self._inner)] + self._inner + data if data else b""

    def _joined(self, tags: tuple[str, ...]) -> Iterator[str]:
        """The tags with commas between them, in as many attributes as they take."""
        line = ""
        for tag in tags:
            longer = f"{line},{tag}" if line else tag
            if line and len(longer.encode("utf-8", "replace")) > self._room:
                yield line
                line = tag
            else:
                line = longer
        yield line


@cache
def _heads(key: int) -> tuple[bytes, ...]:
    """What stands before a value of so many bytes in an attribute of this key."""
    room = VALUE_BYTES_MAX if key < 256 else VENDOR_VALUE_BYTES_MAX
    return tuple(keyed_attribute(key, bytes(size))[: -size or None] for size in range(room + 1))
