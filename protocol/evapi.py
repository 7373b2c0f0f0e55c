"""What Kamailio's evapi module says and hears: requests of the socket protocol in envelopes, each in a netstring.

    {"tindex":1234,"tlabel":567,"request":{"op":"authorize",…}}  ->  {"tindex":1234,"tlabel":567,"answer":{…}}

A `protocol.codec.Codec`; the wire is described in docs/evapi.md. `tindex` and `tlabel` name the transaction that
Kamailio has suspended, and go back as JSON integers whatever they came as: `t_continue` takes nothing else.

One Kamailio speaks for all its callers over one connection, and what they write is in its requests. So no request
closes it, however bad and however many; only a netstring that is none does, because nothing after it can be read.
"""

from collections import deque
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from protocol.codec import Event, RequestError
from protocol.connection import fitted
from protocol.errors import ErrorCode
from protocol.framing import FRAME_BYTES_MAX, Encoding
from protocol.joining import JOIN_DECISION, JoinDecision
from protocol.messages import AnyAnswer, ErrorAnswer
from protocol.netstring import NetstringSplitter, netstring
from protocol.reading import FORMS, UNREADABLE, read_request

ANSWER_BYTES_MAX = 32_000
"""evapi reads into 32,767 bytes; a netstring that does not fit makes it close the connection (evapi_dispatch.c)."""

TRANSACTION_NUMBER_MAX = 2**32 - 1  # both are `unsigned int` in Kamailio's tm
DIGITS_MAX = 10

_Number = Annotated[int, Meta(ge=0, le=TRANSACTION_NUMBER_MAX)]
_Digits = Annotated[str, Meta(pattern=rf"^[0-9]{{1,{DIGITS_MAX}}}\Z")]


class Envelope(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One message of Kamailio. `answer` false: only an error is answered, whoever asks does not wait."""

    request: Raw
    tindex: _Number | _Digits | None = None
    tlabel: _Number | _Digits | None = None
    answer: bool = True


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_encode = msgspec.json.Encoder().encode
_join = JOIN_DECISION["json"]
_FORM = FORMS["json"]

_ID_BEFORE = b'{"id":0,'
_NO_TRANSACTION = b'{"answer":'
_TRANSACTION = b'{"tindex":%d,"tlabel":%d,"answer":'
_UNWANTED = b""
_NOTHING = b"\n"
"""Where no answer is wanted: evapi skips white space before a netstring. A byte has to go out all the same: with it
goes the acknowledgement for which Nagle's algorithm holds Kamailio's next request back, else 40 ms."""


class EvapiConnection:
    """One connection to a Kamailio, from its first byte to its last; a `protocol.codec.Codec`.

    After a netstring that is none, `closed` is true, and whatever else arrives is dropped.
    """

    __slots__ = ("_openings", "_splitter", "closed", "encoding", "send_decision")

    finished = False  # only a netstring that is none ends a connection

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._splitter = NetstringSplitter(frame_bytes_max)
        self._openings: deque[bytes] = deque()  # how the answers that are owed begin, in order
        self.encoding: Encoding | None = "json"
        self.closed = False
        self.send_decision: JoinDecision = self._send_decision

    @property
    def partial(self) -> int:
        """Bytes held of an unfinished netstring; the server sets a deadline on them."""
        return self._splitter.partial

    def receive_data(self, data: bytes, now: float) -> list[Event]:  # noqa: ARG002 - of the Codec: nothing here ages
        """What Kamailio said, in its order. Never raises; a fatal error is always the last."""
        if self.closed:
            return []
        events = [self._event(message) for message in self._splitter.split(data)]
        fault = self._splitter.fault
        if fault is not None:
            self.closed = True
            self._openings.append(_NO_TRANSACTION)
            events.append(RequestError(None, fault, None, "this is no netstring that can be read", fatal=True))
        return events

    def send(self, answer: AnyAnswer) -> bytes:
        """The answer in its envelope, as a netstring; white space where none is wanted and it is no error."""
        opening = self._openings.popleft() if self._openings else _NO_TRANSACTION
        if opening is _UNWANTED:
            if not isinstance(answer, ErrorAnswer):
                return _NOTHING
            opening = _NO_TRANSACTION
        body = fitted(_encode, answer)
        if len(body) > ANSWER_BYTES_MAX:
            told = f"the answer is longer than the {ANSWER_BYTES_MAX} bytes that Kamailio can read"
            body = _encode(ErrorAnswer(id=answer.id, op="error", code=ErrorCode.FRAME_TOO_LARGE, message=told))
        return netstring(opening + body + b"}")

    def count_bad_request(self, now: float) -> bool:  # noqa: ARG002 - of the Codec
        """Bad requests never close: they are what some caller wrote, and the connection is everybody's."""
        return self.closed

    def _send_decision(self, request_id: int, op: str, existing: bool, decision: msgspec.Struct) -> bytes:
        opening = self._openings.popleft()
        if opening is _UNWANTED:
            return _NOTHING
        return netstring(opening + _join(request_id, op, existing, decision)[:-1] + b"}")  # without the LF of a line

    def _event(self, message: bytes) -> Event:
        try:
            envelope = _decode_envelope(message)
        except UNREADABLE as error:
            return self._refused(_NO_TRANSACTION, str(error))
        opening = _opening(envelope)
        if opening is None:
            return self._refused(_NO_TRANSACTION, "tindex and tlabel name a transaction together, below 2^32")
        event = read_request(_FORM, _with_id(bytes(envelope.request)))
        if isinstance(event, RequestError):
            return self._refused(opening or _NO_TRANSACTION, event.message, event.field, event.id)
        self._openings.append(opening)
        return event

    def _refused(
        self, opening: bytes, message: str, field: str | None = None, request_id: int | None = None
    ) -> RequestError:
        self._openings.append(opening)
        return RequestError(request_id, ErrorCode.BAD_REQUEST, field, message, fatal=False)


def _opening(envelope: Envelope) -> bytes | None:
    """How the answer to this begins, `_UNWANTED` if nobody waits for one, None where half a transaction is named."""
    tindex, tlabel = envelope.tindex, envelope.tlabel
    if tindex is None and tlabel is None:
        return _NO_TRANSACTION if envelope.answer else _UNWANTED
    if tindex is None or tlabel is None:
        return None
    tindex, tlabel = int(tindex), int(tlabel)
    if max(tindex, tlabel) > TRANSACTION_NUMBER_MAX:  # digits in a string
        return None
    return _TRANSACTION % (tindex, tlabel) if envelope.answer else _UNWANTED


def _with_id(request: bytes) -> bytes:
    """The request with an `id` of 0 before its keys; if it has one of its own, that comes later and counts."""
    if request[:1] != b"{" or request[1:].lstrip() == b"}":
        return request
    return _ID_BEFORE + request[1:]
