"""The server's codec as a dialogue: what comes in, what event it is. Single messages are in vectors.txt."""

import time

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.connection import RequestError, ServerConnection
from protocol.errors import ErrorCode
from protocol.framing import FRAME_BYTES_MAX, Encoding, framed_binary, framed_line
from protocol.messages import (
    CallName,
    CallsAnswer,
    DecisionAnswer,
    ExplainedAccount,
    Identify,
    LiveCall,
    Ping,
    PongAnswer,
    Touch,
    TouchAnswer,
)
from tests.protocol.wire_vectors import REQUESTS

BOTH: tuple[Encoding, ...] = ("json", "msgpack")


def wire(encoding: Encoding, message: object) -> bytes:
    if encoding == "json":
        return framed_line(msgspec.json.encode(message))
    return framed_binary(msgspec.msgpack.encode(message))


def said(encoding: Encoding, answer: bytes) -> dict[str, object]:
    decoded = msgspec.json.decode(answer) if encoding == "json" else msgspec.msgpack.decode(answer[4:])
    assert isinstance(decoded, dict)
    return decoded


def speaking(encoding: Encoding) -> ServerConnection:
    connection = ServerConnection()
    assert connection.receive_data(wire(encoding, {"op": "ping", "id": 1}), now=0.0) == [Ping(id=1)]
    return connection


@pytest.mark.rule("P0.3", "P0.4", "P0.6")
def test_operator_presses_enter_first_and_types_json() -> None:
    connection = ServerConnection()
    assert connection.encoding is None
    assert connection.receive_data(b"\r\n  \n", now=0.0) == []
    assert connection.encoding == "json"
    assert connection.receive_data(b'\t{"op": "ping",\t"id": 3}\r\n', now=0.0) == [Ping(id=3)]
    assert connection.send(PongAnswer(id=3, op="pong")) == b'{"id":3,"op":"pong"}\n'


@pytest.mark.rule("P0.7", "P0.8")
def test_binary_connection_is_answered_in_binary() -> None:
    connection = ServerConnection()
    assert connection.receive_data(b"\0", now=0.0) == []
    assert connection.encoding == "msgpack"
    assert connection.partial == 1
    assert connection.receive_data(wire("msgpack", {"op": "ping", "id": 3})[1:], now=0.0) == [Ping(id=3)]
    assert connection.send(PongAnswer(id=3, op="pong")) == bytes.fromhex("0000000d 82 a26964 03 a26f70 a4706f6e67")


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P0.10", "P0.11")
def test_a_thousand_pipelined_requests_are_read_in_their_order(encoding: Encoding) -> None:
    data = b"".join(wire(encoding, {"op": "ping", "id": n}) for n in range(1000))
    assert ServerConnection().receive_data(data, now=0.0) == [Ping(id=n) for n in range(1000)]


@pytest.mark.parametrize("encoding", BOTH)
def test_answers_to_one_read_go_out_in_one_piece(encoding: Encoding) -> None:
    connection = speaking(encoding)
    pongs = [PongAnswer(id=n, op="pong") for n in (1, 2)]
    assert connection.send_many(pongs) == connection.send(pongs[0]) + connection.send(pongs[1])


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P2.18")
def test_third_bad_request_in_ten_seconds_closes(encoding: Encoding) -> None:
    bad = wire(encoding, {"op": "ping", "id": 4, "z": 1})
    ping = wire(encoding, {"op": "ping", "id": 5})
    connection = ServerConnection()
    for now, fatal in ((0.0, False), (5.0, False), (10.0, False), (14.9, True)):
        [event] = connection.receive_data(bad, now)
        assert isinstance(event, RequestError)
        assert (event.code, event.id, event.fatal) == (ErrorCode.BAD_REQUEST, 4, fatal)
        assert connection.closed == fatal
    assert connection.receive_data(ping, now=15.0) == []


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P2.18")
def test_what_follows_the_third_bad_request_in_the_same_read_is_dropped(encoding: Encoding) -> None:
    bad, ping = wire(encoding, {"op": "ping", "id": 4, "z": 1}), wire(encoding, {"op": "ping", "id": 5})
    connection = ServerConnection()
    events = connection.receive_data(bad + ping + bad + bad + ping + ping[:7], now=0.0)
    assert [getattr(event, "fatal", None) for event in events] == [False, None, False, True]
    assert connection.partial == 0


@pytest.mark.rule("P2.18")
def test_bad_requests_that_the_session_finds_count_as_well() -> None:
    connection = speaking("json")
    assert [connection.count_bad_request(now=1.0) for _ in range(3)] == [False, False, True]
    assert connection.closed


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P0.9", "P2.18")
def test_requests_before_a_frame_that_is_too_large_are_still_answered(encoding: Encoding) -> None:
    ping = wire(encoding, {"op": "ping", "id": 5})
    long = framed_line(b"x" * 65_537) if encoding == "json" else framed_binary(b"x" * 65_537)
    connection = ServerConnection()
    request, error = connection.receive_data(ping + long + ping, now=0.0)
    assert request == Ping(id=5)
    assert isinstance(error, RequestError)
    assert (error.code, error.id, error.fatal) == (ErrorCode.FRAME_TOO_LARGE, None, True)
    assert connection.closed


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P0.9")
def test_configured_frame_limit_is_kept(encoding: Encoding) -> None:
    ping = wire(encoding, {"op": "ping", "id": 5})
    length = len(ping) - (1 if encoding == "json" else 4)
    assert ServerConnection(frame_bytes_max=length).receive_data(ping, now=0.0) == [Ping(id=5)]
    [error] = ServerConnection(frame_bytes_max=length - 1).receive_data(ping, now=0.0)
    assert isinstance(error, RequestError)
    assert error.code is ErrorCode.FRAME_TOO_LARGE


@pytest.mark.parametrize("limit", [0, FRAME_BYTES_MAX + 1])
def test_frame_limit_outside_the_protocol_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="frame_bytes_max"):
        ServerConnection(frame_bytes_max=limit)


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P1.19")
def test_strings_are_bounded_in_bytes_not_characters(encoding: Encoding) -> None:
    for text, passes in (("é" * 127 + "x", True), ("é" * 127 + "xx", False), ("☎" * 85, True), ("😀" * 64, False)):
        [event] = ServerConnection().receive_data(
            wire(encoding, {"op": "identify", "id": 1, "ip": "192.0.2.1", "dnis": text}), now=0.0
        )
        assert isinstance(event, Identify) == passes
        assert isinstance(event, RequestError) != passes


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P1.19")
def test_list_of_a_thousand_calls_passes_and_one_more_does_not(encoding: Encoding) -> None:
    for count, passes in ((1000, True), (1001, False)):
        calls = [[f"c{n}", ""] for n in range(count)]
        [event] = ServerConnection().receive_data(wire(encoding, {"op": "touch", "id": 1, "calls": calls}), now=0.0)
        if passes:
            assert isinstance(event, Touch)
            assert len(event.calls) == count
        else:
            assert isinstance(event, RequestError)
            assert (event.code, event.field) == (ErrorCode.BAD_REQUEST, "calls")


def test_null_for_an_optional_key_is_the_key_left_out() -> None:
    [request] = ServerConnection().receive_data(
        b'{"op":"identify","id":1,"ip":"192.0.2.1","dnis":"1","ani":null,"digest":null}\n', now=0.0
    )
    assert request == Identify(id=1, ip="192.0.2.1", dnis="1")


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert ServerConnection().receive_data(b'{"op":"ping","id":1,"id":2}\n', now=0.0) == [Ping(id=2)]


def test_control_characters_are_carried_and_escaped_on_the_way_out() -> None:
    [request] = ServerConnection().receive_data(
        b'{"op":"identify","id":1,"name":"a\\u0000\\n\\u001b[31m","dnis":"1"}\n', now=0.0
    )
    assert isinstance(request, Identify)
    assert request.name == "a\0\n\x1b[31m"
    connection = speaking("json")
    answer = connection.send(
        DecisionAnswer(id=1, op="identify", decision="grant", account=request.name, generation=1)
    )
    assert b'"a\\u0000\\n\\u001b[31m"' in answer
    assert answer.count(b"\n") == 1


def test_error_text_is_bounded_however_long_the_unknown_key_is() -> None:
    [event] = ServerConnection().receive_data(wire("json", {"op": "ping", "id": 1, "z" * 60_000: 1}), now=0.0)
    assert isinstance(event, RequestError)
    assert event.field is not None
    assert len(event.field) <= 64
    assert len(event.message) <= 200


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 65_536,
        b'{"op":"ping","id":1,"z":' + b"[" * 60_000,
        b'{"op":"ping","id":1,"z":' + b'{"a":' * 10_000,
        b'{"op":"ping","id":' + b"9" * 60_000 + b"}",
        b'{"op":"ping","id":1e999999999}',
        b"\x91" * 65_536,
        b"\x83\xa2op\xa4ping\xa2id\x01\xa1z" + b"\x91" * 60_000,
        b"\x83\xa2op\xa4ping\xa2id\x01\xa1z" + b"\x81\xa1a" * 20_000,
        b"\x83\xa2op\xa5touch\xa2id\x01\xa5calls\xdc\x03\xe8" + b"\xdd\xff\xff\xff\xff" * 12_000,
        b"\xdf\xff\xff\xff\xff" + b"\xa1z\x01" * 20_000,
        b"\x83\xa2op\xa4ping\xa2id\x01\xa1z\xc9\xff\xff\xff\xff\x01",
        b"\x83\xa2op\xa4ping\xa2id\x01\xa1z\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
    ids=lambda payload: payload[:30].decode("latin-1"),
)
def test_hostile_frame_is_an_error_and_costs_little(encoding: Encoding, payload: bytes) -> None:
    """Nesting, lists and numbers of absurd length, lengths that lie: one error event each, in milliseconds."""
    framed = framed_line(b" " + payload[: FRAME_BYTES_MAX - 1]) if encoding == "json" else framed_binary(payload)
    started = time.process_time()
    [event] = ServerConnection().receive_data(framed, now=0.0)
    assert isinstance(event, RequestError)
    assert time.process_time() - started < 0.2


# --- nothing but events comes out, whatever goes in


def survives(data: bytes) -> None:
    connection = ServerConnection()
    for piece in (data[:7], data[7:]):
        events = connection.receive_data(piece, now=0.0)
        fatal = [event for event in events if isinstance(event, RequestError) and event.fatal]
        assert fatal == events[-1:] if connection.closed and events else not fatal
        for event in events:
            if isinstance(event, RequestError):
                assert connection.send(event.answer())  # whatever it quotes can be encoded
    assert connection.partial <= FRAME_BYTES_MAX + 4


@settings(max_examples=300)
@given(st.binary(max_size=300))
@example(b"{" + b"\xff" * 20 + b"\n")
@example(b'{"\xed\xa0\x80":1}\n')
@example(framed_binary(b"\x82\xa3\xed\xa0\x80\x01\xa2op\xa4ping"))
def test_random_bytes_raise_nothing(data: bytes) -> None:
    survives(data)
    survives(framed_binary(data))
    survives(b" " + data + b"\n")


@settings(max_examples=600)
@given(
    st.sampled_from([wire for vector in REQUESTS for wire in vector.wire.values()]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
    st.sampled_from(["change", "insert", "delete"]),
)
def test_mutated_requests_raise_nothing(frame: bytes, places: list[tuple[int, int]], how: str) -> None:
    binary = frame[0] == 0
    payload = bytearray(frame[4:] if binary else frame[:-1])
    for place, byte in places:
        at = place % max(len(payload), 1)
        if how == "change" and payload:
            payload[at] = byte
        elif how == "insert":
            payload.insert(at, byte)
        elif payload:
            del payload[at]
    survives(framed_binary(bytes(payload)) if binary else b" " + bytes(payload) + b"\n")


texts = st.text(max_size=20)
identifies = st.builds(
    Identify,
    id=st.integers(0, 2**64 - 1),
    dnis=texts,
    ip=texts,
    direction=st.sampled_from(["orig", "term"]),
    port=st.integers(0, 65535),
    name=st.none() | texts,
    name_verified=st.booleans(),
    ani=st.none() | texts,
    explain=st.booleans(),
)
touches = st.builds(
    Touch,
    id=st.integers(0, 2**64 - 1),
    calls=st.lists(st.builds(CallName, call_id=st.text(min_size=1, max_size=9), leg=texts), max_size=5).map(tuple),
)


@given(identifies | touches)
@pytest.mark.rule("P0.2", "P0.8")
def test_any_request_survives_both_encodings_unchanged(request_: Identify | Touch) -> None:
    for encoding in BOTH:
        assert ServerConnection().receive_data(wire(encoding, request_), now=0.0) == [request_]


# --- answers that would not fit into a frame


def live(n: int) -> LiveCall:
    return LiveCall(
        call_id=f"{n:0>255}",
        leg="",
        direction="orig",
        state="active",
        account_id=1,
        client_id=1,
        age_seconds=1.0,
        lease_seconds_left=1.0,
    )


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P0.9", "P1.10")
def test_list_of_calls_too_long_for_a_frame_is_cut_and_says_so(encoding: Encoding) -> None:
    sent = speaking(encoding).send(CallsAnswer(id=1, op="calls", calls=tuple(map(live, range(500))), omitted=9))
    assert FRAME_BYTES_MAX - 1000 < len(sent) <= FRAME_BYTES_MAX + 4
    answer = said(encoding, sent)
    calls, omitted = answer["calls"], answer["omitted"]
    assert isinstance(calls, list)
    assert [call["call_id"] for call in calls] == [f"{n:0>255}" for n in range(len(calls))], "the oldest stay"
    assert len(calls) + omitted == 509


@pytest.mark.parametrize("encoding", BOTH)
@pytest.mark.rule("P0.9", "P2.10")
def test_explanation_too_long_for_a_frame_is_cut_and_says_so(encoding: Encoding) -> None:
    looked_at = ExplainedAccount(
        account_id=1,
        account="é" * 255,
        client_id=1,
        ident_by="name",
        matched="é" * 255,
        verdict="failed",
        seen="é" * 255,
    )
    answer = DecisionAnswer(id=1, op="identify", decision="grant", generation=1, explain=(looked_at,) * 50)
    told = said(encoding, speaking(encoding).send(answer))
    explain, omitted = told["explain"], told["explain_omitted"]
    assert isinstance(explain, list)
    assert 0 < len(explain) < 50
    assert len(explain) + omitted == 50


@pytest.mark.rule("P0.9")
def test_unknown_calls_too_many_for_a_frame_are_cut() -> None:
    unknown = tuple(CallName(f"{n:0>64}") for n in range(1000))
    told = said("json", speaking("json").send(TouchAnswer(id=1, op="touch", result="touched", unknown=unknown)))
    assert isinstance(told["unknown"], list)
    assert 900 < len(told["unknown"]) < 1000
