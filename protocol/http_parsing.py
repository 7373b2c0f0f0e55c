"""Bytes into HTTP/1.1 requests (RFC 9112): where one ends, what it asks, and what may not pass. No I/O, no clock.

httptools (llhttp) parses, this file bounds and refuses; why not h11, which serves /metrics: docs/decisions/0012.
A request comes out whole or not at all. Whatever is wrong with its framing ends the connection, because where the
next request would begin is then a matter of opinion, and two opinions are how requests are smuggled past a proxy.

What llhttp lets pass and we do not: a transfer coding before `chunked`, `Transfer-Encoding` in HTTP/1.0, a missing or
second `Host`, `Upgrade` and `CONNECT`, a `POST` that does not say how long it is, other versions and protocols than
HTTP/1.0 and HTTP/1.1, and anything without a bound.
"""

import re

import httptools
import msgspec

HEAD_BYTES_MAX = 8_192
"""Request line and headers. curl sends some 200 bytes; most servers stop at 8 KB."""

HEADERS_MAX = 64
BODY_BYTES_MAX = 65_536
"""As a frame of the socket protocol: a `touch` with 1,000 calls fits."""

FRAMING_BYTES_MAX = HEAD_BYTES_MAX + 2 * BODY_BYTES_MAX
"""What one request may take on the wire in chunks: chunk extensions and chunks of one byte are nobody's habit."""


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One whole request. `path` is the target without query and without the scheme and host of a proxy's form.

    `keep_alive`: the peer may ask again on this connection. `old`: it speaks HTTP/1.0 and has to be told so.
    """

    method: bytes
    path: bytes
    authorization: bytes | None
    body: bytes
    keep_alive: bool
    old: bool


class HttpFault(msgspec.Struct, frozen=True, gc=False):
    """What cannot be read as a request: the HTTP status that says so. The connection ends with it."""

    status: int
    message: str


class Expected(msgspec.Struct, frozen=True, gc=False):
    """The peer waits for `100 Continue` before it sends its body."""


HttpEvent = HttpRequest | HttpFault | Expected

_EXPECTED = Expected()
_UNREADABLE = HttpFault(400, "this is no HTTP/1.1 request")
_TARGET_TOO_LONG = HttpFault(414, f"request line and headers may be {HEAD_BYTES_MAX} bytes long")
_HEAD_TOO_LARGE = HttpFault(431, f"request line and headers may be {HEAD_BYTES_MAX} bytes long")
_TOO_MANY_HEADERS = HttpFault(431, f"a request may have {HEADERS_MAX} headers")
_BODY_TOO_LARGE = HttpFault(413, f"a body may be {BODY_BYTES_MAX} bytes long")
_NO_LENGTH = HttpFault(411, "Content-Length or chunks, please: without them nobody knows where the body ends")
_BAD_HOST = HttpFault(400, "HTTP/1.1 wants one Host header")
_TWO_TOKENS = HttpFault(400, "one Authorization header, please")
_BAD_CODING = HttpFault(501, "the only transfer coding is chunked")
_OLD_CODING = HttpFault(400, "HTTP/1.0 knows no Transfer-Encoding")
_BODY_CODED = HttpFault(415, "the body has to come as it is, without Content-Encoding")
_BAD_EXPECTATION = HttpFault(417, "the only expectation that is met is 100-continue")
_NO_UPGRADE = HttpFault(400, "no Upgrade and no CONNECT: this is HTTP/1.1 and stays it")
_OTHER_VERSION = HttpFault(505, "HTTP/1.1, please, or HTTP/1.0")

_OLD, _NEW = "1.0", "1.1"

_OTHER_PROTOCOL = re.compile(rb" +RTSP/")
"""Behind a target. llhttp reads `POST /v1/start RTSP/1.0` as it reads HTTP, and tells nobody."""

_PERHAPS_BEHIND_TARGET = re.compile(rb" +(?:RTSP/|[RTSP]{0,4}\Z)|\Z")
"""Where that may stand in what is read, or may have begun at its end."""

_UNFINISHED = re.compile(rb" *[RTSP]{0,4}")

_ENDS = (b"}", b"\n", b"")

_METHOD_OF_ICE = b"SOURCE"
"""The only one with which llhttp reads `ICE/1.0`, and one that HTTP does not know."""


class _StopError(Exception):
    """Ends llhttp's reading from inside a callback; why stands in `_fault`."""


class HttpParser:
    """The requests of one connection. `feed` never raises; after a fault, or a request that ends the connection,
    `closed` is true and whatever else arrives is dropped.

    `partial` is 1 while a request is unfinished: some of its bytes lie in llhttp, where nobody counts them. The
    methods `on_…` are httptools' callbacks.
    """

    __slots__ = (
        "_authorization",
        "_behind_target",
        "_body",
        "_body_bytes",
        "_chunked",
        "_events",
        "_expects",
        "_fault",
        "_fed",
        "_head_bytes",
        "_headers",
        "_hosts",
        "_in_head",
        "_old",
        "_parser",
        "_sized",
        "_target",
        "closed",
        "partial",
    )

    _authorization: bytes | None
    _behind_target: bytes | None
    _body: list[bytes]
    _body_bytes: int
    _chunked: bool
    _expects: bool
    _fed: int
    _head_bytes: int
    _headers: int
    _hosts: int
    _in_head: bool
    _old: bool
    _sized: bool
    _target: bytes
    partial: int

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._events: list[HttpEvent] = []
        self._fault: HttpFault | None = None
        self._behind_target = None
        self.closed = False
        self.on_message_begin()
        self.partial = 0

    def feed(self, data: bytes) -> list[HttpEvent]:
        """What was said in full, in its order; a fault is always the last."""
        if self.closed:
            return []
        events: list[HttpEvent] = []
        self._events = events
        self._fed += len(data)
        try:
            # a read that ends a body or a line and names no other protocol; `in` takes twice the time of `find`
            if self._behind_target is None and data[-1:] in _ENDS and data.find(b" RTSP/") < 0:
                self._parser.feed_data(data)
            else:
                self._read(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, _StopError):
            if not self.closed:  # after `Connection: close` more bytes are an error to llhttp, and nothing to us
                self._end(self._fault or _UNREADABLE)
            return events
        if self.partial and self._fed > (HEAD_BYTES_MAX if self._in_head else FRAMING_BYTES_MAX):
            self._end(_HEAD_TOO_LARGE if self._in_head else _BODY_TOO_LARGE)
        elif self._expects:
            self._expects = False
            events.append(_EXPECTED)
        return events

    def close(self) -> None:
        """Read nothing more."""
        self.closed = True
        self.partial = 0
        self._body = []

    def _read(self, data: bytes) -> None:
        """To llhttp; byte by byte around what may be the end of a target and the name of another protocol.

        Only a byte of a target makes `_target` longer, so what a body or a header says is never taken for a request
        line.
        """
        feed = self._parser.feed_data
        if self._behind_target is not None:  # the read before ended at a target, or in the word behind it
            behind = self._behind_target + data
            other = _OTHER_PROTOCOL.match(behind)
            if other is not None:
                feed(data[: other.end() - len(self._behind_target)])  # what llhttp itself refuses there is its own
                raise self._stop(_OTHER_VERSION)
            if _UNFINISHED.fullmatch(behind):
                self._behind_target = behind
                feed(data)
                return
            self._behind_target = None
        fed = 0
        for found in _PERHAPS_BEHIND_TARGET.finditer(data):
            start = found.start()
            if start <= fed:
                continue
            feed(data[fed : start - 1])
            before = len(self._target)
            feed(data[start - 1 : start])
            fed = start
            if len(self._target) > before:
                if found[0].endswith(b"/"):
                    feed(found[0])
                    raise self._stop(_OTHER_VERSION)
                self._behind_target = found[0]
        feed(data[fed:] if fed else data)

    def _end(self, fault: HttpFault) -> None:
        self.close()
        self._events.append(fault)

    def _stop(self, fault: HttpFault) -> _StopError:
        self._fault = fault
        return _StopError()

    # --- what llhttp tells

    def on_message_begin(self) -> None:
        self._authorization = None
        self._target = b""
        self._body = []
        self._body_bytes = self._head_bytes = self._headers = self._hosts = 0
        # of the read in which a request begins nobody knows which bytes are its own: the callbacks count those
        self._fed = 0
        self._chunked = self._expects = self._old = self._sized = False
        self._in_head = True
        self.partial = 1

    def on_url(self, part: bytes) -> None:
        self._target += part
        self._head_bytes += len(part)
        if self._head_bytes > HEAD_BYTES_MAX:
            raise self._stop(_TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += 1
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX:
            raise self._stop(_HEAD_TOO_LARGE)
        if self._headers > HEADERS_MAX:
            raise self._stop(_TOO_MANY_HEADERS)
        if not self._in_head:  # a trailer: it says nothing that we want to hear
            return
        look = _HEADERS.get(name.lower())
        if look is not None:
            fault = look(self, value)
            if fault is not None:
                raise self._stop(fault)

    def on_headers_complete(self) -> None:
        parser = self._parser
        self._in_head = False
        version = parser.get_http_version()
        self._old = version == _OLD
        if version != _NEW and not self._old:
            raise self._stop(_OTHER_VERSION)
        if parser.should_upgrade():
            raise self._stop(_NO_UPGRADE)
        if self._hosts != 1 and not (self._old and not self._hosts):
            raise self._stop(_BAD_HOST)
        if self._old:
            self._expects = False  # RFC 9110 §10.1.1: not to be heeded
            if self._chunked:
                raise self._stop(_OLD_CODING)

    def on_body(self, part: bytes) -> None:
        self._expects = False
        self._body_bytes += len(part)
        if self._body_bytes > BODY_BYTES_MAX:
            raise self._stop(_BODY_TOO_LARGE)
        self._body.append(part)

    def on_message_complete(self) -> None:
        parser, body = self._parser, self._body
        method = parser.get_method()
        if method == _METHOD_OF_ICE:
            raise self._stop(_OTHER_VERSION)
        if method == b"POST" and not self._sized:
            raise self._stop(_NO_LENGTH)
        keep_alive = parser.should_keep_alive()
        whole = body[0] if len(body) == 1 else b"".join(body)
        self._events.append(
            HttpRequest(method, _path(self._target), self._authorization, whole, keep_alive, self._old)
        )
        self._expects = False
        self.partial = 0
        if not keep_alive:
            self.close()

    # --- headers that mean something here

    def _on_authorization(self, value: bytes) -> HttpFault | None:
        if self._authorization is not None:
            return _TWO_TOKENS
        self._authorization = value.strip()
        return None

    def _on_host(self, _value: bytes) -> HttpFault | None:
        self._hosts += 1
        return None

    def _on_content_length(self, value: bytes) -> HttpFault | None:
        self._sized = True  # llhttp has seen that it is one number
        return _BODY_TOO_LARGE if int(value) > BODY_BYTES_MAX else None

    def _on_transfer_encoding(self, value: bytes) -> HttpFault | None:
        self._sized = self._chunked = True
        return None if value.strip().lower() == b"chunked" else _BAD_CODING

    def _on_content_encoding(self, value: bytes) -> HttpFault | None:
        return None if value.strip().lower() in {b"", b"identity"} else _BODY_CODED

    def _on_expect(self, value: bytes) -> HttpFault | None:
        self._expects = value.strip().lower() == b"100-continue"
        return None if self._expects else _BAD_EXPECTATION


_HEADERS = {
    b"authorization": HttpParser._on_authorization,
    b"host": HttpParser._on_host,
    b"content-length": HttpParser._on_content_length,
    b"transfer-encoding": HttpParser._on_transfer_encoding,
    b"content-encoding": HttpParser._on_content_encoding,
    b"expect": HttpParser._on_expect,
}


def _path(target: bytes) -> bytes:
    """The path of a target in any of the forms of RFC 9112 §3.2; what has none stays as it is and is not found."""
    if target[:4].lower() == b"http":  # as a proxy is asked
        target = b"/" + b"/".join(target.split(b"/", 3)[3:])
    return target.partition(b"?")[0]
