"""What comes in as bytes and what request it is; what may not pass, whole and byte by byte."""

import gc
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.http_parsing import (
    BODY_BYTES_MAX,
    FRAMING_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    Expected,
    HttpEvent,
    HttpFault,
    HttpParser,
    HttpRequest,
)

POST = b"POST /v1/start HTTP/1.1\r\nHost: gw.example\r\n"
GET = b"GET /v1/status HTTP/1.1\r\nHost: gw.example\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def posted(body: bytes, *headers: bytes) -> bytes:
    return POST + b"".join(line + b"\r\n" for line in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def request(body: bytes = b"", **changes: object) -> HttpRequest:
    plain = HttpRequest(b"POST", b"/v1/start", None, body, keep_alive=True, old=False)
    return msgspec.structs.replace(plain, **changes)


def byte_by_byte(data: bytes) -> list[HttpEvent]:
    parser = HttpParser()
    return [event for at in range(len(data)) for event in parser.feed(data[at : at + 1])]


WHOLE: dict[str, tuple[bytes, list[HttpRequest]]] = {
    "a body with its length": (posted(b"{}"), [request(b"{}")]),
    "two in a row": (posted(b"{}") + posted(b"[]"), [request(b"{}"), request(b"[]")]),
    "an empty body": (posted(b""), [request()]),
    "chunks, an extension and a trailer": (
        CHUNKED + b'2;x=y\r\n{"\r\n1\r\n}\r\n0\r\nAuthorization: Bearer a:b\r\n\r\n',
        [request(b'{"}')],
    ),
    "empty lines before": (b"\r\n\r\n" + GET, [request(method=b"GET", path=b"/v1/status")]),
    "a token": (posted(b"{}", b"AUTHORIZATION:  Bearer gw1:s "), [request(b"{}", authorization=b"Bearer gw1:s")]),
    "a query": (GET.replace(b"status", b"status?a=/b"), [request(method=b"GET", path=b"/v1/status")]),
    "as a proxy is asked": (
        GET.replace(b"/v1/status", b"HTTP://gw.example:80/v1/status?a"),
        [request(method=b"GET", path=b"/v1/status")],
    ),
    "a host without a path": (GET.replace(b"/v1/status", b"http://gw.example"), [request(method=b"GET", path=b"/")]),
    "the last one": (posted(b"{}", b"Connection: close"), [request(b"{}", keep_alive=False)]),
    "other protocols in a query, a header and a body": (
        posted(b'"\n/ RTSP/1.0 ICE/ RT"', b"X: /v1/start RTSP/1.0", b"Y: / ICE/").replace(
            b"start", b"start?RTSP/1.0"
        ),
        [request(b'"\n/ RTSP/1.0 ICE/ RT"')],
    ),
    "HTTP/1.0": (
        b"POST /v1/start HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        [request(b"{}", keep_alive=False, old=True)],
    ),
    "HTTP/1.0 that stays": (
        b"POST /v1/start HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
        [request(b"{}", old=True)],
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_request_is_read_however_it_is_cut(name: str) -> None:
    data, expected = WHOLE[name]
    parser = HttpParser()
    assert parser.feed(b"") == []
    assert parser.feed(data) == expected
    assert parser.partial == 0
    assert byte_by_byte(data) == expected
    for at in range(1, len(data)):
        parser = HttpParser()
        assert parser.feed(data[:at]) + parser.feed(data[at:]) == expected


REFUSED: dict[str, tuple[int, bytes]] = {
    "lines that end with LF alone": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "another language": (400, b"INVITE sip:a@b SIP/2.0\r\n\r\n"),
    "TLS": (400, bytes.fromhex("16030100a5010000a1")),
    "JSON lines": (400, b'{"op":"ping","id":1}\n'),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/1.2": (400, GET.replace(b"1.1", b"1.2")),
    "HTTP/2.0 in words": (505, GET.replace(b"1.1", b"2.0")),
    "HTTP/0.9": (505, posted(b"{}").replace(b"1.1", b"0.9")),
    "no version": (505, posted(b"{}").replace(b" HTTP/1.1", b"")),
    "RTSP": (505, posted(b"{}").replace(b"HTTP/1.1", b"RTSP/1.0")),
    "RTSP behind blanks": (505, GET.replace(b" HTTP/1.1", b"   RTSP/1.1")),
    "RTSP with a method of its own": (505, b"PLAY /v1/start RTSP/1.0\r\nHost: a\r\n\r\n"),
    "ICE with a method of HTTP": (400, b"POST /v1/start ICE/1.0\r\n\r\n"),
    "ICE": (505, b"SOURCE /v1/start ICE/1.0\r\nHost: a\r\n\r\n"),
    "a header that goes on in the next line": (400, POST + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    "a blank before the colon": (400, POST + b"Content-Length : 2\r\n\r\n{}"),
    "NUL in a header": (400, POST + b"X: a\0\r\n\r\n"),
    "a length and chunks": (400, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunks and a length": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "two lengths": (400, POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    "two lengths in one": (400, POST + b"Content-Length: 2, 2\r\n\r\n{}"),
    "a length with a sign": (400, POST + b"Content-Length: +2\r\n\r\n{}"),
    "a length of nothing": (400, POST + b"Content-Length:\r\n\r\n{}"),
    "chunks of HTTP/1.0": (400, CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n"),
    "a chunk size that is none": (400, CHUNKED + b"zz\r\n"),
    "a chunk size beyond all": (400, CHUNKED + b"f" * 17 + b"\r\n"),
    "packed chunks": (501, CHUNKED.replace(b"chunked", b"gzip, chunked") + b"0\r\n\r\n"),
    "a coding in disguise": (501, CHUNKED.replace(b"chunked", b"xchunked") + b"0\r\n\r\n"),
    "no host": (400, b"GET /v1/status HTTP/1.1\r\n\r\n"),
    "two hosts": (400, POST + b"Host: b\r\nContent-Length: 2\r\n\r\n{}"),
    "two tokens": (400, posted(b"{}", b"Authorization: Bearer a:b", b"Authorization: Bearer c:d")),
    "no length": (411, POST + b"\r\n"),
    "a packed body": (415, posted(b"{}", b"Content-Encoding: gzip")),
    "an expectation": (417, posted(b"{}", b"Expect: a-miracle")),
    "an upgrade": (400, posted(b"{}", b"Connection: Upgrade", b"Upgrade: h2c")),
    "a tunnel": (400, b"CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example\r\n\r\n"),
    "a long target": (414, b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\n"),
    "a long head": (431, POST + b"X: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n"),
    "many headers": (431, POST + b"X: a\r\n" * HEADERS_MAX + b"\r\n"),
    "a long body": (413, POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1)),
    "a long body in chunks": (413, CHUNKED + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 2 + b"1\r\na\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_not_pass_ends_the_connection(name: str) -> None:
    status, data = REFUSED[name]
    parser = HttpParser()
    *before, fault = parser.feed(GET + data + GET)
    assert before == [request(method=b"GET", path=b"/v1/status")]
    assert isinstance(fault, HttpFault)
    assert fault.status == status, fault
    assert parser.closed
    assert parser.partial == 0
    assert parser.feed(GET) == []


@pytest.mark.parametrize("name", [name for name in REFUSED if len(REFUSED[name][1]) < 1000])
def test_it_is_the_same_byte_by_byte(name: str) -> None:
    status, data = REFUSED[name]
    *before, fault = byte_by_byte(GET + data + GET)
    assert before == [request(method=b"GET", path=b"/v1/status")]
    assert isinstance(fault, HttpFault)
    assert fault.status == status


def test_what_is_said_after_the_last_request_is_not_heard() -> None:
    parser = HttpParser()
    [last] = parser.feed(posted(b"{}", b"Connection: close") + b"\0 no HTTP")
    assert last == request(b"{}", keep_alive=False)
    assert parser.closed
    assert parser.feed(GET) == []


def test_curl_waits_for_a_word_before_it_sends_a_long_body() -> None:
    head, body = posted(b"{}", b"Expect: 100-Continue")[:-2], b"{}"
    parser = HttpParser()
    assert parser.feed(head) == [Expected()]
    assert parser.partial == 1
    assert parser.feed(b"{") == []
    assert parser.feed(b"}") == [request(b"{}")]
    assert HttpParser().feed(head + body) == [request(body)], "it has not waited, so nothing need be said"
    assert HttpParser().feed(head + body[:1]) == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (POST + b"X: ", 431),  # a header that never ends: llhttp says nothing of it
        (b"GET /", 414),
        (CHUNKED + b"1;", 413),  # a chunk extension that never ends
    ],
)
def test_nothing_is_held_without_a_bound(data: bytes, status: int) -> None:
    parser = HttpParser()
    assert parser.feed(data) == []
    fed = 0
    while not (events := parser.feed(b"a" * 1000)):
        assert parser.partial == 1
        fed += 1000
        assert fed <= FRAMING_BYTES_MAX
    [fault] = events
    assert isinstance(fault, HttpFault)
    assert fault.status == status


def test_thousand_calls_fit_into_one_body() -> None:
    body = b"x" * BODY_BYTES_MAX
    assert HttpParser().feed(posted(body)) == [request(body)]
    assert HttpParser().feed(CHUNKED + b"10000\r\n" + body + b"\r\n0\r\n\r\n") == [request(body)]


def test_connection_that_is_over_leaves_nothing_behind() -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(each, HttpParser) for each in gc.get_objects())

    before = alive()
    parsers = [HttpParser() for _ in range(3)]
    for parser in parsers:
        parser.feed(POST)
    assert alive() == before + 3
    del parser, parsers
    assert alive() == before, "it and llhttp's callbacks hold each other, which the collector can see"


PIECES = st.sampled_from(
    [data for _, data in REFUSED.values() if len(data) < 500]
    + [data for data, _ in WHOLE.values()]
    + [b"\r\n", b"\r", b"\n", b" ", b":", b"\0", b"0\r\n\r\n", b"HTTP/1.1", b"Host: a\r\n"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=6), st.lists(st.integers(0, 400), max_size=4))
def test_whatever_is_said_it_is_read_the_same_in_one_piece_and_in_several(
    pieces: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(pieces)
    whole = HttpParser()
    events = whole.feed(data)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parser = HttpParser()
    cut = [event for start, end in itertools.pairwise(places) for event in parser.feed(data[start:end])]
    assert [event for event in cut if not isinstance(event, Expected)] == [
        event for event in events if not isinstance(event, Expected)
    ]
    assert (parser.closed, parser.partial) == (whole.closed, whole.partial)
