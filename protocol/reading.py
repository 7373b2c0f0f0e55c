"""One message as bytes -> a typed request, or the error that it is. No I/O, no clock.

Two of the three steps of `connection.py`, shared by every codec that is handed whole messages:

- decode (msgspec, typed): not JSON, not MessagePack, bytes left over, invalid UTF-8, nested past the limit.
- check: it can be read but is no request: an unknown or missing key, a wrong type, a value out of bounds.

What is accepted on purpose: `null` for an optional key is the key left out; of a key given twice the last counts (as
in nearly every JSON reader); control characters inside strings, escaped as JSON wants them, because identifiers are
compared and never run. Whoever writes strings to a log or a terminal escapes them there.
"""

import re
from collections.abc import Callable

import msgspec

from protocol.codec import RequestError
from protocol.errors import ErrorCode
from protocol.framing import Encoding
from protocol.messages import (
    REQUEST_ID_MAX,
    STRING_BYTES_MAX,
    XID_MAX,
    AnyRequest,
    CallKeys,
    CallName,
    Digest,
    InForce,
    ListedCall,
    Usage,
)

BAD_REQUESTS_MAX = 3
BAD_REQUEST_WINDOW_SECONDS = 10.0
"""The third bad request in ten seconds closes: a switch with a mistake in its script should notice, not fill logs."""

FIELD_CHARS_MAX = 64
MESSAGE_CHARS_MAX = 200
"""Error texts quote what the peer sent, and what it sent may be a whole frame long."""

UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
"""What msgspec raises on bytes it cannot read. ValidationError is a DecodeError and must be caught before;
UnicodeDecodeError is a ValueError and no MsgspecError."""


class _Head(msgspec.Struct, frozen=True, gc=False):
    """As much of a request that is wrong as is needed to say which one it was."""

    id: int


class Form(msgspec.Struct, frozen=True, gc=False):
    """How messages are read in one encoding. Decoders are made once: making one costs a hundred decodings."""

    decode: Callable[[bytes], AnyRequest]
    decode_head: Callable[[bytes], _Head]
    skip: Callable[[bytes], msgspec.Raw]


def json_form(kind: object = AnyRequest) -> Form:
    """JSON objects of this type of request; of a single one, `op` may be left out."""
    return Form(
        decode=msgspec.json.Decoder(kind).decode,
        decode_head=msgspec.json.Decoder(_Head).decode,
        skip=msgspec.json.Decoder(msgspec.Raw).decode,
    )


FORMS: dict[Encoding, Form] = {
    "json": json_form(),
    "msgpack": Form(
        decode=msgspec.msgpack.Decoder(AnyRequest).decode,
        decode_head=msgspec.msgpack.Decoder(_Head).decode,
        skip=msgspec.msgpack.Decoder(msgspec.Raw).decode,
    ),
}


class BadRequests:
    """The bad requests of one connection, counted over a window of time."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: tuple[float, ...] = ()

    def count(self, now: float) -> bool:
        """Count one; whether it is the one that closes the connection."""
        recent = (*self._times, now)[-BAD_REQUESTS_MAX:]
        self._times = recent
        return len(recent) == BAD_REQUESTS_MAX and now - recent[0] < BAD_REQUEST_WINDOW_SECONDS


def read_request(form: Form, message: bytes) -> AnyRequest | RequestError:
    """The request that this is. `bad_frame`, which is fatal: it cannot be read at all; `bad_request`: it is none."""
    try:
        request = form.decode(message)
    except UNREADABLE as error:
        return _refused(form, message, error)
    wrong = _wrong_key(request, len(message))
    if wrong is None:
        return request
    field, text = wrong
    return RequestError(request.id if field != "id" else None, ErrorCode.BAD_REQUEST, field, text, fatal=False)


def _refused(form: Form, message: bytes, error: Exception) -> RequestError:
    if isinstance(error, msgspec.ValidationError):
        try:  # the first wrong key ends the reading; what stands after it may still be no JSON or MessagePack at all
            form.skip(message)
        except UNREADABLE as unreadable:
            error = unreadable
        else:
            field, text = _told(str(error))
            return RequestError(_readable_id(form, message), ErrorCode.BAD_REQUEST, field, text, fatal=False)
    return RequestError(None, ErrorCode.BAD_FRAME, None, _clipped(str(error), MESSAGE_CHARS_MAX), fatal=True)


def _readable_id(form: Form, message: bytes) -> int | None:
    try:
        request_id = form.decode_head(message).id
    except UNREADABLE:
        return None
    return request_id if 0 <= request_id <= REQUEST_ID_MAX else None


# --- what the types of messages.py cannot say


def _wrong_key(request: AnyRequest, message_bytes: int) -> tuple[str, str] | None:
    """The key that breaks a rule which the types cannot express, and how; None if all is well."""
    if request.id > REQUEST_ID_MAX:
        return "id", "must be below 2^64"
    if isinstance(request, CallKeys):
        if request.ip is None and request.name is None and request.ani is None:
            return "ip", "one of ip, name, ani must be there"
        if request.password is not None and request.digest is not None:
            return "password", "give password or digest, not both"
    elif isinstance(request, InForce) and request.xid > XID_MAX:
        return "xid", "must be below 2^64"
    if message_bytes > STRING_BYTES_MAX and not isinstance(request, Usage):  # a shorter message has no room for one
        return _long_string(request, "")
    return None


def _long_string(value: msgspec.Struct, path: str) -> tuple[str, str] | None:
    """The first string of more than 255 bytes. `Meta(max_length)` has counted characters, of up to four bytes."""
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if isinstance(part, str):
            if _is_long(part):
                return path + name, _TOO_LONG
        elif isinstance(part, Digest):
            wrong = _long_string(part, f"{name}.")
            if wrong is not None:
                return wrong
        elif isinstance(part, tuple):
            for place, entry in enumerate(part):
                assert isinstance(entry, CallName | ListedCall)
                if _is_long(entry.call_id):
                    return f"{name}[{place}][0]", _TOO_LONG
                if _is_long(entry.leg):
                    return f"{name}[{place}][1]", _TOO_LONG
    return None


_TOO_LONG = f"a string may be {STRING_BYTES_MAX} bytes of UTF-8 at most"


def _is_long(text: str) -> bool:
    return not text.isascii() and len(text.encode()) > STRING_BYTES_MAX


# --- what msgspec tells of a value that is no request, in our words

_MISSING_OR_UNKNOWN = re.compile(r"(unknown|missing required) field `(.*?)`(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_AT = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)


def _told(message: str) -> tuple[str | None, str]:
    """Field and text of a validation error: the dotted path of the key, None where the whole message is wrong."""
    named = _MISSING_OR_UNKNOWN.search(message)
    if named is not None:
        what, key, path = named.groups()
        field = f"{path}.{key}" if path else key
        told = "unknown key" if what == "unknown" else "must be there"
        return _clipped(field, FIELD_CHARS_MAX), told
    at = _AT.search(message)
    if at is not None:
        return _clipped(at[1], FIELD_CHARS_MAX) or None, _clipped(message[: at.start()], MESSAGE_CHARS_MAX)
    # msgspec gives no path for an array_like struct that is too long; only the lists of calls have those
    field = "calls" if message.startswith("Expected `array`") else None
    return field, _clipped(message, MESSAGE_CHARS_MAX)


def _clipped(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
