"""The client's side of one connection: requests in, bytes out; bytes in, typed answers out. No I/O, no clock.

Answers come in the order of the requests, so what an answer is follows from the request at the head of the queue:
its `op` chooses the type and its `id` must come back. Ids need not be unique for that, and a client may choose any.
An answer out of turn means that the two sides no longer agree on what was asked: that is a `ProtocolViolation`, and
the only cure is another connection.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from protocol.errors import ErrorCode, ProtocolViolation, RequestRefused
from protocol.framing import FRAME_BYTES_MAX, Encoding, framed_binary, framed_line, splitter
from protocol.messages import (
    AnyAnswer,
    AnyRequest,
    Authorize,
    CallAnswer,
    Calls,
    CallsAnswer,
    DecisionAnswer,
    End,
    EndAnswer,
    ErrorAnswer,
    Hello,
    HelloAnswer,
    Identify,
    InForce,
    InForceAnswer,
    Ping,
    PongAnswer,
    Release,
    Start,
    Status,
    StatusAnswer,
    Sync,
    SyncAnswer,
    Touch,
    TouchAnswer,
    Usage,
    UsageAnswer,
)

ANSWER_TYPES: dict[type[AnyRequest], type[AnyAnswer]] = {
    Hello: HelloAnswer,
    Identify: DecisionAnswer,
    Authorize: DecisionAnswer,
    Start: CallAnswer,
    Release: CallAnswer,
    Touch: TouchAnswer,
    Sync: SyncAnswer,
    Calls: CallsAnswer,
    Status: StatusAnswer,
    Ping: PongAnswer,
    Usage: UsageAnswer,
    End: EndAnswer,
    InForce: InForceAnswer,
}
"""What answers what. Any request may be answered by an `ErrorAnswer` instead."""

_ANSWERS = (*dict.fromkeys(ANSWER_TYPES.values()), ErrorAnswer)
_Decode = Callable[[bytes], AnyAnswer]

_DECODERS: dict[Encoding, dict[type[AnyAnswer], _Decode]] = {
    "json": {answer: msgspec.json.Decoder(answer).decode for answer in _ANSWERS},
    "msgpack": {answer: msgspec.msgpack.Decoder(answer).decode for answer in _ANSWERS},
}
_ENCODERS: dict[Encoding, Callable[[AnyRequest], bytes]] = {
    "json": msgspec.json.Encoder().encode,
    "msgpack": msgspec.msgpack.Encoder().encode,
}
_FRAMED: dict[Encoding, Callable[[bytes], bytes]] = {"json": framed_line, "msgpack": framed_binary}

_UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)


class ClientConnection:
    """One connection to the daemon, from its first byte to its last."""

    __slots__ = ("_asked", "_decoders", "_encode", "_framed", "_splitter", "encoding")

    def __init__(self, encoding: Encoding = "msgpack") -> None:
        self.encoding = encoding
        self._encode = _ENCODERS[encoding]
        self._framed = _FRAMED[encoding]
        self._decoders = _DECODERS[encoding]
        self._splitter = splitter(encoding)
        self._asked: deque[AnyRequest] = deque()

    @property
    def unanswered(self) -> int:
        """How many requests have no answer yet."""
        return len(self._asked)

    def send(self, request: AnyRequest) -> bytes:
        """The request as bytes, framed. Raises `RequestRefused` if it is longer than a frame may be.

        The daemon would answer the same and close the connection, at the cost of everything else asked on it.
        """
        payload = self._encode(request)
        if len(payload) > FRAME_BYTES_MAX:
            message = f"{len(payload)} bytes; a frame may be {FRAME_BYTES_MAX} bytes long at most"
            raise RequestRefused(ErrorCode.FRAME_TOO_LARGE.value, None, message)
        self._asked.append(request)
        return self._framed(payload)

    def receive_data(self, data: bytes) -> list[AnyAnswer]:
        """The answers that are complete now, in the order of the requests.

        Raises `ProtocolViolation` on bytes that are no answer, or no answer to what was asked; answers that came
        before in the same read are lost with the connection.
        """
        answers = [self._answer(frame) for frame in self._splitter.split(data)]
        if self._splitter.fault is not None:
            raise ProtocolViolation(f"an answer longer than {FRAME_BYTES_MAX} bytes")
        return answers

    def _answer(self, frame: bytes) -> AnyAnswer:
        if not self._asked:
            # A connection that is turned away (too many, too long idle) may be told so before it closes.
            return self._decoded(frame, ErrorAnswer, None)
        request = self._asked.popleft()
        answer_type = ANSWER_TYPES[type(request)]
        try:
            answer = self._decoders[answer_type](frame)
        except _UNREADABLE as error:
            answer = self._decoded(frame, ErrorAnswer, error)
        if answer.op == "error" and not isinstance(answer, ErrorAnswer):  # a pong has no key that an error lacks
            answer = self._decoded(frame, ErrorAnswer, None)
        # An error has no id where the daemon could not read one: it then belongs to the oldest request as well.
        if answer.id != request.id and not (answer.id is None and isinstance(answer, ErrorAnswer)):
            raise ProtocolViolation(f"an answer to request {answer.id} where one to {request.id} was due")
        if answer.op not in _ops_of_answers(request):
            raise ProtocolViolation(f"an answer to {answer.op!r} where one to {_op(request)!r} was due")
        return answer

    def _decoded(self, frame: bytes, answer_type: type[AnyAnswer], earlier: Exception | None) -> AnyAnswer:
        try:
            return self._decoders[answer_type](frame)
        except _UNREADABLE as error:
            raise ProtocolViolation(f"an answer that cannot be read: {earlier or error}") from error


def _op(request: AnyRequest) -> str:
    tag = request.__struct_config__.tag
    assert isinstance(tag, str), "every request has its op for a tag"
    return tag


def _ops_of_answers(request: AnyRequest) -> tuple[str, ...]:
    return ("pong", "error") if isinstance(request, Ping) else (_op(request), "error")
