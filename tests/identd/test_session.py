"""Dialogues: what a switch writes and what it reads, over either transport and in either encoding."""

from typing import Any

import pytest

from identd.access import Peer
from identd.engine import Engine
from identd.live_calls import LiveCalls
from matcher.account import OrigSide, TermSide
from matcher.directory import Directory
from protocol.framing import FRAME_BYTES_MAX, Encoding
from protocol.reason import Reason
from tests.identd.building import (
    LOOPBACK,
    NOW,
    PEERS,
    TCP,
    UNIX,
    Talk,
    account,
    client,
    engine,
    from_bytes,
    gateway,
    reseller,
    to_bytes,
)
from tests.matcher.oracle import proves

BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])


def small() -> Engine:
    return engine(account(1), account(2), client(), gateway(1), gateway(2))


def not_ready() -> Engine:
    return Engine(Directory(proves), LiveCalls())


# --- a whole conversation


@pytest.mark.rule("P0.1", "P0.2", "P0.3", "P0.4", "P0.7", "P0.8", "P1.2", "P2.12", "P2.13", "M1.9", "M6.14")
@BOTH
@pytest.mark.parametrize("peer", list(PEERS))
def test_a_call_from_hello_to_release(peer: str, encoding: Encoding) -> None:
    talk = Talk(small(), PEERS[peer], encoding, hello="gw1")
    assert talk.say("identify", ip="10.0.0.1", dnis="44")["decision"] == "grant"
    granted = talk.authorize("c")
    assert (granted["decision"], granted["lease_seconds"]) == ("grant", 120)
    talk.now += 3
    assert talk.say("start", call_id="c") == {"id": 4, "op": "start", "result": "started", "calls": 1, "seconds": 0.0}
    assert talk.say("touch", calls=[["c", ""], ["x", "leg"]])["unknown"] == [["x", "leg"]]
    talk.now += 61.2
    released = talk.say("release", call_id="c", cause="bye")
    assert released == {"id": 6, "op": "release", "result": "released", "calls": 0, "seconds": 61.2}
    assert talk.say("release", call_id="c")["result"] == "already_released"
    assert talk.say("start", call_id="x")["result"] == "unknown"
    assert not talk.session.closing
    assert talk.heard.errors == []
    assert talk.heard.decisions == [("orig", ""), ("orig", "")]


@pytest.mark.rule("P0.10", "P0.11", "P1.1")
@BOTH
def test_answers_come_in_the_order_of_the_requests_however_the_bytes_are_cut(encoding: Encoding) -> None:
    requests = [
        {"op": "ping", "id": 2**64 - 1},
        {"op": "authorize", "id": 0, "call_id": "c", "ip": "10.0.0.1", "dnis": "44"},
        {"op": "identify", "id": 5, "ip": "not one", "dnis": "44"},
        {"op": "status", "id": 5},
        {"op": "release", "id": 7, "call_id": "c"},
    ]
    data = b"".join(to_bytes(request, encoding) for request in requests)
    whole = Talk(small(), encoding=encoding).session.receive(data, NOW)
    answers = from_bytes(whole, encoding)
    assert [answer["id"] for answer in answers] == [2**64 - 1, 0, 5, 5, 7]
    assert [answer["op"] for answer in answers] == ["pong", "authorize", "error", "status", "release"]
    session = Talk(small(), encoding=encoding).session
    assert b"".join(session.receive(data[at : at + 1], NOW) for at in range(len(data))) == whole
    assert session.partial == 0
    assert session.answered == 5


@pytest.mark.rule("P0.12", "P2.2", "P2.4", "P2.5", "P2.6", "P2.3", "M4.1")
@BOTH
def test_a_grant_says_all_that_the_contract_shows_and_leaves_out_what_is_not_set(encoding: Encoding) -> None:
    rose = account(
        176,
        12,
        "10.0.0.0/24",
        name="rose_orig",
        tech_prefix="1234#",
        orig=OrigSide(rate_table_id=5, tags=("wholesale",), capacity=30),
    )
    payer = client(12, name="Rose", reseller_id=3, routing_plan_id=3, orig_rate_table_id=9)
    talk = Talk(engine(rose, payer, reseller(3)), encoding=encoding)
    keys = {"ip": "::ffff:10.0.0.7", "dnis": "1234#4420712345"}
    expected: dict[str, Any] = {
        "id": 1,
        "op": "authorize",
        "decision": "grant",
        "account_id": 176,
        "account": "rose_orig",
        "client_id": 12,
        "client": "Rose",
        "reseller_id": 3,
        "reseller": "reseller 3",
        "rate_table_id": 5,
        "rate_table_from": "account",
        "routing_plan_id": 3,
        "routing_plan_from": "client",
        "tags": ["wholesale"],
        "ident_by": "ip",
        "matched": "10.0.0.0/24",
        "tech_prefix": "1234#",
        "dnis": "4420712345",
        "dnis_received": "1234#4420712345",
        "calls": 1,
        "capacity": 30,
        "capacity_scope": "account",
        "lease_seconds": 120,
        "generation": 1,
    }
    assert talk.say("authorize", call_id="c", **keys) == expected
    assert talk.say("authorize", call_id="c", **keys) == {**expected, "id": 2, "existing": True}
    identified = {key: value for key, value in expected.items() if key != "lease_seconds"}
    assert talk.say("identify", **keys) == {**identified, "id": 3, "op": "identify"}


@pytest.mark.rule("P2.6", "M4.1", "M2.6")
@BOTH
def test_a_term_answer_says_where_to_send_the_call(encoding: Encoding) -> None:
    vendor = account(
        ip="10.0.0.1", proxy="sbc.example", protocol="sip", port=5070, orig=None, term=TermSide(rate_table_id=8)
    )
    talk = Talk(engine(vendor, client(routing_plan_id=3)), encoding=encoding)
    answer = talk.authorize(direction="term", port=5070, protocol="SIP")
    told = {key: answer.get(key) for key in ("proxy", "protocol", "port", "rate_table_id", "routing_plan_id")}
    assert told == {
        "proxy": "sbc.example",
        "protocol": "sip",
        "port": 5070,
        "rate_table_id": 8,
        "routing_plan_id": None,
    }
    assert talk.heard.decisions == [("term", "")]


@pytest.mark.rule("P2.7", "P2.8", "M5.2")
@BOTH
def test_a_refusal_and_an_unavailable_as_the_contract_shows_them(encoding: Encoding) -> None:
    talk = Talk(engine(account(176, 12, "10.0.0.1", capacity=1), client(12)), encoding=encoding)
    talk.authorize("a")
    assert talk.authorize("b") == {
        "id": 2,
        "op": "authorize",
        "decision": "refuse",
        "reason": "capacity_account",
        "sip_code": 503,
        "q850": 42,
        "account_id": 176,
        "client_id": 12,
        "calls": 1,
        "capacity": 1,
        "capacity_scope": "account",
        "generation": 1,
    }
    assert Talk(not_ready(), encoding=encoding).authorize() == {
        "id": 1,
        "op": "authorize",
        "decision": "unavailable",
        "reason": "not_ready",
        "sip_code": 500,
        "q850": 41,
        "generation": 0,
    }


@pytest.mark.rule("M7.3", "P2.7")
def test_a_refusal_for_cps_says_when_to_come_again() -> None:
    talk = Talk(engine(account(cps=2.0, cps_burst=1.0), client()))
    assert talk.outcome("a") == "grant"
    answer = talk.authorize("b")
    assert (answer["reason"], answer["retry_after_ms"]) == ("cps_account", 500)
    talk.now += 0.5
    assert talk.outcome("b") == "grant"


@pytest.mark.rule("M5.12")
def test_the_sip_code_of_a_reason_may_be_the_gateways_own() -> None:
    made = engine(account(), client(blocked=True), gateway(1, sip_codes={"client_blocked": 480}), gateway(2))
    assert Talk(made, TCP, hello="gw1").authorize()["sip_code"] == 480
    assert Talk(made, TCP, hello="gw2").authorize()["sip_code"] == 403


@pytest.mark.rule("M4.2", "M5.8")
@pytest.mark.parametrize(
    ("prefix", "strip", "dnis", "said", "told"),
    [
        ("99#", True, "99#44", "grant", "44"),
        ("99#", True, "99#99#44", "grant", "99#44"),
        ("99#", False, "99#44", "grant", "99#44"),
        ("99#", True, "99#", "empty_dnis", None),
        ("", True, "", "empty_dnis", None),
        ("", True, "44", "grant", "44"),
    ],
)
def test_the_tech_prefix_comes_off_exactly_once(
    prefix: str, strip: bool, dnis: str, said: str, told: str | None
) -> None:
    made = engine(account(tech_prefix=prefix, strip_tech_prefix=strip), client())
    answer = Talk(made).authorize(dnis=dnis)
    assert answer.get("reason", answer["decision"]) == said
    assert answer.get("dnis") == told
    assert Talk(made).authorize("term", dnis=dnis, direction="term").get("dnis") == (None if told is None else dnis)


# --- what a request may carry


@pytest.mark.rule("P1.13", "P1.14")
@pytest.mark.parametrize(("peer", "said"), [("unix", "grant"), ("loopback", "grant"), ("tcp", "bad_request")])
def test_a_clear_password_is_taken_where_nobody_can_overhear_it(peer: str, said: str) -> None:
    named = account(ident_by="name", networks=(), ident_name="rose", password=b"right")
    talk = Talk(engine(named, client(), gateway(1)), PEERS[peer], hello="gw1")
    keys = {"call_id": "c", "name": "rose", "dnis": "44"}
    answer = talk.say("authorize", password="right", **keys)
    assert answer.get("code", answer.get("decision")) == said
    if said == "bad_request":
        assert answer["field"] == "password"
        assert "right" not in answer["message"]


@pytest.mark.rule("P1.15", "P1.19", "P0.12", "P2.16")
@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"ip": "10.0.0.256"}, "ip"),
        ({"ip": "10.0.0.1/24"}, "ip"),
        ({"ip": ""}, "ip"),
        ({"ip": "10.0.0.1", "port": 65_536}, "port"),
        ({"ip": "10.0.0.1", "protocoll": "sip"}, "protocoll"),
        ({"ip": "10.0.0.1", "direction": "both"}, "direction"),
        ({"ip": "10.0.0.1", "leg": "é" * 128}, "leg"),
        ({}, "ip"),
    ],
)
@BOTH
def test_a_bad_request_names_its_key_and_costs_only_itself(
    encoding: Encoding, keys: dict[str, Any], field: str
) -> None:
    talk = Talk(small(), encoding=encoding)
    answer = talk.say("authorize", call_id="c", dnis="44", **keys)
    assert (answer["op"], answer["code"], answer["field"]) == ("error", "bad_request", field)
    assert talk.outcome() == "grant"


@pytest.mark.rule("P2.18")
@pytest.mark.parametrize("bad", [{"op": "authorize"}, {"op": "identify", "ip": "nonsense", "dnis": "44"}])
@pytest.mark.parametrize(("apart", "closes"), [(4.9, True), (5.0, False)])
def test_the_third_bad_request_in_ten_seconds_closes(bad: dict[str, Any], apart: float, closes: bool) -> None:
    talk = Talk(small())
    for _ in range(3):
        assert not talk.session.closing
        assert talk.says(bad)[0]["code"] == "bad_request"
        talk.now += apart
    assert talk.session.closing is closes
    assert (talk.says({"op": "ping"}) == []) is closes


@pytest.mark.rule("P2.18", "P2.16", "P0.9", "P2.17")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{nonsense}\n", "bad_frame"),
        (b'{"op":"ping","id":1} trailing\n', "bad_frame"),
        (b" " * (FRAME_BYTES_MAX + 1), "frame_too_large"),
        (b"\x00\x00\x00\x01\xc1", "bad_frame"),
        (b"\x00\x01\x00\x01", "frame_too_large"),
    ],
)
def test_bytes_that_are_no_message_close_the_connection(data: bytes, code: str) -> None:
    talk = Talk(small())
    (answer,) = from_bytes(talk.session.receive(data, NOW), talk.session.encoding or "json")
    assert (answer["code"], answer["id"]) == (code, None)
    assert talk.session.closing
    assert talk.heard.errors == [code]
    assert talk.session.receive(b'{"op":"ping","id":1}\n', NOW) == b""


@pytest.mark.rule("P2.17")
@BOTH
def test_a_fault_of_ours_has_last_words_in_the_peers_encoding(encoding: Encoding) -> None:
    talk = Talk(small(), encoding=encoding)
    assert talk.session.broke() == b""
    talk.say("ping")
    (answer,) = from_bytes(talk.session.broke(), encoding)
    assert (answer["id"], answer["code"]) == (None, "internal")


# --- calls that are up


@pytest.mark.rule("M6.12", "P2.17")
def test_a_call_id_of_another_account_is_a_conflict() -> None:
    talk = Talk(small())
    assert talk.outcome() == "grant"
    answer = talk.authorize(ip="10.0.0.2")
    assert (answer["code"], answer["field"]) == ("call_id_conflict", "call_id")
    assert talk.outcome() == "existing"


@pytest.mark.rule("M6.18", "P2.17")
@pytest.mark.parametrize("op", ["start", "release"])
def test_another_gateways_call_is_not_ours_to_touch(op: str) -> None:
    made = small()
    assert Talk(made, TCP, hello="gw1").outcome() == "grant"
    other = Talk(made, TCP, hello="gw2")
    assert other.say(op, call_id="c")["code"] == "not_owner"
    assert other.say("touch", calls=[["c"]])["unknown"] == [["c", ""]]
    assert len(made.live) == 1
    assert not other.session.closing


@pytest.mark.rule("M6.19", "M5.4", "P2.14")
def test_a_late_retry_is_refused_for_thirty_seconds() -> None:
    talk = Talk(small())
    talk.authorize()
    talk.say("release", call_id="c")
    answer = talk.authorize()
    assert (answer["reason"], answer["sip_code"], answer["q850"]) == ("already_released", 481, 31)
    talk.now += 30
    assert talk.outcome() == "grant"


@pytest.mark.rule("P1.9", "P2.13", "M6.35", "M6.37", "M6.38")
@BOTH
def test_sync_in_chunks_tells_what_it_did(encoding: Encoding) -> None:
    made = engine(account(1, capacity=1), client(), gateway(1))
    talk = Talk(made, TCP, encoding, hello="gw1")
    talk.authorize("forgotten")
    assert talk.say("sync", phase="begin", calls=[["a", "", 1]])["result"] == "sync_begun"
    noted = talk.say("sync", phase="chunk", calls=[["b", "leg", 1, "term"], ["no account"], ["unknown", "", 99]])
    assert (noted["result"], "ended" in noted) == ("sync_noted", False)
    end = talk.say("sync", phase="end")
    assert {key: end[key] for key in ("result", "ended", "adopted")} == {"result": "synced", "ended": 0, "adopted": 2}
    assert talk.outcome("new") == "capacity_account"
    talk.say("sync", phase="begin")
    end = talk.say("sync", phase="end", calls=[["a"], ["b", "leg"]])
    assert (end["ended"], end["adopted"]) == (1, 0)
    listed = talk.say("calls")["calls"]
    assert [(call["call_id"], call["leg"], call["direction"], call["state"]) for call in listed] == [
        ("a", "", "orig", "active"),
        ("b", "leg", "term", "active"),
    ]


@pytest.mark.rule("P1.9")
@pytest.mark.parametrize("phase", ["chunk", "end"])
def test_a_sync_begins_with_begin(phase: str) -> None:
    answer = Talk(small()).say("sync", phase=phase)
    assert (answer["code"], answer["field"]) == ("bad_request", "phase")


# --- the daemon itself


@pytest.mark.rule("M5.11", "P2.8")
def test_draining_and_overloaded_are_unavailable_and_never_a_refusal() -> None:
    made = engine(account(), client(), calls_max=1)
    talk = Talk(made)
    talk.authorize("a")
    for reason in ("overloaded", "draining"):
        made.draining = reason == "draining"
        answer = talk.authorize("b")
        assert (answer["decision"], answer["reason"], answer["sip_code"]) == ("unavailable", reason, 500)
    assert talk.heard.decisions[1:] == [("orig", Reason.OVERLOADED), ("orig", Reason.DRAINING)]


# --- many switches at once


@pytest.mark.rule("M6.6", "M6.7")
def test_a_hundred_interleaved_switches_never_exceed_a_limit() -> None:
    made = engine(account(capacity=7), client(capacity=9), gateway(1))
    talks = [Talk(made, TCP, "msgpack" if number % 2 else "json", hello="gw1") for number in range(100)]
    frames = []
    for number, talk in enumerate(talks):
        request = {"op": "authorize", "id": 1, "call_id": str(number), "ip": "10.0.0.1", "dnis": "44"}
        frames.append(to_bytes(request, talk.encoding))
    granted = 0
    for at in range(max(map(len, frames))):  # every switch's request arrives a byte at a time, in turns
        for talk, frame in zip(talks, frames, strict=True):
            for answer in from_bytes(talk.session.receive(frame[at : at + 1], NOW), talk.encoding):
                granted += answer["decision"] == "grant"
                assert len(made.live) == granted <= 7
    assert granted == 7


@pytest.mark.parametrize("peer", [LOOPBACK, Peer("tcp", "::1", bytes(15) + b"\x01"), UNIX])
def test_what_cannot_be_overheard(peer: Peer) -> None:
    assert peer.is_local
    assert not TCP.is_local
