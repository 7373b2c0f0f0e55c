"""Killed, stopped and started again: what a daemon and its loader lose, which is nothing."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import GRANTED, SECRET, Database
from tests.end_to_end.daemon import DaemonProcess, eventually

Start = Callable[..., DaemonProcess]


def _moved_to(accounts: Database, ip: str) -> None:
    accounts.sql(f"UPDATE identd.accounts SET ip = '{{{ip}}}' WHERE id = 176")


def _is_roses(daemon: DaemonProcess, ip: str) -> bool:
    return bool(daemon.ask("identify", ip=ip, dnis="1234#44").get("account_id") == 176)


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_loader_killed_costs_no_answer_and_the_next_one_catches_up(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    generation = daemon.status()["generation"]
    first = daemon.loader_pid()
    os.kill(first, signal.SIGKILL)
    _moved_to(accounts, "192.0.2.71")
    with daemon.wire() as switch:
        while not (answer := switch.ask("identify", ip="192.0.2.71", dnis="1234#44")).get("account_id"):
            assert answer["reason"] == "unknown_source"
            time.sleep(0.01)
    assert daemon.loader_pid() != first
    assert daemon.metric("identd_loader_restarts_total") == 1
    assert daemon.status()["generation"] == generation + 1, "what was known already is no change"
    assert "loader_ended" in daemon.log()


def test_a_loader_that_is_stopped_costs_no_answer_and_its_silence_shows_as_age(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    eventually(lambda: "data_age_seconds" in daemon.status(), "the database was heard of")
    loader = daemon.loader_pid()
    os.kill(loader, signal.SIGSTOP)
    try:
        _moved_to(accounts, "192.0.2.72")
        time.sleep(1.0)
        assert _is_roses(daemon, "192.0.2.10")
        assert daemon.status()["data_age_seconds"] > 0.8
    finally:
        os.kill(loader, signal.SIGCONT)
    eventually(lambda: _is_roses(daemon, "192.0.2.72"), "it goes on where it was")


def test_a_daemon_that_ends_while_its_loader_is_stopped_leaves_none_behind(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    loader = daemon.loader_pid()
    os.kill(loader, signal.SIGSTOP)
    assert daemon.stop() == 0
    assert _is_gone(loader)


@pytest.mark.rule("M6.11", "M6.30", "M6.33", "M6.19")
def test_a_daemon_that_is_killed_knows_its_calls_when_it_is_back(accounts: Database, start_daemon: Start) -> None:
    daemon = start_daemon(accounts.dsn)
    with daemon.wire("tcp") as switch:
        switch.ask("hello", version=1, gateway="gw1", secret=SECRET, boot_id=7)
        granted = [switch.ask("authorize", call_id=f"c{number}", **GRANTED) for number in range(5)]
        assert [answer["decision"] for answer in granted] == ["grant"] * 5
        switch.ask("start", call_id="c0")
        assert switch.ask("release", call_id="c4")["result"] == "released"
    loader = daemon.loader_pid()
    daemon.kill()
    eventually(lambda: _is_gone(loader), "a loader without a daemon ends")
    accounts.sql("UPDATE identd.accounts SET orig_capacity = 4 WHERE id = 176")
    daemon.start()
    assert "calls_restored calls=4" in daemon.log()
    with daemon.wire("tcp") as switch:
        stale = switch.ask("hello", version=1, gateway="gw1", secret=SECRET, boot_id=6)
        assert stale["code"] == "stale_boot"
    with daemon.wire("tcp") as switch:
        switch.ask("hello", version=1, gateway="gw1", secret=SECRET, boot_id=7)
        assert switch.ask("status")["calls"] == 4
        again = switch.ask("authorize", call_id="c0", **GRANTED)
        assert again["existing"] is True
        kept = {"account_id", "account", "client", "matched", "tech_prefix", "dnis", "dnis_received", "tags"}
        assert {key: again.get(key) for key in kept} == {key: granted[0].get(key) for key in kept}
        full = switch.ask("authorize", call_id="c9", **GRANTED)
        assert (full["reason"], full["calls"], full["capacity"]) == ("capacity_account", 4, 4)
        assert switch.ask("authorize", call_id="c4", **GRANTED)["reason"] == "already_released"
        states = {call["call_id"]: call["state"] for call in switch.ask("calls")["calls"]}
        assert states == {"c0": "active", "c1": "reserved", "c2": "reserved", "c3": "reserved"}
        for call_id in states:
            assert switch.ask("release", call_id=call_id)["result"] == "released"
    assert daemon.status()["calls"] == 0


@pytest.mark.rule("M6.29", "M6.30", "M6.40")
def test_no_lease_pays_for_the_time_in_which_the_daemon_could_not_hear(
    accounts: Database, start_daemon: Start
) -> None:
    """Gateway `hasty` reserves for 2 s: 3 s stopped, then 3 s killed, end no call; 2 s of its silence do."""
    daemon = start_daemon(accounts.dsn)
    with daemon.wire() as switch:
        switch.ask("hello", version=1, gateway="hasty")
        assert switch.ask("authorize", call_id="held", **GRANTED)["lease_seconds"] == 2
        daemon.signal(signal.SIGSTOP)
        time.sleep(3.0)
        daemon.signal(signal.SIGCONT)
        (call,) = switch.ask("calls")["calls"]
        assert call["lease_seconds_left"] > 0.5
        assert switch.ask("touch", calls=[["held", ""]])["unknown"] == []
    daemon.kill()
    time.sleep(3.0)
    daemon.start()
    assert daemon.status()["calls"] == 1
    eventually(lambda: daemon.status()["calls"] == 0, "the switch has forgotten it", 5.0)
    assert daemon.metric('identd_call_endings_total{cause="expire"}') == 1


def test_no_connection_pays_for_the_time_in_which_the_daemon_could_not_hear(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn, limits={"idle_seconds_max": 2.0})
    with daemon.wire() as idle, daemon.wire() as halfway, daemon.wire() as asking:
        for switch in (idle, halfway, asking):
            switch.ask("ping")
        frame = halfway.frame({"op": "ping", "id": 77})
        halfway.send(frame[:5])
        time.sleep(0.3)
        daemon.signal(signal.SIGSTOP)
        asking.send(asking.frame({"op": "ping", "id": 78}))
        halfway.send(frame[5:])
        time.sleep(2.5)
        daemon.signal(signal.SIGCONT)
        assert asking.answer()["id"] == 78
        assert halfway.answer()["id"] == 77
        assert idle.ask("ping")["op"] == "pong"


@pytest.mark.rule("M6.12", "M6.23")
def test_a_disk_that_takes_nothing_costs_no_answer_and_is_made_up_for(
    accounts: Database, start_daemon: Start
) -> None:
    import resource

    daemon = start_daemon(accounts.dsn)
    _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (1, hard))
    with daemon.wire() as switch:
        switch.ask("hello", version=1, gateway="gw1")
        for number in range(3):
            assert switch.ask("authorize", call_id=f"d{number}", **GRANTED)["decision"] == "grant"
        assert switch.ask("release", call_id="d2")["result"] == "released"
    # the log is a file here too, and takes nothing either: the metric tells
    eventually(lambda: daemon.metric("identd_journal_failures_total") > 0, "the journal could not be written")
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
    time.sleep(1.6)  # it tries again each second
    daemon.kill()
    daemon.start()
    assert "calls_restored calls=2" in daemon.log()


@pytest.mark.rule("M6.32", "M6.33", "M6.35", "M6.36", "M6.37", "M6.38", "M6.40", "P1.9")
def test_boots_and_syncs_of_one_gateway_over_two_connections(accounts: Database, start_daemon: Start) -> None:
    daemon = start_daemon(accounts.dsn)
    with daemon.wire("tcp") as one, daemon.wire("tcp", "msgpack") as two:
        for switch in (one, two):
            hello = switch.ask("hello", version=1, gateway="gw1", secret=SECRET, boot_id=1)
            assert hello["op"] == "hello"
        for call_id in ("a", "b"):
            assert one.ask("authorize", call_id=call_id, **GRANTED)["decision"] == "grant"
        # one connection lists, the other authorizes meanwhile: the new call is spared
        assert one.ask("sync", phase="begin")["result"] == "sync_begun"
        assert two.ask("authorize", call_id="c", **GRANTED)["decision"] == "grant"
        assert one.ask("sync", phase="chunk", calls=[["a", ""], ["x", "", 176, "orig"]])["result"] == "sync_noted"
        first = one.ask("sync", phase="end")
        assert (first["ended"], first["adopted"]) == (0, 1)
        assert two.ask("status")["calls"] == 4
        two.ask("sync", phase="begin")
        second = two.ask("sync", phase="end", calls=[["a", ""], ["c", ""], ["x", ""]])
        assert (second["ended"], second["adopted"]) == (1, 0)
        assert {call["call_id"] for call in one.ask("calls")["calls"]} == {"a", "c", "x"}
        with daemon.wire("tcp") as reborn:
            assert reborn.ask("hello", version=1, gateway="gw1", secret=SECRET, boot_id=2)["op"] == "hello"
            assert reborn.ask("calls")["calls"] == []
            late = one.ask("authorize", call_id="d", **GRANTED)
            assert late["code"] == "stale_boot"
            assert one.is_closed()
            assert reborn.ask("authorize", call_id="e", **GRANTED)["calls"] == 1
    assert daemon.metric('identd_call_endings_total{cause="boot"}') == 3
    assert daemon.metric('identd_call_endings_total{cause="sync"}') == 1
    assert daemon.status()["calls"] == 1, "a closed connection ends nothing"
