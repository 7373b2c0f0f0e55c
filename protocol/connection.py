"""The server's side of one connection: bytes in, typed requests out; answers in, bytes out. No I/O, no clock.

Three steps, each with its own way to fail:

    bytes --split--> frames --decode--> values --check--> requests
          frame_too_large   bad_frame          bad_request
          closes            closes             closes at the third in ten seconds

- split (framing.py): the peer lost count of its own bytes, so nothing that follows can be trusted.
- decode (msgspec, typed): not JSON, not MessagePack, bytes left over, invalid UTF-8, nested past the limit. The same.
- check: it can be read but is no request: an unknown or missing key, a wrong type, a value out of bounds. Costs only
  itself, and the answer names the key.

What is accepted on purpose: `null` for an optional key is the key left out; of a key given twice the last counts (as
in nearly every JSON reader); control characters inside strings, escaped as JSON wants them, because identifiers are
compared and never run. Whoever writes strings to a log or a terminal escapes them there.
"""

import re
from collections.abc import Callable, Iterable

import msgspec

from protocol.errors import ErrorCode
from protocol.framing import FRAME_BYTES_MAX, Encoding, Splitter, encoding_of, framed_binary, framed_line, splitter
from protocol.messages import (
    REQUEST_ID_MAX,
    STRING_BYTES_MAX,
    XID_MAX,
    AnyAnswer,
    AnyRequest,
    CallKeys,
    CallName,
    CallsAnswer,
    DecisionAnswer,
    Digest,
    ErrorAnswer,
    InForce,
    ListedCall,
    TouchAnswer,
    Usage,
    UsageAnswer,
)

BAD_REQUESTS_MAX = 3
BAD_REQUEST_WINDOW_SECONDS = 10.0
"""The third bad request in ten seconds closes: a switch with a mistake in its script should notice, not fill logs."""

FIELD_CHARS_MAX = 64
MESSAGE_CHARS_MAX = 200
"""Error texts quote what the peer sent, and what it sent may be a whole frame long."""


class RequestError(msgspec.Struct, frozen=True, gc=False):
    """A request that cannot be answered otherwise than by an error; `fatal` means: answer, then close."""

    id: int | None
    code: ErrorCode
    field: str | None
    message: str
    fatal: bool

    def answer(self) -> ErrorAnswer:
        """The error as it goes out."""
        return ErrorAnswer(id=self.id, op="error", code=self.code.value, field=self.field, message=self.message)


Event = AnyRequest | RequestError


class _Head(msgspec.Struct, frozen=True, gc=False):
    """As much of a request that is wrong as is needed to say which one it was."""

    id: int


class _Codec(msgspec.Struct, frozen=True, gc=False):
    """What differs between the encodings. Decoders are made once: making one costs a hundred decodings."""

    decode: Callable[[bytes], AnyRequest]
    decode_head: Callable[[bytes], _Head]
    skip: Callable[[bytes], msgspec.Raw]
    encode: Callable[[AnyAnswer], bytes]
    framed: Callable[[bytes], bytes]


_CODECS: dict[Encoding, _Codec] = {
    "json": _Codec(
        decode=msgspec.json.Decoder(AnyRequest).decode,
        decode_head=msgspec.json.Decoder(_Head).decode,
        skip=msgspec.json.Decoder(msgspec.Raw).decode,
        encode=msgspec.json.Encoder().encode,
        framed=framed_line,
    ),
    "msgpack": _Codec(
        decode=msgspec.msgpack.Decoder(AnyRequest).decode,
        decode_head=msgspec.msgpack.Decoder(_Head).decode,
        skip=msgspec.msgpack.Decoder(msgspec.Raw).decode,
        encode=msgspec.msgpack.Encoder().encode,
        framed=framed_binary,
    ),
}

UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
"""What msgspec raises on bytes it cannot read. ValidationError is a DecodeError and must be caught before;
UnicodeDecodeError is a ValueError and no MsgspecError."""


class ServerConnection:
    """One connection of a switch, from its first byte to its last.

    `receive_data` never raises, whatever the bytes. `encoding` is None until the first byte. After a fatal event
    `closed` is true, and whatever else arrives is dropped.
    """

    __slots__ = ("_bad_request_times", "_codec", "_frame_bytes_max", "_splitter", "closed", "encoding")

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        if not 1 <= frame_bytes_max <= FRAME_BYTES_MAX:
            raise ValueError(f"frame_bytes_max must be 1 to {FRAME_BYTES_MAX}, not {frame_bytes_max}")
        self._frame_bytes_max = frame_bytes_max
        self._splitter: Splitter | None = None
        self._codec: _Codec | None = None
        self._bad_request_times: tuple[float, ...] = ()
        self.encoding: Encoding | None = None
        self.closed = False

    @property
    def partial(self) -> int:
        """Bytes held of an unfinished frame; the server sets a deadline on them."""
        return self._splitter.partial if self._splitter is not None else 0

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """What the peer said, in its order; `now` in seconds on any clock that does not go back.

        Nothing may come out (an unfinished frame), and a fatal error is always the last.
        """
        if self.closed or not data:
            return []
        frames_of, codec = self._splitter, self._codec
        if frames_of is None or codec is None:
            self.encoding = encoding = encoding_of(data[0])
            self._splitter = frames_of = splitter(encoding, self._frame_bytes_max)
            self._codec = codec = _CODECS[encoding]
        decode = codec.decode
        events: list[Event] = []
        for frame in frames_of.split(data):
            try:
                request = decode(frame)
            except UNREADABLE as error:
                events.append(self._refused(codec, frame, error, now))
            else:
                wrong = _wrong_key(request, len(frame))
                if wrong is None:
                    events.append(request)
                    continue
                field, message = wrong
                request_id = request.id if field != "id" else None
                events.append(self._bad_request(request_id, field, message, now))
            if self.closed:
                return events
        if frames_of.fault is not None:
            message = f"a frame may be {self._frame_bytes_max} bytes long at most"
            events.append(RequestError(None, frames_of.fault, None, message, fatal=True))
            self.close()
        return events

    def send(self, answer: AnyAnswer) -> bytes:
        """The answer as bytes, framed.

        A list that would not fit into one frame is cut short, and the answer says by how much where it can.
        """
        codec = self._codec
        assert codec is not None, "no answer before the first request: its first byte chooses the encoding"
        payload = codec.encode(answer)
        if len(payload) > FRAME_BYTES_MAX:
            payload = _fitted(codec, answer)
        return codec.framed(payload)

    def send_many(self, answers: Iterable[AnyAnswer]) -> bytes:
        """Several answers for one write."""
        return b"".join(map(self.send, answers))

    def count_bad_request(self, now: float) -> bool:
        """Count a bad request; true if it is the one that closes the connection.

        Those that this class finds are counted already; call it for those found later, such as an address that is
        none.
        """
        recent = (*self._bad_request_times, now)[-BAD_REQUESTS_MAX:]
        self._bad_request_times = recent
        if len(recent) == BAD_REQUESTS_MAX and now - recent[0] < BAD_REQUEST_WINDOW_SECONDS:
            self.close()
        return self.closed

    def close(self) -> None:
        """Nothing more is received. Answers may still be sent."""
        self.closed = True
        if self._splitter is not None:
            self._splitter.drop()

    def _bad_request(self, request_id: int | None, field: str | None, message: str, now: float) -> RequestError:
        fatal = self.count_bad_request(now)
        return RequestError(request_id, ErrorCode.BAD_REQUEST, field, message, fatal)

    def _refused(self, codec: _Codec, frame: bytes, error: Exception, now: float) -> RequestError:
        if not isinstance(error, msgspec.ValidationError):
            self.close()
            return RequestError(None, ErrorCode.BAD_FRAME, None, _clipped(str(error), MESSAGE_CHARS_MAX), fatal=True)
        try:  # the first wrong key ends the reading; what stands after it may still be no JSON or MessagePack at all
            codec.skip(frame)
        except UNREADABLE as unreadable:
            return self._refused(codec, frame, ValueError(str(unreadable)), now)
        field, message = _told(str(error))
        return self._bad_request(_readable_id(codec, frame), field, message, now)


def _readable_id(codec: _Codec, frame: bytes) -> int | None:
    try:
        request_id = codec.decode_head(frame).id
    except UNREADABLE:
        return None
    return request_id if 0 <= request_id <= REQUEST_ID_MAX else None


# --- what the types of messages.py cannot say


def _wrong_key(request: AnyRequest, frame_bytes: int) -> tuple[str, str] | None:
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
    if frame_bytes > STRING_BYTES_MAX and not isinstance(request, Usage):  # a shorter frame has no room for one
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


# --- answers with lists that are longer than a frame

_LISTS: dict[type, tuple[str, str | None]] = {
    CallsAnswer: ("calls", "omitted"),
    DecisionAnswer: ("explain", "explain_omitted"),
    # no count here: the switch forgets the calls it was told of, and the next touch names the rest
    TouchAnswer: ("unknown", None),
    UsageAnswer: ("accounts", "omitted"),  # 500 clients always fit
}


def _fitted(codec: _Codec, answer: AnyAnswer) -> bytes:
    """The answer with as many list entries as fit into a frame."""
    entries_name, omitted_name = _LISTS[type(answer)]
    entries = getattr(answer, entries_name)
    omitted = (getattr(answer, omitted_name) or 0) if omitted_name else 0
    payload = b""
    fits, fails = 0, len(entries)
    while fails - fits > 1 or not payload:
        count = (fits + fails) // 2
        changes = {entries_name: entries[:count]}
        if omitted_name:
            changes[omitted_name] = omitted + len(entries) - count
        tried = codec.encode(msgspec.structs.replace(answer, **changes))
        if len(tried) <= FRAME_BYTES_MAX:
            fits, payload = count, tried
        else:
            assert count, "an answer without its list fits into a frame"
            fails = count
    return payload
