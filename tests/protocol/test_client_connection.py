"""The client's codec: what answers what, and what is no answer."""

import msgspec
import pytest

from protocol.client_connection import ClientConnection
from protocol.connection import ServerConnection
from protocol.errors import ProtocolViolation, RequestRefused
from protocol.framing import framed_binary
from protocol.messages import ErrorAnswer, Identify, Ping, PongAnswer, Status, Sync, SyncAnswer


def wire(message: object) -> bytes:
    return framed_binary(msgspec.msgpack.encode(message))


@pytest.mark.rule("P0.10", "P0.11")
def test_answers_are_matched_to_requests_in_their_order() -> None:
    client = ClientConnection()
    for request in (Ping(id=7), Sync(id=7, phase="begin"), Ping(id=2)):
        client.send(request)
    data = wire({"id": 7, "op": "pong"}) + wire({"id": 7, "op": "sync", "result": "sync_begun"})
    assert client.receive_data(data) == [
        PongAnswer(id=7, op="pong"),
        SyncAnswer(id=7, op="sync", result="sync_begun"),
    ]
    assert client.unanswered == 1


@pytest.mark.rule("P2.16")
def test_error_takes_the_place_of_any_answer() -> None:
    client = ClientConnection()
    for request in (Ping(id=1), Status(id=2), Status(id=3)):
        client.send(request)
    errors = [
        {"id": 1, "op": "error", "code": "forbidden", "message": "no"},
        {"id": 2, "op": "error", "code": "hello_required", "message": "who?"},
        {"id": None, "op": "error", "code": "bad_frame", "message": "what?"},
    ]
    answers = client.receive_data(b"".join(map(wire, errors)))
    assert [getattr(answer, "code", None) for answer in answers] == ["forbidden", "hello_required", "bad_frame"]


def test_error_that_nobody_asked_for_is_passed_on() -> None:
    said = {"id": None, "op": "error", "code": "internal", "message": "too many connections"}
    [answer] = ClientConnection().receive_data(wire(said))
    assert isinstance(answer, ErrorAnswer)


def test_keys_of_a_newer_daemon_are_not_minded() -> None:
    client = ClientConnection()
    client.send(Ping(id=1))
    assert client.receive_data(wire({"id": 1, "op": "pong", "mood": "good"})) == [PongAnswer(id=1, op="pong")]


@pytest.mark.parametrize(
    "said",
    [
        {"id": 2, "op": "pong"},
        {"id": None, "op": "pong"},
        {"id": 1, "op": "status"},
        {"id": 1, "op": "error"},
        {"id": 1},
        ["pong", 1],
    ],
    ids=str,
)
@pytest.mark.rule("P0.11")
def test_what_does_not_answer_the_oldest_request_is_a_violation(said: object) -> None:
    client = ClientConnection()
    client.send(Ping(id=1))
    with pytest.raises(ProtocolViolation):
        client.receive_data(wire(said))


@pytest.mark.parametrize(
    "said", [b"\0\0\0\x01\xc1", b"\0\0\0\0", b"HTTP/1.1 400 Bad Request\r\n", b"\xff\xff\xff\xff"]
)
def test_bytes_that_are_no_answer_are_a_violation(said: bytes) -> None:
    client = ClientConnection()
    client.send(Ping(id=1))
    with pytest.raises(ProtocolViolation):
        client.receive_data(said)


def test_answer_that_nobody_asked_for_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation):
        ClientConnection().receive_data(wire({"id": 1, "op": "pong"}))


@pytest.mark.rule("P0.9")
def test_request_longer_than_a_frame_is_not_sent() -> None:
    client = ClientConnection()
    with pytest.raises(RequestRefused, match="frame_too_large"):
        client.send(Identify(id=1, dnis="1" * 65_536, ip="192.0.2.1"))
    assert client.unanswered == 0
    assert ServerConnection().receive_data(client.send(Ping(id=1)), now=0.0) == [Ping(id=1)]
