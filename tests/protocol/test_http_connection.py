"""The HTTP door's codec as a dialogue: bytes, what they ask, and the bytes of the answer."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identd.decision import Refuse, Unavailable
from protocol import messages as m
from protocol.codec import Codec, Event, RequestError, Said, Token
from protocol.errors import ErrorCode
from protocol.http_connection import ASKED, STATUSES, HttpConnection, token_of
from protocol.reason import Reason

DOCUMENT = b'{"openapi":"3.1.0"}\n'
GW1 = "Authorization: Bearer gw1:s3cret"
BUSY = Refuse(generation=3, reason=Reason.CAPACITY_ACCOUNT, sip_code=503, q850=42)
NOT_READY = Unavailable(generation=0, reason=Reason.NOT_READY, sip_code=500, q850=41)
RELEASED = m.CallAnswer(id=0, op="release", result="released", calls=2, seconds=61.2)


def said(
    path: str, body: bytes | dict[str, Any] | None = None, *headers: str, method: str = "", old: bool = False
) -> bytes:
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    length = () if body is None else (f"Content-Length: {len(body)}",)
    first = f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.{0 if old else 1}"
    return "\r\n".join((first, "Host: identd", *headers, *length, "", "")).encode() + (body or b"")


def heard(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer; every answer says its length, and nothing follows it."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert headers["content-type"] == "application/json"
    assert len(body) in {int(headers["content-length"]), 0}
    return int(first.split()[1]), headers, body


def asked(data: bytes) -> tuple[HttpConnection, list[Event]]:
    connection = HttpConnection(DOCUMENT)
    return connection, connection.receive_data(data, now=0.0)


def asked_as_gw1(data: bytes) -> tuple[HttpConnection, Event]:
    connection, [token, event] = asked(data)
    assert isinstance(token, Token)
    return connection, event


def test_call_is_asked_for_and_granted() -> None:
    body = {"id": 7, "call_id": "a@b", "ip": "192.0.2.1", "dnis": "4420"}
    connection, events = asked(said("/v1/authorize", body, GW1))
    assert events == [Token("gw1", "s3cret"), m.Authorize(id=7, call_id="a@b", ip="192.0.2.1", dnis="4420")]
    answer = m.DecisionAnswer(id=7, op="authorize", decision="grant", account_id=176, generation=2)
    assert connection.send(answer) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 77\r\n\r\n"
        b'{"id":7,"op":"authorize","decision":"grant","account_id":176,"generation":2}\n'
    )
    assert not connection.finished


@pytest.mark.parametrize(
    ("path", "body", "request_"),
    [
        ("identify", {"ani": "44", "dnis": "1"}, m.Identify(id=0, ani="44", dnis="1")),
        ("authorize", {"call_id": "c", "ip": "::1", "dnis": "1"}, m.Authorize(id=0, call_id="c", ip="::1", dnis="1")),
        ("start", {"call_id": "c", "leg": "b"}, m.Start(id=0, call_id="c", leg="b")),
        ("release", {"call_id": "c", "op": "release"}, m.Release(id=0, call_id="c")),
        ("touch", {"calls": [["c", ""]]}, m.Touch(id=0, calls=(m.CallName("c"),))),
        ("sync", {"phase": "begin"}, m.Sync(id=0, phase="begin")),
    ],
)
def test_each_path_is_a_request_of_the_socket_protocol(path: str, body: dict[str, Any], request_: m.Request) -> None:
    assert asked_as_gw1(said(f"/v1/{path}", body, GW1))[1] == request_
    assert set(ASKED) == {"identify", "authorize", "start", "release", "touch", "sync"}


def test_asterisk_and_curl_post_json_as_a_form() -> None:
    data = said("/v1/start", b'{"call_id":"c"}', GW1, "Content-Type: application/x-www-form-urlencoded")
    assert asked_as_gw1(data)[1] == m.Start(id=0, call_id="c")


def test_token_is_said_once_and_whenever_it_changes() -> None:
    start = {"call_id": "c"}
    other = "Authorization: Bearer gw2:s"
    data = b"".join(said("/v1/start", start, *headers) for headers in ([GW1], [GW1], [other], [], [], [GW1]))
    assert [event for event in asked(data)[1] if isinstance(event, Token)] == [
        Token("gw1", "s3cret"), Token("gw2", "s"), Token(None, None), Token("gw1", "s3cret"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (b"Bearer gw1:s", Token("gw1", "s")),
        (b"bearer   gw1:s", Token("gw1", "s")),
        (b"Bearer berlin:west:s", Token("berlin:west", "s")),
        (b"Bearer gw1:", Token("gw1", "")),
        ("Bearer Zürich:s".encode(), Token("Zürich", "s")),
        (b"Bearer gw1", Token(None, None)),
        (b"Bearer \xff:s", Token(None, None)),
        (b"Basic Z3cxOnM=", Token("gw1", "s")),
        (b"basic  YmVybGluOndlc3Q6cw==", Token("berlin:west", "s")),
        (b"Basic Z3cxOnM", Token(None, None)),
        (b"Basic gw1:s", Token(None, None)),
        (b"Basic /////w==", Token(None, None)),
        (b"Digest gw1:s", Token(None, None)),
        (b"Bearer", Token(None, None)),
        (b"", Token(None, None)),
        (None, Token(None, None)),
    ],
)
def test_token_is_a_gateway_and_its_secret(authorization: bytes | None, token: Token) -> None:
    assert token_of(authorization) == token


def test_refused_call_is_an_answer_and_one_that_nobody_judged_sends_the_client_on() -> None:
    data = said("/v1/authorize", {"call_id": "c", "ip": "192.0.2.1", "dnis": "4420"}, GW1)
    connection, _ = asked(data * 2)
    status, headers, body = heard(connection.send_decision(0, "authorize", False, BUSY))
    assert (status, json.loads(body)["reason"]) == (200, "capacity_account")
    status, headers, body = heard(connection.send_decision(0, "authorize", False, NOT_READY))
    assert (status, headers["retry-after"], json.loads(body)["reason"]) == (503, "1", "not_ready")
    assert not connection.finished


def test_explained_answer_has_the_same_status() -> None:
    connection, _ = asked(said("/v1/identify", {"ani": "4", "dnis": "1", "explain": True}, GW1))
    answer = m.DecisionAnswer(id=0, op="identify", decision="unavailable", reason="not_ready", generation=0)
    assert heard(connection.send(answer))[0] == 503


def test_answers_go_out_in_the_order_of_the_requests() -> None:
    data = (
        said("/v1/release", {"call_id": "c", "id": 1}, GW1)
        + said("/v1/nothing", {}, GW1)
        + said("/v1/status", None, GW1)
    )
    connection, [_, release, wrong, status] = asked(data)
    assert release == m.Release(id=1, call_id="c")
    assert isinstance(wrong, RequestError)
    assert status == m.Status(id=0)
    answers = [
        heard(connection.send(answer))[0] for answer in (RELEASED, wrong.answer(), m.PongAnswer(id=0, op="pong"))
    ]
    assert answers == [200, 404, 200]


@pytest.mark.parametrize(
    ("data", "status", "headers"),
    [
        (said("/v1/authorise", {}, GW1), 404, {}),
        (said("/", None, GW1), 404, {}),
        (said("/v1/start/", {"call_id": "c"}, GW1), 404, {}),
        (said("/v1/start", None, GW1), 405, {"allow": "POST"}),
        (said("/v1/start", {}, GW1, method="PUT"), 405, {"allow": "POST"}),
        (said("/v1/start", None, GW1, method="TRACE"), 405, {"allow": "POST"}),
        (said("/v1/status", {}, GW1), 405, {"allow": "GET, HEAD"}),
        (said("/v1/openapi.json", None, GW1, method="OPTIONS"), 405, {"allow": "GET, HEAD"}),
    ],
)
def test_path_or_method_that_is_none_costs_only_itself(data: bytes, status: int, headers: dict[str, str]) -> None:
    connection, error = asked_as_gw1(data)
    assert isinstance(error, RequestError)
    assert not error.fatal
    found = heard(connection.send(error.answer()))
    assert (found[0], {name: found[1].get(name) for name in headers}) == (status, headers)
    assert json.loads(found[2])["code"] == "bad_request"
    assert not connection.finished


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"call_id":""}', ErrorCode.BAD_REQUEST, "call_id"),
        (b"{}", ErrorCode.BAD_REQUEST, "call_id"),
        (b"  { } ", ErrorCode.BAD_REQUEST, "call_id"),
        (b'{"call_id":"c","colour":1}', ErrorCode.BAD_REQUEST, "colour"),
        (b'{"call_id":"c","op":"release"}', ErrorCode.BAD_REQUEST, "op"),
        (b'{"call_id":"c","id":-1}', ErrorCode.BAD_REQUEST, "id"),
        (b'{"call_id":"c","id":18446744073709551616}', ErrorCode.BAD_REQUEST, "id"),
        (b'{"call_id":"c","id":null}', ErrorCode.BAD_REQUEST, "id"),
        (b'{"call_id":"' + "é".encode() * 128 + b'"}', ErrorCode.BAD_REQUEST, "call_id"),
        (b"", ErrorCode.BAD_FRAME, None),
        (b"call_id=c", ErrorCode.BAD_FRAME, None),
        (b'["c"]', ErrorCode.BAD_FRAME, None),
        (b'{"call_id":"c"', ErrorCode.BAD_FRAME, None),
        (b'{"call_id":"c"}{}', ErrorCode.BAD_FRAME, None),
        (b'{}{"call_id":"c"}', ErrorCode.BAD_FRAME, None),
        (b'{,"call_id":"c"}', ErrorCode.BAD_FRAME, None),
        (b"{", ErrorCode.BAD_FRAME, None),
        (b'{"call_id":"\xff"}', ErrorCode.BAD_FRAME, None),
        (b"\xef\xbb\xbf{}", ErrorCode.BAD_FRAME, None),
        (b"\x0c{}", ErrorCode.BAD_FRAME, None),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", ErrorCode.BAD_FRAME, None),
    ],
)
def test_body_that_is_no_request_is_told_and_the_connection_stays(
    body: bytes, code: ErrorCode, field: str | None
) -> None:
    connection, error = asked_as_gw1(said("/v1/start", body, GW1))
    assert isinstance(error, RequestError)
    assert (error.code, error.field, error.fatal) == (code, field, False)
    assert heard(connection.send(error.answer()))[0] == 400
    assert not connection.finished
    assert connection.receive_data(said("/v1/start", {"call_id": "c"}, GW1), 0.0) == [m.Start(id=0, call_id="c")]


def test_of_a_key_that_is_given_twice_the_last_counts_also_of_id() -> None:
    assert asked_as_gw1(said("/v1/start", b'{"id":1,"call_id":"a","call_id":"b","id":2}', GW1))[1] == m.Start(
        id=2, call_id="b"
    )


def test_message_names_the_place_in_the_body_as_it_was_sent() -> None:
    _, error = asked_as_gw1(said("/v1/start", b'{"call_id":,}', GW1))
    assert isinstance(error, RequestError)
    assert "(byte 11)" in error.message


def test_tenth_mistake_closes_nothing() -> None:
    connection, [_, *errors] = asked(said("/v1/start", {}, GW1) * 10)
    assert [isinstance(error, RequestError) and error.fatal for error in errors] == [False] * 10
    assert not connection.count_bad_request(0.0)


ERRORS = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_FRAME: 400,
    ErrorCode.FRAME_TOO_LARGE: 413,
    ErrorCode.HELLO_REQUIRED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.STALE_BOOT: 409,
    ErrorCode.CALL_ID_CONFLICT: 409,
    ErrorCode.NOT_OWNER: 409,
    ErrorCode.INTERNAL: 503,
}


@pytest.mark.parametrize("code", ErrorCode)
def test_each_error_code_has_its_status(code: ErrorCode) -> None:
    connection, _ = asked_as_gw1(said("/v1/start", {"call_id": "c"}, GW1))
    status, headers, _ = heard(connection.send(m.ErrorAnswer(id=0, op="error", code=code, message="")))
    assert status == ERRORS[code] == STATUSES[code]
    assert ("www-authenticate" in headers) == (status == 401)
    assert ("retry-after" in headers) == (status == 503)


def test_who_has_no_good_token_is_told_how_and_is_not_heard_again() -> None:
    connection, _ = asked(said("/v1/start", {"call_id": "c"}))
    refused = m.ErrorAnswer(id=0, op="error", code="hello_required", field="authorization", message="")
    status, headers, _ = heard(connection.send(refused))
    assert (status, headers["connection"]) == (401, "close")
    assert headers["www-authenticate"] == 'Bearer realm="identd", Basic realm="identd"'
    assert connection.finished
    assert connection.receive_data(said("/v1/start", {"call_id": "c"}, GW1), 0.0) == []


@pytest.mark.parametrize("data", [said("/v2/start", {}), said("/v1/start", {}, method="PUT")])
def test_stranger_is_not_told_whether_there_is_such_a_path(data: bytes) -> None:
    connection, [_, error] = asked(data)
    assert isinstance(error, RequestError)
    refused = m.ErrorAnswer(id=None, op="error", code="hello_required", field="authorization", message="")
    status, headers, _ = heard(connection.send(refused))
    assert (status, headers["connection"], headers.get("allow")) == (401, "close", None)
    assert connection.finished


def test_client_that_wants_to_go_is_answered_and_let_go() -> None:
    connection, event = asked_as_gw1(said("/v1/release", {"call_id": "c"}, GW1, "Connection: close"))
    assert event == m.Release(id=0, call_id="c")
    assert not connection.finished, "not before it is answered"
    status, headers, _ = heard(connection.send(RELEASED))
    assert (status, headers["connection"], connection.finished) == (200, "close", True)


def test_old_client_is_told_that_the_connection_stays() -> None:
    connection, _ = asked_as_gw1(said("/v1/release", {"call_id": "c"}, GW1, "Connection: keep-alive", old=True))
    assert heard(connection.send(RELEASED))[1]["connection"] == "keep-alive"
    assert not connection.finished
    connection, _ = asked_as_gw1(said("/v1/release", {"call_id": "c"}, GW1, old=True))
    assert heard(connection.send(RELEASED))[1]["connection"] == "close"
    assert connection.finished


def test_what_cannot_be_read_is_answered_last() -> None:
    connection, [_, start, fault] = asked(said("/v1/start", {"call_id": "c"}, GW1) + b"\0" + said("/v1/status"))
    assert start == m.Start(id=0, call_id="c")
    assert isinstance(fault, RequestError)
    assert (fault.code, fault.fatal, connection.partial) == (ErrorCode.BAD_FRAME, True, 0)
    assert heard(connection.send(RELEASED))[0] == 200
    assert not connection.finished
    status, headers, body = heard(connection.send(fault.answer()))
    assert (status, headers["connection"], json.loads(body)["id"]) == (400, "close", None)
    assert connection.finished


def test_body_beyond_the_bound_is_told_before_it_is_sent() -> None:
    connection, [fault] = asked(said("/v1/touch", b"x" * 70_000, GW1)[:300])
    assert isinstance(fault, RequestError)
    assert fault.code is ErrorCode.FRAME_TOO_LARGE
    assert heard(connection.send(fault.answer()))[0] == 413


def test_document_is_for_everybody_keeps_its_place_and_is_given_once() -> None:
    document = said("/v1/openapi.json", None, GW1)
    connection, events = asked(said("/v1/start", {"call_id": "c"}, GW1) + document * 3)
    [_, start, given] = events
    assert isinstance(start, m.Start)
    assert isinstance(given, Said)
    assert heard(connection.send(RELEASED))[0] == 200
    status, headers, body = heard(given.data)
    assert (status, headers["connection"], body, given.last) == (200, "close", DOCUMENT, True)
    assert connection.receive_data(document, 0.0) == [], "who asks in vain a thousand times a read gets one of 18 KB"


def test_head_gets_the_head() -> None:
    connection, [_, document, status] = asked(
        said("/v1/openapi.json", method="HEAD") + said("/v1/status", method="HEAD")
    )
    assert isinstance(document, Said)
    assert heard(document.data)[1:] == (
        {"content-type": "application/json", "content-length": str(len(DOCUMENT))}, b"",
    )  # fmt: skip
    assert status == m.Status(id=0)
    assert heard(connection.send(m.PongAnswer(id=0, op="pong")))[2] == b""


def test_word_that_curl_waits_for_comes_after_the_answers_before() -> None:
    long = said("/v1/release", {"call_id": "c"}, GW1, "Expect: 100-continue")
    connection, [_, start, go_on] = asked(said("/v1/start", {"call_id": "c"}, GW1) + long[:-17])
    assert isinstance(start, m.Start)
    assert go_on == Said(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert connection.partial
    assert connection.receive_data(long[-17:], 0.0) == [m.Release(id=0, call_id="c")]


def test_last_words_of_a_session_that_broke() -> None:
    broke = m.ErrorAnswer(id=None, op="error", code="internal", message="")
    for data in (b"", b"P", said("/v1/start", {"call_id": "c"}, GW1) * 2):
        connection, _ = asked(data)
        status, headers, _ = heard(connection.send(broke))
        assert (status, headers["connection"], connection.finished) == (500, "close", True)


def test_touch_of_more_unknown_calls_than_fit_is_cut_to_what_a_frame_holds() -> None:
    connection, _ = asked_as_gw1(said("/v1/touch", {"calls": []}, GW1))
    unknown = tuple(m.CallName("x" * 200 + str(n)) for n in range(1000))
    _, _, body = heard(connection.send(m.TouchAnswer(id=0, op="touch", result="touched", unknown=unknown)))
    assert 60_000 < len(body) <= 65_537
    assert json.loads(body)["unknown"][0] == ["x" * 200 + "0", ""]


def test_encoding_is_known_from_the_first_byte() -> None:
    connection: Codec = HttpConnection(DOCUMENT)
    assert connection.receive_data(b"", 0.0) == []
    assert connection.encoding is None
    connection.receive_data(b"G", 0.0)
    assert connection.encoding == "json"
    assert connection.partial


PIECES = st.sampled_from(
    [
        said("/v1/start", {"call_id": "c"}, GW1), said("/v1/openapi.json"), said("/v1/start", {}, method="PUT"),
        said("/v1/touch", b"{", "Connection: close"), said("/", None, old=True), b"\r\n", b"{", b"\0",
        b"POST /v1/touch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n",
        said("/v1/release", {"call_id": "c"}, "Expect: 100-continue", "Connection: keep-alive", old=True),
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PIECES | st.binary(max_size=30), max_size=4), max_size=4))
def test_whatever_arrives_each_request_gets_one_answer_and_nothing_follows_the_last(reads: list[list[bytes]]) -> None:
    connection, out, owed = HttpConnection(DOCUMENT), b"", 0
    for read in reads:
        for event in connection.receive_data(b"".join(read), 0.0):
            last = False
            if isinstance(event, Said):
                out += event.data
                owed += not event.data.startswith(b"HTTP/1.1 100")
                last = event.last
            elif not isinstance(event, Token):
                owed += 1
                out += connection.send(event.answer() if isinstance(event, RequestError) else RELEASED)
            if connection.finished or last:
                assert connection.receive_data(said("/v1/status"), 0.0) == []
                break
    answers = re.findall(rb"HTTP/1\.1 (\d+) [^\r]+\r\n((?:[A-Z][^\r]+\r\n)*)\r\n", out)
    assert len([status for status, _ in answers if status != b"100"]) == owed
    assert all(b"Connection: close" not in headers for _, headers in answers[:-1])
    for body in re.findall(rb"\r\n\r\n(\{.*\})\n", out):
        msgspec.json.decode(body)
