"""Dialogues over RADIUS: what a switch sends and what it hears, or that it hears nothing. pyrad writes and verifies."""

from typing import Any

import pytest
from pyrad.packet import AccessRequest, AccountingRequest

from identd.engine import Engine
from identd.live_calls import LiveCalls
from identd.radius.observer import Answered, Dropped
from matcher.directory import Directory
from tests.identd.building import NOW, account, change, client, engine, gateway, gone, network
from tests.identd.radius.building import SECRET, Heard, Said, Switch, clients, door
from tests.matcher.oracle import proves


def small(**more: Any) -> Engine:
    return engine(account(1, capacity=1), account(2, tech_prefix="99#", ip="10.0.0.1"), client(), gateway(1, **more))


def answered(said: Said | None) -> Said:
    assert said is not None, "silence"
    return said


def test_a_call_from_access_request_to_stop() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    granted = answered(switch.call("c"))
    assert granted.code == "accept"
    assert granted.texts["identd-account"] == "account 1"
    assert granted.texts["identd-dnis"] == "4420"
    assert len(made.live) == 1
    refused = answered(switch.call("d"))
    assert (refused.code, refused.texts["identd-reason"]) == ("reject", "capacity_account")
    assert (refused.texts["identd-sip-code"], refused.every("Reply-Message")) == ("503", [b"capacity_account"])
    for status, state in ((1, "active"), (3, "active")):
        switch.now += 3
        assert answered(switch.account(status)).code == "accounted"
        assert made.live.find((1, "c", "")).state == state
    assert answered(switch.account(2)).code == "accounted"
    assert len(made.live) == 0
    assert heard.answered == [Answered(kind) for kind in ("grant", "refuse", "started", "touched", "released")]
    assert heard.decisions == [("orig", ""), ("orig", "capacity_account")]
    assert heard.requests == ["authorize", "authorize", "start", "touch", "release"]
    assert heard.dropped == []


def test_a_stripped_number_and_a_second_account_on_one_address() -> None:
    at, _ = door(small())
    granted = answered(Switch(at).call(dnis="99#4420"))
    assert (granted.texts["identd-account-id"], granted.texts["identd-dnis"]) == ("2", "4420")
    assert granted.texts["identd-tech-prefix"] == "99#"
