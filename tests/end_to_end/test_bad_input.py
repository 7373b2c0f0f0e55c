"""Hostile bytes on real sockets: each costs its own connection or request, is counted, and nobody else notices.

That nobody else notices is what the `daemon` fixture's bystander sees to, around every test here.
"""

import json
from typing import Any

import msgspec
import pytest

from protocol.framing import Encoding
from tests.end_to_end.conftest import GRANTED, SECRET
from tests.end_to_end.daemon import DaemonProcess, Keys, Wire


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _packed(**keys: object) -> bytes:
    return msgspec.msgpack.encode(keys)


DEEP = 5000
PING = _packed(op="ping", id=1)

FATAL_BINARY = {
    "a length above the bound": ((65_537).to_bytes(4, "big"), "frame_too_large"),
    "the largest length": (b"\xff\xff\xff\xff", "frame_too_large"),
    "an HTTP request": (b"GET / HTTP/1.1\r\n\r\n", "frame_too_large"),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "frame_too_large"),
    "an empty frame": (_framed(b""), "bad_frame"),
    "a body shorter than its map says": (_framed(PING[:-1]), "bad_frame"),
    "a body longer than its map says": (_framed(PING + b"\x00"), "bad_frame"),
    "a byte that MessagePack never uses": (_framed(b"\xc1"), "bad_frame"),
    "a string that is longer than the frame": (_framed(b"\x81\xa2id\xdb\xff\xff\xff\xff"), "bad_frame"),
    "an array that says 4 billion entries": (_framed(b"\x81\xa5calls\xdd\xff\xff\xff\xff"), "bad_frame"),
    "a map that says 4 billion keys": (_framed(b"\xdf\xff\xff\xff\xff"), "bad_frame"),
    "nested arrays": (_framed(b"\x81\xa1x" + b"\x91" * DEEP + b"\xc0"), "bad_frame"),
    "nested maps": (_framed(b"\x81\xa1x" * DEEP + b"\xc0"), "bad_frame"),
    "invalid UTF-8 in a value": (
        _framed(b"\x84\xa2op\xa8identify\xa2id\x01\xa4dnis\xa2\xff\xfe\xa2ip\xa3::1"),
        "bad_frame",
    ),
    "invalid UTF-8 in a key": (_framed(b"\x83\xa2op\xa4ping\xa2id\x01\xa2\xff\xfe\x01"), "bad_frame"),
    "a surrogate in UTF-8": (
        _framed(b"\x84\xa2op\xa8identify\xa2id\x01\xa4dnis\xa144\xa4name\xa3\xed\xa0\x80"),
        "bad_frame",
    ),
}
FATAL_JSON = {
    "no JSON": (b"{nonsense}\n", "bad_frame"),
    "half an object": (b'{"op":"ping",\n', "bad_frame"),
    "two objects on a line": (b'{"op":"ping","id":1}{"op":"ping","id":2}\n', "bad_frame"),
    "NaN": (b'{"op":"ping","id":NaN}\n', "bad_frame"),
    "nested arrays": (b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}\n", "bad_frame"),
    "invalid UTF-8": (b'{"op":"identify","id":1,"dnis":"44","name":"\xff\xfe"}\n', "bad_frame"),
    "a line above the bound": (b'{"op":"' + b"x" * 65_600 + b'"}\n', "frame_too_large"),
    "a line above the bound without an end": (b"{" + b"x" * 70_000, "frame_too_large"),
    "white space without an end": (b" " * 70_000, "frame_too_large"),
    "a zero byte": (b"{\x00}\n", "bad_frame"),
}
FATAL: list[tuple[Encoding, str, bytes, str]] = [
    *(("msgpack", name, *case) for name, case in FATAL_BINARY.items()),
    *(("json", name, *case) for name, case in FATAL_JSON.items()),
]


@pytest.mark.rule("P0.9", "P2.16", "P2.18")
@pytest.mark.parametrize("transport", ["unix", "tcp"])
@pytest.mark.parametrize(
    ("encoding", "fault", "data", "code"), FATAL, ids=[f"{way}-{name}" for way, name, _, _ in FATAL]
)
def test_a_peer_that_broke_its_framing_is_told_once_and_closed(
    daemon: DaemonProcess, transport: str, encoding: Encoding, fault: str, data: bytes, code: str
) -> None:
    series = f'identd_protocol_errors_total{{code="{code}"}}'
    before = daemon.metric(series)
    with daemon.wire(transport, encoding) as peer:
        peer.send(data)
        answer = peer.answer()
        assert (answer["op"], answer["code"], answer["id"]) == ("error", code, None), fault
        assert peer.is_closed()
    assert daemon.metric(series) == before + 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown op": ({"op": "reboot"}, "op"),
    "no op": ({"ip": "192.0.2.1"}, "op"),
    "an unknown key": ({"op": "ping", "colour": "red"}, "colour"),
    "a missing key": ({"op": "identify", "ip": "192.0.2.1"}, "dnis"),
    "no address, name or ani": ({"op": "identify", "dnis": "44"}, "ip"),
    "a number for text": ({"op": "identify", "ip": "192.0.2.1", "dnis": 44}, "dnis"),
    "text for a number": ({"op": "identify", "ip": "192.0.2.1", "dnis": "44", "port": "sip"}, "port"),
    "a port beyond the last": ({"op": "identify", "ip": "192.0.2.1", "dnis": "44", "port": 65_536}, "port"),
    "an address that is none": ({"op": "identify", "ip": "192.0.2.256", "dnis": "44"}, "ip"),
    "an unknown direction": ({"op": "identify", "ip": "192.0.2.1", "dnis": "44", "direction": "up"}, "direction"),
    "256 bytes": ({"op": "identify", "ip": "192.0.2.1", "dnis": "4" * 256}, "dnis"),
    "256 bytes in 128 characters": ({"op": "identify", "ip": "192.0.2.1", "dnis": "44", "name": "é" * 128}, "name"),
    "1,001 calls": ({"op": "touch", "calls": [["a", ""]] * 1001}, "calls"),
    "a call that is no list": ({"op": "touch", "calls": ["a"]}, "calls[0]"),
    "a call without a name": ({"op": "touch", "calls": [[]]}, "calls[0]"),
    "an unknown phase": ({"op": "sync", "phase": "middle"}, "phase"),
    "more calls than may be asked for": ({"op": "calls", "limit": 501}, "limit"),
    "an empty call_id": ({"op": "start"}, "call_id"),
    "an unknown key of the digest": (
        {"op": "identify", "dnis": "44", "name": "rose", "digest": {"username": "rose", "colour": "red"}},
        "digest.colour",
    ),
}


@pytest.mark.rule("P0.12", "P1.15", "P1.19", "P2.16")
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_names_its_key_and_costs_only_itself(
    daemon: DaemonProcess, encoding: Encoding, wrong: str
) -> None:
    keys, field = WRONG[wrong]
    with daemon.wire("unix", encoding) as peer:
        answer = peer.ask(**keys) if "op" in keys else _asked_bare(peer, keys)
        assert (answer["op"], answer["code"], answer["field"]) == ("error", "bad_request", field)
        assert peer.ask("identify", **GRANTED)["decision"] == "grant"


def _asked_bare(peer: Wire, keys: dict[str, Any]) -> Keys:
    peer.send(peer.frame({"id": 900, **keys}))
    return peer.answer()


@pytest.mark.rule("P1.1")
@pytest.mark.parametrize("number", [-1, 2**64, 1.5, "7", True, None, float("nan")])
def test_an_id_that_is_no_unsigned_64_bit_number_is_refused(daemon: DaemonProcess, number: object) -> None:
    if isinstance(number, int) and number >= 2**64:
        body = b'{"op":"ping","id":18446744073709551616}\n'
        encoding: Encoding = "json"
    else:
        body, encoding = _framed(_packed(op="ping", id=number)), "msgpack"
    with daemon.wire("unix", encoding) as peer:
        peer.send(body)
        answer = peer.answer()
        assert (answer["code"], answer["field"], answer["id"]) == ("bad_request", "id", None)


@pytest.mark.rule("P2.18")
@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_the_third_bad_request_in_ten_seconds_closes_the_connection(daemon: DaemonProcess, transport: str) -> None:
    with daemon.wire(transport) as peer:
        peer.ask("hello", version=1, gateway="gw2")
        for _ in range(3):
            assert peer.ask("reboot")["code"] == "bad_request"
        assert peer.is_closed()


@pytest.mark.rule("P2.18")
def test_nothing_after_the_closing_error_is_answered(daemon: DaemonProcess) -> None:
    before = daemon.metric('identd_requests_total{op="ping"}')
    with daemon.wire() as peer:
        peer.send(b'{"op":"x","id":1}\n' * 3 + b'{"op":"ping","id":4}\n' * 50)
        assert [peer.answer()["code"] for _ in range(3)] == ["bad_request"] * 3
        with pytest.raises(EOFError):
            peer.answer()
    assert daemon.metric('identd_requests_total{op="ping"}') == before


@pytest.mark.rule("P0.7", "P0.8")
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_frame_that_comes_byte_by_byte_is_answered_as_any_other(daemon: DaemonProcess, encoding: Encoding) -> None:
    with daemon.wire("tcp", encoding) as switch:
        hello = switch.frame({"op": "hello", "id": 1, "version": 1, "gateway": "gw2"})
        for place in range(len(hello)):
            switch.send(hello[place : place + 1])
        assert switch.answer()["op"] == "hello"
        assert switch.ask("identify", **GRANTED)["account_id"] == 176


@pytest.mark.rule("P1.3", "P2.17")
def test_over_tcp_nothing_is_answered_before_hello(daemon: DaemonProcess) -> None:
    with daemon.wire("tcp") as peer:
        assert peer.ask("identify", **GRANTED)["code"] == "hello_required"
        assert peer.ask("release", call_id="x")["code"] == "hello_required"
        assert peer.ask("status")["code"] == "hello_required"


@pytest.mark.rule("P1.17", "P2.18")
@pytest.mark.parametrize(
    "hello",
    [
        {"gateway": "gw1", "secret": "wrong"},
        {"gateway": "gw1"},
        {"gateway": "gw1", "secret": ""},
        {"gateway": "nobody", "secret": SECRET},
        {"gateway": "elsewhere"},
    ],
    ids=["wrong secret", "no secret", "empty secret", "unknown gateway", "another address"],
)
def test_a_switch_that_is_not_who_it_says_is_told_nothing_more(daemon: DaemonProcess, hello: dict[str, str]) -> None:
    series = 'identd_protocol_errors_total{code="forbidden"}'
    before = daemon.metric(series)
    with daemon.wire("tcp") as peer:
        answer = peer.ask("hello", version=1, **hello)
        assert (answer["code"], answer["message"]) == (
            "forbidden",
            "this gateway may not speak here with this secret",
        )
        assert peer.is_closed()
    assert daemon.metric(series) == before + 1


@pytest.mark.rule("P1.16", "P1.18", "M6.18")
def test_a_gateway_neither_speaks_for_another_nor_sees_nor_ends_its_calls(daemon: DaemonProcess) -> None:
    with daemon.wire("tcp") as one, daemon.wire("tcp", "msgpack") as other:
        one.ask("hello", version=1, gateway="gw1", secret=SECRET)
        other.ask("hello", version=1, gateway="gw2")
        assert one.ask("authorize", call_id="mine", **GRANTED)["decision"] == "grant"
        assert other.ask("identify", gateway="gw1", **GRANTED)["code"] == "forbidden"
        assert other.ask("calls", gateway="gw1")["code"] == "forbidden"
        assert other.ask("calls")["calls"] == []
        assert other.ask("release", call_id="mine")["code"] == "not_owner"
        assert [call["call_id"] for call in one.ask("calls")["calls"]] == ["mine"]
        assert one.ask("release", call_id="mine")["result"] == "released"


@pytest.mark.rule("P1.14")
def test_a_clear_password_is_taken_on_loopback_and_never_written_to_the_log(daemon: DaemonProcess) -> None:
    with daemon.wire("tcp") as switch:
        switch.ask("hello", version=1, gateway="gw1", secret=SECRET)
        answer = switch.ask("identify", name="rose", password="hunter2-hunter2", dnis="44", direction="term")
        assert answer["decision"] == "refuse"
    assert "hunter2" not in daemon.log()
    assert SECRET not in daemon.log()


def test_what_a_peer_sends_writes_no_line_into_the_log(daemon: DaemonProcess) -> None:
    with daemon.wire() as peer:
        peer.send(json.dumps({"op": "x\n2026 error forged", "id": 1, "\nforged": 1}).encode() + b"\n")
        assert peer.answer()["code"] == "bad_request"
    assert "forged" not in daemon.log()


@pytest.mark.rule("M6.17")
def test_a_release_of_what_is_not_up_is_counted_by_kind_where_an_operator_looks(daemon: DaemonProcess) -> None:
    series = 'identd_releases_total{result="unknown"}'
    before = daemon.metric(series)
    assert daemon.ask("release", call_id="nobody knows this call")["result"] == "unknown"
    assert daemon.metric(series) == before + 1
    assert daemon.metric('identd_releases_total{result="expired"}') == 0
