"""The HTTP door's codec: requests of the socket protocol as `POST /v1/<op>`, answers as JSON. No I/O, no clock.

A `protocol.codec.Codec` over `http_parsing.py`. Which path is which request, and which answer is which status, are
two tables; the bodies are those of docs/protocol.md without `op` and, if one likes, without `id`. The wire is
described in docs/http.md.

A refused call is an answer, so its status is 200; only what makes a plain client ask the next server is 503.
"""

import re
from base64 import b64decode
from collections import deque
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from protocol import messages as m
from protocol.codec import Event, RequestError, Said, Token
from protocol.connection import fitted
from protocol.errors import ErrorCode
from protocol.framing import Encoding
from protocol.http_parsing import Expected, HttpParser, HttpRequest
from protocol.joining import JOIN_DECISION
from protocol.reading import Form, json_form, read_request

RETRY_AFTER_SECONDS = 1
"""For a client that has no other server to ask: whatever is the matter, a second later it may be over."""

STATUS_PATH = b"/v1/status"
DOCUMENT_PATH = b"/v1/openapi.json"

ASKED: dict[str, type[m.Request]] = {
    "identify": m.Identify,
    "authorize": m.Authorize,
    "start": m.Start,
    "release": m.Release,
    "touch": m.Touch,
    "sync": m.Sync,
}
"""What can be asked with `POST /v1/<op>`."""

STATUSES: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.BAD_FRAME: HTTPStatus.BAD_REQUEST,
    ErrorCode.FRAME_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.HELLO_REQUIRED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.STALE_BOOT: HTTPStatus.CONFLICT,
    ErrorCode.CALL_ID_CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.NOT_OWNER: HTTPStatus.CONFLICT,
    ErrorCode.INTERNAL: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Error code -> status. Where the codec itself refuses (404, 405, 411 …) the status is its own."""

_HEADERS: dict[HTTPStatus, bytes] = {
    HTTPStatus.UNAUTHORIZED: b'WWW-Authenticate: Bearer realm="identd", Basic realm="identd"\r\n',
    HTTPStatus.SERVICE_UNAVAILABLE: b"Retry-After: %d\r\n" % RETRY_AFTER_SECONDS,
}

_FAULT_CODES = {413: ErrorCode.FRAME_TOO_LARGE, 414: ErrorCode.FRAME_TOO_LARGE, 431: ErrorCode.FRAME_TOO_LARGE}
"""Status of what cannot be read -> the code that it is counted under; `bad_frame` for all others."""

_FORMS: dict[bytes, Form] = {b"/v1/" + op.encode(): json_form(kind) for op, kind in ASKED.items()}
_ALLOWED: dict[bytes, tuple[bytes, ...]] = dict.fromkeys(_FORMS, (b"POST",)) | dict.fromkeys(
    (STATUS_PATH, DOCUMENT_PATH), (b"GET", b"HEAD")
)

_LENGTH = b"Content-Type: application/json\r\nContent-Length: %d\r\n"
_OK = b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"\r\n"

_OPENING = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*(\})?")
_ID_BEFORE, _ID_ALONE = b'{"id":0,', b'{"id":0}'
_NO_TOKEN = Token(None, None)

_encode = msgspec.json.Encoder().encode
_join = JOIN_DECISION["json"]
_CONTINUE = Said(b"HTTP/1.1 100 Continue\r\n\r\n")


class _Owed(msgspec.Struct, frozen=True, gc=False):
    """How the answer to one request has to look. `status` 0: the answer decides; `last`: the connection ends with it.

    `old`: HTTP/1.0 wants to be told that the connection stays. `bare`: a HEAD, which gets no body.
    """

    status: int = 0
    last: bool = False
    old: bool = False
    bare: bool = False
    headers: bytes = b""


_PLAIN = _Owed()
_LAST = _Owed(last=True)


class HttpConnection:
    """One connection of an HTTP client; a `protocol.codec.Codec`. `receive_data` never raises, whatever the bytes.

    `finished`: what was sent last was this connection's last answer. `document` is the OpenAPI document's bytes.
    """

    __slots__ = ("_authorization", "_document", "_owed", "_parser", "encoding", "finished")

    def __init__(self, document: bytes) -> None:
        self._document = document
        self._parser = HttpParser()
        self._owed: deque[_Owed] = deque()
        self._authorization: bytes | None = b""  # neither a header nor None, so the first request says who asks
        self.encoding: Encoding | None = None
        self.finished = False

    @property
    def partial(self) -> int:
        """More than 0 while a request is unfinished."""
        return self._parser.partial

    def receive_data(self, data: bytes, now: float) -> list[Event]:  # noqa: ARG002 - a Codec's signature
        """As `Codec.receive_data`. A token comes before the first request, and before each that has another one."""
        if not data:
            return []
        self.encoding = "json"
        events: list[Event] = []
        for said in self._parser.feed(data):
            if isinstance(said, HttpRequest):
                if said.authorization != self._authorization:
                    self._authorization = said.authorization
                    events.append(token_of(said.authorization))
                event = self._event(said)
                events.append(event)
                if isinstance(event, Said) and event.last:
                    self._parser.close()
                    break
            elif isinstance(said, Expected):
                events.append(_CONTINUE)
            else:
                self._owed.append(_Owed(status=said.status, last=True))
                code = _FAULT_CODES.get(said.status, ErrorCode.BAD_FRAME)
                events.append(RequestError(None, code, None, said.message, fatal=True))
        return events

    def send(self, answer: m.AnyAnswer) -> bytes:
        """The answer to the request that has waited longest."""
        status = HTTPStatus.OK
        if isinstance(answer, m.ErrorAnswer):
            status = STATUSES[ErrorCode(answer.code)]
            if answer.id is None and answer.code == ErrorCode.INTERNAL:  # the last words of a session that broke
                self._owed.clear()
                status = HTTPStatus.INTERNAL_SERVER_ERROR
        elif isinstance(answer, m.DecisionAnswer) and answer.decision == "unavailable":
            status = HTTPStatus.SERVICE_UNAVAILABLE
        return self._answer(status, fitted(_encode, answer) + b"\n")

    def send_decision(self, request_id: int, op: str, existing: bool, decision: msgspec.Struct) -> bytes:
        """The same for a decision as the engine gives it."""
        unavailable = decision.__struct_config__.tag == "unavailable"
        status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.OK
        return self._answer(status, _join(request_id, op, existing, decision))

    def count_bad_request(self, now: float) -> bool:  # noqa: ARG002 - a Codec's signature
        """False: closing would not stop a script that is wrong, since HTTP clients connect again by themselves."""
        return False

    def _event(self, request: HttpRequest) -> Event:
        """What the request asks; how its answer has to look is put in the queue."""
        path, method = request.path, request.method
        allowed = _ALLOWED.get(path)
        bare = method == b"HEAD"
        if request.keep_alive and not request.old and not bare:
            owed = _PLAIN
        else:
            owed = _Owed(last=not request.keep_alive, old=request.old, bare=bare)
        if allowed is None:
            self._owed.append(msgspec.structs.replace(owed, status=404))
            return RequestError(None, ErrorCode.BAD_REQUEST, None, "there is no such path", fatal=False)
        if method not in allowed:
            names = b", ".join(allowed)
            self._owed.append(msgspec.structs.replace(owed, status=405, headers=b"Allow: %s\r\n" % names))
            return RequestError(None, ErrorCode.BAD_REQUEST, None, f"this path takes {names.decode()}", fatal=False)
        if path == DOCUMENT_PATH:
            # for strangers too, and 500 times as long as the request: one a connection
            owed = owed if bare else msgspec.structs.replace(owed, last=True)
            return Said(_written(owed, HTTPStatus.OK, self._document), owed.last)
        self._owed.append(owed)
        return m.Status(id=0) if path == STATUS_PATH else _read(_FORMS[path], request.body)

    def _answer(self, status: int, body: bytes) -> bytes:
        owed = self._owed.popleft() if self._owed else _LAST
        if owed is _PLAIN and status == HTTPStatus.OK:
            return _OK % len(body) + body
        if status == HTTPStatus.UNAUTHORIZED:
            # whoever guesses has to connect for each guess, and is not told whether there is such a path
            owed = _Owed(last=True, bare=owed.bare)
        if owed.last:
            self.finished = True
            self._parser.close()
        return _written(owed, status, body)


def _written(owed: _Owed, status: int, body: bytes) -> bytes:
    said = HTTPStatus(owed.status or status)
    connection = b"Connection: close\r\n" if owed.last else b"Connection: keep-alive\r\n" if owed.old else b""
    headers = owed.headers + _HEADERS.get(said, b"") + connection
    head = b"HTTP/1.1 %d %s\r\n%s%s\r\n" % (said, said.phrase.encode(), headers, _LENGTH % len(body))
    return head if owed.bare else head + body


def _read(form: Form, body: bytes) -> Event:
    """The request that a body is; one without `id` has 0."""
    # of a key that is given twice the last counts, so an id of the body's own overrides this one
    opening = _OPENING.match(body)
    if opening is None:
        return RequestError(None, ErrorCode.BAD_FRAME, None, "the body has to be a JSON object", fatal=False)
    found = read_request(form, (_ID_ALONE if opening[1] else _ID_BEFORE) + body[opening.end() :])
    if isinstance(found, RequestError) and found.fatal:  # as it came, for the place that the message names
        found = read_request(form, body)
        assert isinstance(found, RequestError)
        return msgspec.structs.replace(found, fatal=False)
    return found


def token_of(authorization: bytes | None) -> Token:
    """Who says `Authorization: Bearer GATEWAY:SECRET`, or the same as Basic (RFC 7617), which old curls can say.

    The last colon divides, because a name may hold one and a secret of `identd gateway-secret` does not.
    """
    scheme, _, value = (authorization or b"").partition(b" ")
    reading = _SCHEMES.get(scheme.lower())
    if reading is None:
        return _NO_TOKEN
    try:
        gateway, colon, secret = reading(value.strip()).decode().rpartition(":")
    except ValueError:  # no base64, no UTF-8
        return _NO_TOKEN
    return Token(gateway, secret) if colon else _NO_TOKEN


_SCHEMES: dict[bytes, Callable[[bytes], bytes]] = {
    b"bearer": bytes,
    b"basic": lambda value: b64decode(value, validate=True),
}
