"""Answers put together from many values: lists of calls, status, explained decisions."""

from typing import Any

import pytest

from identd.answering import EXPLAINED_MAX
from identd.engine import Engine
from identd.live_calls import LiveCalls
from matcher.directory import Directory
from protocol.framing import Encoding
from tests.identd.building import (
    NOW,
    TCP,
    Talk,
    account,
    client,
    engine,
    gateway,
    reseller,
)
from tests.matcher.oracle import proves

BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])


def small() -> Engine:
    return engine(account(1), account(2), client(), gateway(1), gateway(2))


def not_ready() -> Engine:
    return Engine(Directory(proves), LiveCalls())


@pytest.mark.rule("P1.10", "P1.18")
def test_calls_are_listed_oldest_first_and_over_tcp_ones_own_only() -> None:
    made = engine(
        account(1), account(2, client_id=2), client(1, reseller_id=1), client(2), reseller(), gateway(1), gateway(2)
    )
    one, two, local = Talk(made, TCP, hello="gw1"), Talk(made, TCP, hello="gw2"), Talk(made)
    for number, (talk, ip) in enumerate([(one, 1), (two, 1), (one, 2), (local, 2)]):
        talk.now = NOW + number
        assert talk.outcome(str(number), ip=f"10.0.0.{ip}") == "grant"
    one.say("start", call_id="0")

    def listed(talk: Talk, **keys: Any) -> str:
        talk.now = NOW + 10
        answer = talk.say("calls", **keys)
        omitted = answer.get("omitted", 0)
        return "".join(call["call_id"] for call in answer["calls"]) + (f"+{omitted}" if omitted else "")

    assert listed(local) == "0123"
    assert listed(local, limit=1) == "0+3"
    assert listed(local, gateway="gw1") == "02"
    assert listed(local, client_id=2) == "23"
    assert listed(local, account_id=1) == "01"
    assert listed(local, account_id=1, gateway="gw2") == "1"
    assert listed(one) == "02"
    assert listed(one, account_id=1) == "0"
    assert one.say("calls", gateway="gw2")["code"] == "forbidden"
    assert local.say("calls", gateway="nobody")["code"] == "forbidden"
    assert one.say("calls", limit=1)["calls"][0] == {
        "call_id": "0",
        "leg": "",
        "direction": "orig",
        "state": "active",
        "account_id": 1,
        "client_id": 1,
        "age_seconds": 10.0,
        "lease_seconds_left": 14_392.0,
        "gateway": "gw1",
        "reseller_id": 1,
    }


@pytest.mark.rule("P1.10", "P1.19")
@pytest.mark.parametrize("limit", [0, 501])
def test_a_listing_has_a_bound(limit: int) -> None:
    assert Talk(small()).say("calls", limit=limit)["code"] == "bad_request"


@pytest.mark.rule("P1.11", "P1.12")
@BOTH
def test_status_and_ping(encoding: Encoding) -> None:
    made = small()
    talk = Talk(made, encoding=encoding)
    talk.authorize()
    expected = {
        "id": 2,
        "op": "status",
        "ready": True,
        "generation": 1,
        "accounts": 2,
        "calls": 1,
        "database": "connected",
        "data_age_seconds": 0.25,
        "quarantined": 0,
        "draining": False,
        "server": "identd test",
    }
    assert talk.say("status") == expected
    talk.facts.database_connected, talk.facts.age, made.draining = False, None, True
    away = talk.say("status")
    assert (away["database"], away["draining"], "data_age_seconds" in away) == ("away", True, False)
    assert talk.say("ping") == {"id": 4, "op": "pong"}


@pytest.mark.rule("P2.10", "P2.11")
@BOTH
def test_explain_lists_who_was_looked_at_in_order_and_on_what_each_lost(encoding: Encoding) -> None:
    made = engine(
        account(1, ip="10.0.0.0/24"),
        account(2, ip="10.0.0.0/24", tech_prefix="44"),
        account(3, ip="10.0.0.0/16"),
        account(4, ip="10.0.0.9", port=5070),
        client(),
    )
    talk = Talk(made, encoding=encoding)
    for op, more in (("identify", {}), ("authorize", {"call_id": "c"}), ("authorize", {"call_id": "c"})):
        answer = talk.say(op, ip="10.0.0.9", dnis="4420", port=5060, explain=True, **more)
        assert answer["account_id"] == 2
        told = [(one["account_id"], one["verdict"], one.get("on")) for one in answer["explain"]]
        assert told == [
            (4, "failed", "port"),
            (2, "won", None),
            (1, "lost", "tech_prefix"),
            (3, "lost", "network_mask"),
        ]
    assert answer["existing"] is True
    assert answer["explain"][0] == {
        "account_id": 4,
        "account": "account 4",
        "client_id": 1,
        "ident_by": "ip",
        "matched": "10.0.0.9",
        "verdict": "failed",
        "on": "port",
        "expected": "5070",
        "seen": "5060",
    }
    refused = talk.say("identify", ip="10.9.9.9", dnis="44", explain=True)
    assert (refused["reason"], refused["explain"]) == ("unknown_source", [])


@pytest.mark.rule("P2.10")
@BOTH
def test_explain_has_a_bound_and_says_what_it_left_out(encoding: Encoding) -> None:
    rows = [account(number, ip="10.0.0.1") for number in range(1, 74)]
    talk = Talk(engine(*rows, client()), encoding=encoding)
    answer = talk.authorize(explain=True)
    assert len(answer["explain"]) == EXPLAINED_MAX == 50
    assert answer["explain_omitted"] == 23
    assert answer["explain"][0]["verdict"] == "won"
