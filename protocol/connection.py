"""The server's side of one connection: bytes in, typed requests out; answers in, bytes out. No I/O, no clock.

Three steps, each with its own way to fail:

    bytes --split--> frames --decode--> values --check--> requests
          frame_too_large   bad_frame          bad_request
          closes            closes             closes at the third in ten seconds

- split (framing.py): the peer lost count of its own bytes, so nothing that follows can be trusted.
- decode and check (reading.py): what is no request costs only itself, and the answer names the key.
"""

from collections.abc import Callable, Iterable

import msgspec

from protocol.codec import Event, RequestError
from protocol.framing import FRAME_BYTES_MAX, Encoding, Splitter, encoding_of, framed_binary, framed_line, splitter
from protocol.joining import JOIN_DECISION, JoinDecision
from protocol.messages import AnyAnswer, CallsAnswer, DecisionAnswer, TouchAnswer, UsageAnswer
from protocol.reading import FORMS, BadRequests, Form, read_request


class _Encoder(msgspec.Struct, frozen=True, gc=False):
    """How answers are written in one encoding."""

    encode: Callable[[AnyAnswer], bytes]
    framed: Callable[[bytes], bytes]


_ENCODERS: dict[Encoding, _Encoder] = {
    "json": _Encoder(msgspec.json.Encoder().encode, framed_line),
    "msgpack": _Encoder(msgspec.msgpack.Encoder().encode, framed_binary),
}


class ServerConnection:
    """One connection of a switch, from its first byte to its last; a `protocol.codec.Codec`.

    `receive_data` never raises, whatever the bytes. `encoding` is None until the first byte. After a fatal event
    `closed` is true, and whatever else arrives is dropped.
    """

    __slots__ = (
        "_bad_requests",
        "_encoder",
        "_form",
        "_frame_bytes_max",
        "_splitter",
        "closed",
        "encoding",
        "send_decision",
    )

    send_decision: JoinDecision
    finished = False  # only an error ends a connection of the socket protocol

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        if not 1 <= frame_bytes_max <= FRAME_BYTES_MAX:
            raise ValueError(f"frame_bytes_max must be 1 to {FRAME_BYTES_MAX}, not {frame_bytes_max}")
        self._frame_bytes_max = frame_bytes_max
        self._splitter: Splitter | None = None
        self._form: Form | None = None
        self._encoder: _Encoder | None = None
        self._bad_requests = BadRequests()
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
        frames_of, form = self._splitter, self._form
        if frames_of is None or form is None:
            self.encoding = encoding = encoding_of(data[0])
            self._splitter = frames_of = splitter(encoding, self._frame_bytes_max)
            self._form = form = FORMS[encoding]
            self._encoder = _ENCODERS[encoding]
            self.send_decision = JOIN_DECISION[encoding]
        events: list[Event] = []
        for frame in frames_of.split(data):
            event = read_request(form, frame)
            if isinstance(event, RequestError):
                event = self._counted(event, now)
            events.append(event)
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
        encoder = self._encoder
        assert encoder is not None, "no answer before the first request: its first byte chooses the encoding"
        return encoder.framed(fitted(encoder.encode, answer))

    def send_many(self, answers: Iterable[AnyAnswer]) -> bytes:
        """Several answers for one write."""
        return b"".join(map(self.send, answers))

    def count_bad_request(self, now: float) -> bool:
        """Count a bad request; true if it is the one that closes the connection.

        Those that this class finds are counted already; call it for those found later, such as an address that is
        none.
        """
        if self._bad_requests.count(now):
            self.close()
        return self.closed

    def close(self) -> None:
        """Nothing more is received. Answers may still be sent."""
        self.closed = True
        if self._splitter is not None:
            self._splitter.drop()

    def _counted(self, error: RequestError, now: float) -> RequestError:
        if error.fatal:
            self.close()
            return error
        return msgspec.structs.replace(error, fatal=self.count_bad_request(now))


# --- answers with lists that are longer than a frame

_LISTS: dict[type, tuple[str, str | None]] = {
    CallsAnswer: ("calls", "omitted"),
    DecisionAnswer: ("explain", "explain_omitted"),
    # no count here: the switch forgets the calls it was told of, and the next touch names the rest
    TouchAnswer: ("unknown", None),
    UsageAnswer: ("accounts", "omitted"),  # 500 clients always fit
}


def fitted(encode: Callable[[AnyAnswer], bytes], answer: AnyAnswer) -> bytes:
    """The answer, encoded, with as many of its list's entries as fit into a frame."""
    whole = encode(answer)
    if len(whole) <= FRAME_BYTES_MAX:
        return whole
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
        tried = encode(msgspec.structs.replace(answer, **changes))
        if len(tried) <= FRAME_BYTES_MAX:
            fits, payload = count, tried
        else:
            assert count, "an answer without its list fits into a frame"
            fails = count
    return payload
