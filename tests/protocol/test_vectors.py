"""Every block of vectors.txt, whole, byte by byte and with more behind it, in both encodings."""

import re
from collections.abc import Callable

import msgspec
import pytest

from protocol.client_connection import ANSWER_TYPES, ClientConnection
from protocol.connection import RequestError, ServerConnection
from protocol.errors import ErrorCode
from protocol.framing import Encoding
from protocol.messages import (
    AnyRequest,
    Authorize,
    Calls,
    End,
    Hello,
    Identify,
    InForce,
    Ping,
    Release,
    Start,
    Status,
    Sync,
    Touch,
    Usage,
)
from tests.protocol.wire_vectors import ANSWERS, REFUSED, REQUESTS, VECTORS, Vector

PING: dict[Encoding, bytes] = {
    "json": b'{"op":"ping","id":1}\n',
    "msgpack": bytes.fromhex("0000000d 82 a26f70 a470696e67 a26964 01"),
}

ASKED: dict[str, Callable[[int], AnyRequest]] = {
    "hello": lambda n: Hello(id=n, version=1, gateway="gw1"),
    "identify": lambda n: Identify(id=n, ip="192.0.2.1", dnis="1"),
    "authorize": lambda n: Authorize(id=n, ip="192.0.2.1", dnis="1", call_id="c"),
    "start": lambda n: Start(id=n, call_id="c"),
    "release": lambda n: Release(id=n, call_id="c"),
    "touch": lambda n: Touch(id=n, calls=()),
    "sync": lambda n: Sync(id=n, phase="begin"),
    "calls": lambda n: Calls(id=n),
    "status": lambda n: Status(id=n),
    "ping": lambda n: Ping(id=n),
    "usage": lambda n: Usage(id=n),
    "end": lambda n: End(id=n, call_id="c"),
    "in_force": lambda n: InForce(id=n, xid=1),
}


def named(vectors: tuple[Vector, ...]) -> pytest.MarkDecorator:
    cases = [pytest.param(v, e, id=f"{v.name} {e}") for v in vectors for e in v.wire]
    return pytest.mark.parametrize(("vector", "encoding"), cases)


@named(REQUESTS)
@pytest.mark.rule(
    "P0.8", "P0.12", "P1.1", "P1.2", "P1.3", "P1.4", "P1.5", "P1.6", "P1.7", "P1.8", "P1.9", "P1.10", "P1.11", "P1.12"
)
@pytest.mark.rule("P1.13", "P1.14")
def test_request_is_read_whole_byte_by_byte_and_with_the_next_behind_it(vector: Vector, encoding: Encoding) -> None:
    wire = vector.wire[encoding]
    [request] = ServerConnection().receive_data(wire, now=0.0)
    assert not isinstance(request, RequestError)

    slow = ServerConnection()
    events = [slow.receive_data(wire[place : place + 1], now=0.0) for place in range(len(wire))]
    assert events == [[]] * (len(wire) - 1) + [[request]]
    assert slow.partial == 0

    pipelined = ServerConnection()
    half = PING[encoding][:6]
    assert pipelined.receive_data(wire + PING[encoding] + half, now=0.0) == [request, Ping(id=1)]
    assert pipelined.partial == len(half)
    assert pipelined.receive_data(PING[encoding][6:], now=0.0) == [Ping(id=1)]


@pytest.mark.parametrize("vector", [v for v in REQUESTS if len(v.wire) == 2], ids=lambda v: v.name)
@pytest.mark.rule("P0.2", "P0.8")
def test_request_means_the_same_in_both_encodings(vector: Vector) -> None:
    assert ServerConnection().receive_data(vector.wire["json"], 0.0) == ServerConnection().receive_data(
        vector.wire["msgpack"], 0.0
    )


@named(REQUESTS)
@pytest.mark.rule("P0.1", "P0.2")
def test_client_and_server_agree_on_every_request(vector: Vector, encoding: Encoding) -> None:
    [request] = ServerConnection().receive_data(vector.wire[encoding], now=0.0)
    assert not isinstance(request, RequestError)
    sent = ClientConnection(encoding).send(request)
    assert ServerConnection().receive_data(sent, now=0.0) == [request]


@named(ANSWERS)
@pytest.mark.rule("P0.5", "P0.11", "P2.1", "P2.2", "P2.7", "P2.12", "P2.13", "P2.14", "P2.15", "P2.16")
def test_answer_is_read_byte_by_byte_and_goes_out_as_written(vector: Vector, encoding: Encoding) -> None:
    wire = vector.wire[encoding]
    client = ClientConnection(encoding)
    payload = wire[:-1] if encoding == "json" else wire[4:]
    decoded = (msgspec.json if encoding == "json" else msgspec.msgpack).decode(payload)
    client.send(ASKED[vector.kind.removeprefix("answer to ")](decoded["id"] or 0))

    answers = [answer for place in range(len(wire)) for answer in client.receive_data(wire[place : place + 1])]
    assert len(answers) == 1
    assert client.unanswered == 0

    server = ServerConnection()
    server.receive_data(PING[encoding], now=0.0)
    sent = server.send(answers[0])
    resent = sent[:-1] if encoding == "json" else sent[4:]
    assert (msgspec.json if encoding == "json" else msgspec.msgpack).decode(resent) == decoded
    assert sent[-1:] == b"\n" if encoding == "json" else int.from_bytes(sent[:4], "big") == len(resent)


@pytest.mark.parametrize("vector", ANSWERS, ids=lambda v: v.name)
@pytest.mark.rule("P0.8")
def test_answer_is_the_same_map_in_both_encodings(vector: Vector) -> None:
    assert msgspec.json.decode(vector.wire["json"]) == msgspec.msgpack.decode(vector.wire["msgpack"][4:])


@named(REFUSED)
@pytest.mark.rule("P0.12", "P1.1", "P1.15", "P1.19", "P2.16", "P2.17", "P2.18")
def test_refused_frame_is_answered_with_code_id_and_field(vector: Vector, encoding: Encoding) -> None:
    said = re.fullmatch(r"(\w+) id=(\w+) field=(\S+)", vector.kind)
    assert said is not None
    code, request_id, field = said.groups()

    connection = ServerConnection()
    [event] = connection.receive_data(vector.wire[encoding], now=0.0)
    assert isinstance(event, RequestError)
    answer = event.answer()
    assert (answer.op, answer.code) == ("error", code)
    assert answer.id == (None if request_id == "null" else int(request_id))
    assert answer.field == (None if field == "null" else field)
    assert answer.message
    assert event.fatal == connection.closed == (code != ErrorCode.BAD_REQUEST)
    assert connection.receive_data(PING[encoding], now=0.0) == ([] if event.fatal else [Ping(id=1)])


def test_every_request_and_every_answer_type_has_a_vector() -> None:
    ops = {msgspec.json.decode(vector.wire["json"])["op"] for vector in REQUESTS}
    assert ops == set(ASKED) == {request.__struct_config__.tag for request in ANSWER_TYPES}
    assert {vector.kind.removeprefix("answer to ") for vector in ANSWERS} == ops


@pytest.mark.rule("P2.17")
def test_every_error_code_has_a_vector() -> None:
    text = "\n".join([vector.kind for vector in VECTORS] + [str(vector.wire.get("json")) for vector in ANSWERS])
    assert [code for code in ErrorCode if code.value not in text] == []
