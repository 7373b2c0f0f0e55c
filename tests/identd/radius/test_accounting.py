"""What a client says of its calls, said once, twice, late or wrongly; and which Accounting-On ends calls."""

from typing import Any

import pytest

from identd.calls import Cause
from identd.engine import Engine
from identd.radius import accounting
from identd.radius.observer import Answered
from tests.identd.building import NOW, account, client, engine, gateway
from tests.identd.radius.building import Heard, Switch, door

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
    for status, result in ((START, "started"), (START, "started"), (INTERIM, "touched"), (STOP, "released")):
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
        ({"cisco_avpair": "identd-direction=up"}, "direction"),
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
    for delay in (10, 11):
        assert says(switch, heard, ON, acct_delay_time=delay) is Answered.BOOTED
        assert up(one) == {(1, "new")}
        switch.now += 1
    assert says(switch, heard, ON, acct_delay_time=2**32 - 1) is Answered.BOOTED
    assert up(one) == {(1, "new")}
    assert says(switch, heard, ON) is Answered.BOOTED
    assert up(one) == set()


@pytest.mark.parametrize(("delay", "lives"), [(0, False), (1, True)])
def test_a_delay_in_whole_seconds_ends_no_call_of_the_second_in_which_the_switch_began(
    delay: int, lives: bool
) -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("c")  # the switch began just before
    switch.now += 1.7 if delay else 0.001
    assert says(switch, heard, ON, acct_delay_time=delay) is Answered.BOOTED
    assert bool(up(one)) is lives


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


def test_a_switch_that_names_itself_in_some_packets_only_is_one_switch() -> None:
    one = made()
    at, heard = door(one)
    switch = Switch(at)
    switch.call("a", nas_ip_address=b"\x0a\0\0\1")
    switch.call("b")
    switch.now += 5
    assert says(switch, heard, ON, nas_identifier="east") is Answered.BOOTED
    assert up(one) == set()


def test_only_so_many_switches_and_gateways_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "SPEAKERS_MAX", 2)
    monkeypatch.setattr(accounting, "GATEWAYS_MAX", 1)
    one = made()
    at, heard = door(one, {"network": "192.0.2.0/24", "gateway": ""})
    for last in range(1, 6):
        Switch(at, f"192.0.2.{last}", always={"NAS-Identifier": "gw1"}).call(f"{last}")
    sizes = [len(speakers) for speakers in at._accounting._speakers.values()]
    assert sizes == [2]
    Switch(at, "192.0.2.9", always={"NAS-Identifier": "gw2"}).call("x")
    assert list(at._accounting._speakers) == [2]
    assert heard.dropped == []
