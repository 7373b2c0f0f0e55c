"""What a client says of its calls, said once, twice, late or wrongly; and which Accounting-On ends calls."""

from pathlib import Path
from typing import Any

import pytest
from pyrad.packet import AccountingRequest

from identd.calls import Cause
from identd.engine import Engine
from identd.journal import Journal
from identd.radius.boots import BOOT_SECONDS
from identd.radius.observer import Answered
from tests.identd.building import NOW, account, client, engine, gateway
from tests.identd.radius.building import Heard, Switch, clients, door

START, STOP, INTERIM, ON, OFF, FAILED = 1, 2, 3, 7, 8, 15
ONE = {"network": "192.0.2.7", "gateway": "gw1"}
NAMED = {"network": "192.0.2.0/24"}


def made() -> Engine:
    return engine(account(), client(), gateway(1), gateway(2))


def up(one: Engine) -> set[tuple[int, str]]:
    return {call.key[:2] for call in one.live.all_calls()}


def says(switch: Switch, heard: Heard, status: int | None, *args: Any, **more: Any) -> Answered:
    """What the answer meant; every answer is an Accounting-Response."""
    said = switch.account(status, *args, **more)
    assert said is not None, "silence"
    assert said.code == "accounted"
    return heard.answered[-1]


def test_every_status_in_every_order_is_acknowledged_and_counted_by_what_it_did() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    assert says(switch, heard, START) is Answered.UNKNOWN
    assert says(switch, heard, INTERIM) is Answered.UNKNOWN
    assert says(switch, heard, STOP) is Answered.UNKNOWN
    assert says(switch, heard, STOP) is Answered.ALREADY_RELEASED
    late = switch.call("c")
    assert late is not None
    assert late.texts["identd-reason"] == "already_released", "Stop before Start: its late request takes no slot"
    switch.call("d")
    for status, result in (
        (START, "started"),
        (START, "started"),
        (INTERIM, "touched"),
        (STOP, "released"),
        (INTERIM, "unknown"),
        (START, "already_released"),
    ):
        assert says(switch, heard, status, "d") is Answered(result)
    switch.call("e")
    assert says(switch, heard, FAILED, "e") is Answered.RELEASED
    assert len(one.live) == 0
    assert heard.dropped == []


def test_another_gateways_call_is_left_alone() -> None:
    one = made()
    at, heard = door(one, NAMED)
    assert Switch(at).call("c", nas_identifier="gw1") is not None
    assert says(Switch(at), heard, STOP, "c", nas_identifier="gw2") is Answered.NOT_OWNER
    assert up(one) == {(1, "c")}


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"acct_status_type": None}, "status"),
        ({"acct_status_type": 4}, "status"),
        ({"acct_status_type": 9}, "status"),
        ({"acct_status_type": b"\0\2"}, "status"),
        ({"acct_session_id": None}, "call_id"),
        ({"acct_session_id": b"\xff"}, "call_id"),
        ({"acct_session_id": b"a\nb"}, "call_id"),
        ({"acct_status_type": ON, "acct_delay_time": b"\0"}, "delay"),
    ],
)
def test_what_cannot_be_read_is_acknowledged_and_counted_by_its_field(words: dict[str, Any], field: str) -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("c")
    assert says(switch, heard, None, **{"acct_status_type": STOP, **words}) is Answered.BAD_ACCOUNTING
    assert heard.bad_fields == [field]
    assert up(one) == {(1, "c")}


@pytest.mark.parametrize("direction", ["identd-direction=up", b"identd-direction=\xff"])
def test_a_direction_that_cannot_be_read_keeps_no_call_up(direction: str | bytes) -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("c")
    for status, result in ((START, "started"), (INTERIM, "touched"), (STOP, "released")):
        assert says(switch, heard, status, cisco_avpair=direction) is Answered(result)
    assert heard.bad_fields == []


def test_an_update_of_a_call_whose_start_was_lost_is_its_start() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("c")
    switch.now += 60
    assert says(switch, heard, INTERIM) is Answered.STARTED
    assert heard.requests == ["authorize", "touch"]
    switch.now += 300
    one.live.expire(switch.now, 100)
    assert says(switch, heard, INTERIM) is Answered.TOUCHED
    call = one.live.find((1, "c", ""))
    assert call is not None
    assert (call.state, call.lease_seconds) == ("active", gateway().active_seconds)


# --- a Stop that comes late


@pytest.mark.parametrize("status", [STOP, FAILED])
@pytest.mark.parametrize(
    ("since_granted", "delay", "result"),
    [
        (5.0, 300, "unknown"),
        (5.0, 7, "unknown"),
        (5.0, 6, "released"),  # whole seconds: it may have ended just behind the grant
        (5.0, 0, "released"),
        (0.3, 0, "released"),  # a caller who hangs up at once
        (0.3, 1, "released"),
        (0.3, None, "released"),
        (5.0, b"\1\0\0", "released"),  # no delay that can be read is none
    ],
)
def test_the_late_end_of_an_earlier_call_of_a_name_does_not_end_the_call_that_has_it_now(
    status: int, since_granted: float, delay: int | bytes | None, result: str
) -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("00000001")
    switch.now += since_granted
    assert says(switch, heard, status, "00000001", acct_delay_time=delay) is Answered(result)
    assert len(one.live) == (result == "unknown")
    if result == "unknown":
        again = switch.call("00000001")
        assert again is not None
        assert again.code == "accept", "nothing is remembered of an end that was another call's"


# --- Accounting-On and -Off


@pytest.mark.parametrize("status", [ON, OFF])
@pytest.mark.parametrize("table", [ONE, NAMED], ids=["fixed", "named"])
def test_a_switch_that_begins_anew_or_stops_has_no_call_of_before(status: int, table: dict[str, Any]) -> None:
    one = made()
    at, heard = door(one, table)
    switch = Switch(at, always={"NAS-Identifier": "gw1"})
    other = Switch(at, "192.0.2.8", always={"NAS-Identifier": "gw2"})
    switch.call("a")
    other.call("b")
    switch.now += 5
    assert says(switch, heard, status, "boot") is Answered.BOOTED
    assert up(one) == ({(2, "b")} if table is NAMED else set())
    assert one.live.endings[Cause.BOOT] == 1
    assert one.live.boots == {}, "it is no boot id: the gateway may say hello with one of its own"
    assert heard.shared_boots == []


def test_calls_begun_since_the_boot_live_however_late_it_is_told_and_however_often() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("old")
    switch.now += 60
    switch.call("new")
    switch.now += 5
    for delay in (10, 11):  # it is told anew, as another packet
        assert says(switch, heard, ON, acct_delay_time=delay) is Answered.BOOTED
        assert up(one) == {(1, "new")}
        switch.now += 1
    assert says(switch, heard, ON, acct_delay_time=2**32 - 1) is Answered.BOOTED
    assert up(one) == {(1, "new")}
    assert says(switch, heard, ON) is Answered.BOOTED
    assert up(one) == set()


@pytest.mark.parametrize(
    ("since_granted", "delay", "lives"), [(0.001, 0, True), (0.999, None, True), (1.001, 0, False), (1.7, 1, True)]
)
def test_no_call_of_the_second_in_which_the_switch_began_is_ended(
    since_granted: float, delay: int | None, lives: bool
) -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("c")  # the switch began just before, and this came first
    switch.now += since_granted
    assert says(switch, heard, ON, acct_delay_time=delay) is Answered.BOOTED
    assert bool(up(one)) is lives


@pytest.mark.parametrize(("delay", "left"), [(0, {"ringing"}), (None, {"ringing"}), (1, {"ringing", "answered"})])
def test_a_switch_that_is_back_within_a_second_has_no_answered_call_any_more(
    delay: int | None, left: set[str]
) -> None:
    one = made()
    at, heard = door(one, NAMED)
    switch, other = (Switch(at, always={"NAS-Identifier": name}) for name in ("gw1", "gw2"))
    for each in (switch, other):
        for call_id in ("answered", "ringing"):
            each.call(call_id)
        each.account(START, "answered")
    switch.now += 0.7
    assert says(switch, heard, ON, acct_delay_time=delay) is Answered.BOOTED
    assert up(one) == {(1, call_id) for call_id in left} | {(2, "answered"), (2, "ringing")}
    assert one.live.endings[Cause.BOOT] == 2 - len(left)


def test_the_same_accounting_on_again_ends_no_call_of_since_though_a_reload_lies_between() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    raw = switch.packet(AccountingRequest, {"Acct-Status-Type": ON, "Acct-Session-Id": "boot"}).RequestPacket()

    def hears(port: int, later: float) -> Answered:
        assert at.receive(raw, switch.source, port, "accounting", NOW + later) is not None
        return heard.answered[-1]

    switch.call("old")
    assert hears(1, 2.0) is Answered.BOOTED
    assert up(one) == set()
    switch.now += 5
    switch.call("new")
    assert hears(2, 8.0) is Answered.REPEATED_BOOT, "from another port, so that it is no duplicate"
    at.use(clients(ONE))
    assert hears(1, 9.0) is Answered.REPEATED_BOOT
    assert hears(1, BOOT_SECONDS) is Answered.REPEATED_BOOT
    assert up(one) == {(1, "new")}
    assert says(switch, heard, ON, "boot", acct_delay_time=0) is Answered.BOOTED, "another packet"
    assert hears(1, 3.0 + BOOT_SECONDS) is Answered.BOOTED


def test_the_accounting_on_of_one_gateway_is_no_repeat_for_another() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    raw = switch.packet(AccountingRequest, {"Acct-Status-Type": ON, "Acct-Session-Id": "boot"}).RequestPacket()
    for name in ("gw1", "gw2"):
        at.use(clients({**ONE, "gateway": name}))
        assert at.receive(raw, switch.source, 1, "accounting", NOW) is not None
    assert heard.answered == [Answered.BOOTED] * 2


SHARED: dict[str, tuple[list[dict[str, Any]], str, dict[str, Any], str, dict[str, Any]]] = {
    "two addresses of one table": ([{**ONE, "network": "192.0.2.0/24"}], "192.0.2.7", {}, "192.0.2.8", {}),
    "two tables": ([ONE, {**ONE, "network": "192.0.2.8"}], "192.0.2.7", {}, "192.0.2.8", {}),
    "one NAS-Identifier at two addresses": (
        [NAMED],
        *("192.0.2.7", {"NAS-Identifier": "gw1"}),
        *("192.0.2.8", {"NAS-Identifier": "gw1"}),
    ),
    "two NAS-Identifiers behind one proxy": (
        [ONE],
        *("192.0.2.7", {"NAS-Identifier": "east"}),
        *("192.0.2.7", {"NAS-Identifier": "west"}),
    ),
    "two NAS-IP-Addresses behind one proxy": (
        [ONE],
        *("192.0.2.7", {"NAS-IP-Address": b"\x0a\0\0\1"}),
        *("192.0.2.7", {"NAS-IP-Address": b"\x0a\0\0\2"}),
    ),
}


@pytest.mark.parametrize("case", SHARED.values(), ids=SHARED)
def test_accounting_on_from_one_nas_of_two_is_acknowledged_ends_nothing_and_is_told(case: Any) -> None:
    tables, source, always, other_source, other_always = case
    one = made()
    at, heard = door(one, *tables)
    switch, other = Switch(at, source, always=always), Switch(at, other_source, always=other_always)
    switch.call("a")
    other.call("b")
    switch.now += 5
    assert says(switch, heard, ON) is Answered.SHARED_BOOT
    assert heard.shared_boots == ["gw1"]
    assert up(one) == {(1, "a"), (1, "b")}


def test_a_switch_that_has_been_silent_for_longer_than_its_calls_may_live_does_not_count() -> None:
    one = made()
    at, heard = door(one, NAMED)
    gone, here = (Switch(at, source, always={"NAS-Identifier": "gw1"}) for source in ("192.0.2.7", "192.0.2.8"))
    gone.call("a")
    here.now = NOW + gateway().active_seconds - 1
    assert says(here, heard, ON) is Answered.SHARED_BOOT
    here.now += 2
    assert says(here, heard, ON) is Answered.BOOTED


def test_a_switch_counts_for_as_long_as_its_calls_may_live_while_nobody_can_hear_it() -> None:
    one = made()
    at, heard = door(one, NAMED)
    here, there = (Switch(at, source, always={"NAS-Identifier": "gw1"}) for source in ("192.0.2.7", "192.0.2.8"))
    there.call("b")
    there.account(START, "b")
    one.live.was_deaf(20_000)
    here.now += 20_000
    one.live.expire(here.now, 100)
    assert says(here, heard, ON) is Answered.SHARED_BOOT
    assert up(one) == {(1, "b")}
    there.now = here.now
    there.account(INTERIM, "b")
    here.now += gateway().active_seconds + 2
    assert says(here, heard, ON) is Answered.BOOTED, "what was not heard before the switch last spoke does not count"


@pytest.mark.parametrize(
    ("table", "result"), [(NAMED, Answered.SHARED_BOOT), (ONE, Answered.BOOTED)], ids=["named", "fixed"]
)
def test_after_a_restart_a_gateway_that_only_names_itself_may_be_two_while_calls_of_before_are_up(
    table: dict[str, Any], result: Answered, tmp_path: Path
) -> None:
    before, after = made(), made()
    journal = Journal(tmp_path)
    journal.restore(before.live, NOW)
    Switch(door(before, table)[0], always={"NAS-Identifier": "gw1"}).call("a")
    journal.write(before.live, NOW)
    journal.close()
    at, heard = door(after, table)
    journal = Journal(tmp_path)
    assert journal.restore(after.live, NOW + 3) == 1
    journal.close()
    switch = Switch(at, always={"NAS-Identifier": "gw1"})
    switch.now += 5
    assert says(switch, heard, ON) is result
    assert up(after) == ({(1, "a")} if result is Answered.SHARED_BOOT else set())
    switch.call("new")
    switch.now += 1
    switch.account(STOP, "a")
    switch.now += 1
    assert says(switch, heard, ON) is Answered.BOOTED
    assert up(after) == set()


def test_an_unsigned_request_makes_nobody_a_second_switch() -> None:
    one = made()
    at, heard = door(one)
    switch, forger = (Switch(at, signs=False, always={"NAS-Identifier": name}) for name in ("east", "forged"))
    switch.call("a")
    forger.call("b", ip="203.0.113.9")
    switch.now += 5
    assert says(switch, heard, ON) is Answered.BOOTED
    assert up(one) == set()


@pytest.mark.parametrize("speaks", ["signed request", "accounting"])
def test_whoever_knows_the_secret_is_a_second_switch(speaks: str) -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at, always={"NAS-Identifier": "east"})
    other = Switch(at, signs=speaks == "signed request", always={"NAS-Identifier": "west"})
    _ = other.call("b") if other.signs else other.account(STOP, "b")
    switch.now += 5
    assert says(switch, heard, ON) is Answered.SHARED_BOOT


def test_a_switch_that_names_itself_in_some_packets_only_is_one_switch() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("a", nas_ip_address=b"\x0a\0\0\1")
    switch.call("b")
    switch.now += 5
    assert says(switch, heard, ON, nas_identifier="east") is Answered.BOOTED
    assert up(one) == set()
