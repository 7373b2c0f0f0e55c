"""Dialogues with a Kamailio: what its evapi module sends, and what it reads."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.codec import RequestError
from protocol.connection import ServerConnection
from protocol.errors import ErrorCode
from protocol.evapi import ANSWER_BYTES_MAX, TRANSACTION_NUMBER_MAX, EvapiConnection
from protocol.netstring import NetstringSplitter, netstring

PING = {"op": "ping"}
AUTHORIZE = {"op": "authorize", "call_id": "c", "leg": "1.2", "ip": "10.0.0.1", "dnis": "4420"}
PONG = m.PongAnswer(id=0, op="pong")


def said(**envelope: Any) -> bytes:
    return netstring(json.dumps(envelope).encode())


def read(data: bytes) -> list[dict[str, Any]]:
    """What Kamailio makes of it: white space before a netstring is skipped (evapi_dispatch.c)."""
    split = NetstringSplitter()
    answers = [json.loads(content) for content in split.split(data.lstrip())]
    assert (split.partial, split.fault) == (0, None)
    return answers


class Body(msgspec.Struct, frozen=True):
    """A decision, as flat as those of identd."""

    decision: str = "grant"
    account: str = "rose"


# --- transactions


@pytest.mark.parametrize("number", [0, 1, 4711, TRANSACTION_NUMBER_MAX])
@pytest.mark.parametrize("kind", [int, str])
def test_transaction_ids_go_back_as_integers_whatever_they_came_as(number: int, kind: type) -> None:
    evapi = EvapiConnection()
    (request,) = evapi.receive_data(said(tindex=kind(number), tlabel=kind(7), request=AUTHORIZE), 0.0)
    assert request == m.Authorize(id=0, call_id="c", leg="1.2", ip="10.0.0.1", dnis="4420")
    answer = {"id": 0, "op": "authorize", "decision": "grant", "account": "rose"}
    assert read(evapi.send_decision(0, "authorize", False, Body())) == [
        {"tindex": number, "tlabel": 7, "answer": answer}
    ]


@pytest.mark.parametrize(
    "ids",
    [
        {"tindex": 1},
        {"tlabel": 1},
        {"tindex": -1, "tlabel": 1},
        {"tindex": 1, "tlabel": TRANSACTION_NUMBER_MAX + 1},
        {"tindex": "9999999999", "tlabel": "1"},
        {"tindex": "99999999999999999999", "tlabel": "1"},
        {"tindex": "", "tlabel": ""},
        {"tindex": " 1", "tlabel": "1"},
        {"tindex": "1\n", "tlabel": "1"},
        {"tindex": "\u0661", "tlabel": "1"},
        {"tindex": 1.5, "tlabel": 1},
        {"tindex": True, "tlabel": True},
        {"tindex": [1], "tlabel": 1},
    ],
)
def test_what_names_no_transaction_is_refused_and_no_transaction_is_answered(ids: dict[str, Any]) -> None:
    evapi = EvapiConnection()
    (error,) = evapi.receive_data(said(**ids, request=PING), 0.0)
    assert isinstance(error, RequestError)
    assert (error.code, error.fatal) == (ErrorCode.BAD_REQUEST, False)
    assert [set(answer) for answer in read(evapi.send(error.answer()))] == [{"answer"}]


def test_a_message_without_a_transaction_is_answered_without_one() -> None:
    evapi = EvapiConnection()
    assert evapi.receive_data(said(request=PING), 0.0) == [m.Ping(id=0)]
    assert read(evapi.send(PONG)) == [{"answer": {"id": 0, "op": "pong"}}]


def test_answers_find_their_transactions_in_the_order_of_the_requests() -> None:
    evapi = EvapiConnection()
    data = (
        said(tindex=1, tlabel=10, request=AUTHORIZE)
        + said(tindex=2, tlabel=20, request={"op": "nonsense"})
        + said(answer=False, request={"op": "release", "call_id": "c"})
        + said(tindex=3, tlabel=30, request={**PING, "id": 9})
    )
    first, second, third, fourth = evapi.receive_data(data, 0.0)
    assert isinstance(second, RequestError)
    assert isinstance(third, m.Release)
    assert fourth == m.Ping(id=9)
    sent = evapi.send_decision(0, "authorize", True, Body())
    sent += evapi.send(second.answer())
    release = evapi.send(m.CallAnswer(id=0, op="release", result="released"))
    sent += evapi.send(m.PongAnswer(id=9, op="pong"))
    assert [(answer["tindex"], answer["answer"]["op"]) for answer in read(sent)] == [
        (1, "authorize"),
        (2, "error"),
        (3, "pong"),
    ]
    assert first == m.Authorize(id=0, call_id="c", leg="1.2", ip="10.0.0.1", dnis="4420")
    assert release.isspace()


# --- requests are those of the socket protocol


@pytest.mark.parametrize(
    "request_",
    [
        AUTHORIZE,
        {**AUTHORIZE, "id": 17},
        {**AUTHORIZE, "id": 2**64 - 1},
        {"op": "identify", "dnis": "1", "ani": "44", "explain": True},
        {"op": "start", "call_id": "c", "leg": "l"},
        {"op": "touch", "calls": [["a", ""], ["b", "x"]]},
        {"op": "sync", "phase": "chunk", "calls": [["a", "1.2", 7]]},
        {"op": "ping", "id": 1},
    ],
)
def test_a_request_is_read_as_on_the_socket_and_its_id_may_be_left_out(request_: dict[str, Any]) -> None:
    line = json.dumps({"id": 0, **request_}).encode() + b"\n"
    spaced = netstring(b'\t{ "request" : ' + json.dumps(request_, indent=2).encode() + b" }\n")
    assert EvapiConnection().receive_data(said(request=request_), 0.0) == ServerConnection().receive_data(line, 0.0)
    assert EvapiConnection().receive_data(spaced, 0.0) == ServerConnection().receive_data(line, 0.0)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"null", None),
        (b"\xff\xfe", None),
        (b'{"request":{"op":"ping"}} x', None),
        (b'{"request":{"op":"ping"},"request_id":1}', None),
        (b"{}", None),
        (b'{"request":null}', None),
        (b'{"request":[]}', None),
        (b'{"request":{}}', "op"),
        (b'{"request":{ }}', "op"),
        (b'{"request":{"op":"ping"}', None),
        (b'{"request":{"op":"ping"},"answer":1}', None),
        (b'{"request":' + b"[" * 5_000 + b"]" * 5_000 + b"}", None),
        (b'{"request":{"op":"ping","id":18446744073709551616}}', "id"),
        (b'{"request":{"op":"ping","id":-1}}', "id"),
        (b'{"request":{"op":"start"}}', "call_id"),
        (b'{"request":{"op":"start","call_id":"c","why":1}}', "why"),
        (b'{"request":{"op":"start","call_id":"' + b"x" * 256 + b'"}}', "call_id"),
        (b'{"request":{"op":"start","call_id":"' + "ä".encode() * 200 + b'"}}', "call_id"),
        (b'{"request":{"op":"start","call_id":"\xff"}}', None),
    ],
)
def test_what_is_no_request_costs_only_itself(message: bytes, field: str | None) -> None:
    evapi = EvapiConnection()
    error, after = evapi.receive_data(netstring(message) + said(request=PING), 0.0)
    assert isinstance(error, RequestError)
    assert (error.code, error.fatal, error.field) == (ErrorCode.BAD_REQUEST, False, field)
    assert after == m.Ping(id=0)
    assert not evapi.closed


def test_however_many_bad_requests_never_close_the_connection_of_all_callers() -> None:
    evapi = EvapiConnection()
    errors = evapi.receive_data(said(request={"op": "no"}) * 100, 0.0)
    assert len(errors) == 100
    assert not any(error.fatal for error in errors if isinstance(error, RequestError))
    assert not any(evapi.count_bad_request(0.0) for _ in range(100))


# --- answers that nobody waits for


@pytest.mark.parametrize("ids", [{}, {"tindex": 1, "tlabel": 2}])
def test_where_no_answer_is_wanted_only_an_error_comes(ids: dict[str, int]) -> None:
    evapi = EvapiConnection()
    (start, error) = evapi.receive_data(
        said(**ids, answer=False, request={"op": "start", "call_id": "c"})
        + said(**ids, answer=False, request={"op": "start"}),
        0.0,
    )
    assert isinstance(start, m.Start)
    assert isinstance(error, RequestError)
    assert evapi.send(m.CallAnswer(id=0, op="start", result="started")) == b"\n"
    assert [answer["answer"]["code"] for answer in read(evapi.send(error.answer()))] == ["bad_request"]


def test_a_request_that_is_understood_and_refused_by_the_session_is_told_where_no_answer_was_wanted() -> None:
    evapi = EvapiConnection()
    evapi.receive_data(said(answer=False, request={"op": "start", "call_id": "c"}), 0.0)
    refused = m.ErrorAnswer(id=0, op="error", code=ErrorCode.NOT_OWNER, message="another's")
    assert [answer["answer"]["code"] for answer in read(evapi.send(refused))] == ["not_owner"]


def test_a_decision_that_nobody_waits_for_is_not_sent() -> None:
    evapi = EvapiConnection()
    evapi.receive_data(said(answer=False, request=AUTHORIZE), 0.0)
    assert evapi.send_decision(0, "authorize", False, Body()).isspace()


# --- the connection


def test_a_netstring_that_is_none_is_told_last_and_nothing_after_it_is_heard() -> None:
    evapi = EvapiConnection()
    ping, error = evapi.receive_data(said(request=PING) + b"oops" + said(request=PING), 0.0)
    assert ping == m.Ping(id=0)
    assert isinstance(error, RequestError)
    assert (error.code, error.fatal) == (ErrorCode.BAD_FRAME, True)
    assert evapi.closed
    assert evapi.receive_data(said(request=PING), 1.0) == []
    sent = evapi.send(PONG) + evapi.send(error.answer())
    assert [answer["answer"]["op"] for answer in read(sent)] == ["pong", "error"]


def test_a_message_longer_than_the_daemon_takes_closes() -> None:
    evapi = EvapiConnection(frame_bytes_max=100)
    (error,) = evapi.receive_data(b"101:", 0.0)
    assert isinstance(error, RequestError)
    assert (error.code, error.fatal) == (ErrorCode.FRAME_TOO_LARGE, True)


def test_an_unfinished_message_is_counted() -> None:
    evapi = EvapiConnection()
    assert evapi.receive_data(b"30:{", 0.0) == []
    assert evapi.partial == 4


def test_an_answer_that_kamailio_cannot_read_is_told_instead() -> None:
    evapi = EvapiConnection()
    evapi.receive_data(said(tindex=1, tlabel=2, request={"op": "touch", "calls": []}), 0.0)
    unknown = tuple(m.CallName(f"{place:0>200}", "") for place in range(300))
    sent = evapi.send(m.TouchAnswer(id=0, op="touch", result="touched", unknown=unknown))
    (answer,) = read(sent)
    assert (answer["tindex"], answer["answer"]["code"]) == (1, "frame_too_large")
    assert len(sent) < ANSWER_BYTES_MAX


def test_an_answer_without_a_question_is_sent_without_a_transaction() -> None:
    last_words = m.ErrorAnswer(id=None, op="error", code=ErrorCode.INTERNAL, message="a fault")
    assert [answer["answer"]["code"] for answer in read(EvapiConnection().send(last_words))] == ["internal"]


@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=6))
def test_no_bytes_raise_whether_in_a_netstring_or_not(data: bytes, places: list[int]) -> None:
    stream = said(request=PING) + netstring(data) + data
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    evapi = EvapiConnection()
    events = [event for start, end in pairwise(edges) for event in evapi.receive_data(stream[start:end], 0.0)]
    assert events[0] == m.Ping(id=0)
    assert all(isinstance(event, RequestError) for event in events[1:])
    for event in events:
        sent = evapi.send(event.answer() if isinstance(event, RequestError) else PONG)
        assert len(read(sent)) == 1


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.text(max_size=20))
def test_cut_anywhere_the_same_is_heard(tindex: int, tlabel: int, call_id: str) -> None:
    data = said(tindex=tindex, tlabel=str(tlabel), request={"op": "start", "call_id": call_id or "c"})
    whole = EvapiConnection().receive_data(data, 0.0)
    slow = EvapiConnection()
    assert [event for at in range(len(data)) for event in slow.receive_data(data[at : at + 1], 0.0)] == whole
    assert isinstance(whole[0], m.Start)
