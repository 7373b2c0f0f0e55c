"""What the console asks a running daemon: figures that move, a call ended by hand, a change that is in force."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from identd.last_calls import SHARDS
from protocol.client_blocking import BlockingClient
from protocol.messages import AccountUsage, End, EndAnswer, InForce, InForceAnswer, Usage, UsageAnswer
from tests.end_to_end.conftest import GRANTED, SECRET, Database
from tests.end_to_end.daemon import DaemonProcess, Wire, eventually
from tests.loader.conftest import Session

IN_FORCE_SECONDS_MAX = 0.05
"""From the commit to the word that calls are judged by it, as the issue asks."""
TRIES = 20
QUESTIONS = 100
WAITED_SECONDS_MAX = 0.04
"""A turn with one question of 500 accounts at a crowded address, some 5 ms, on a machine that is busy otherwise."""


def of_rose(wire: Wire) -> dict[str, Any]:
    (told,) = wire.ask("usage", accounts=[176])["accounts"]
    return dict(told)


def committed(session: Session, sql: str) -> int:
    """Its transaction id, once it is committed."""
    session("BEGIN")
    session(sql)
    xid = int(session.one("SELECT pg_current_xact_id()::text"))
    session("COMMIT")
    return xid


def seconds_until_in_force(wire: Wire, xid: int, seconds_max: float = 5.0) -> float:
    began = time.monotonic()
    while not wire.ask("in_force", xid=xid)["in_force"]:
        assert time.monotonic() - began < seconds_max, "never in force"
        time.sleep(0.001)
    return time.monotonic() - began


@pytest.mark.rule("P3.6", "P3.8")
def test_figures_of_an_account_move_with_its_calls(daemon: DaemonProcess) -> None:
    with daemon.wire() as wire:
        began = time.time()
        wire.ask("authorize", **GRANTED, call_id="figures")
        told = of_rose(wire)
        assert (told["orig"], told["term"]) == (1, 0)
        assert began - 1 < told["last_call_at"] < time.time() + 1
        assert wire.ask("usage", clients=[12])["clients"] == [{"client_id": 12, "orig": 1, "term": 0}]
        wire.ask("release", call_id="figures")
        assert of_rose(wire) == {**told, "orig": 0}


@pytest.mark.rule("P3.10")
def test_call_that_an_operator_ends_frees_its_slot_while_the_switch_does_not_know(daemon: DaemonProcess) -> None:
    ended = daemon.metric('identd_call_endings_total{cause="admin"}')
    with daemon.wire("tcp") as switch, daemon.wire() as console:
        switch.ask("hello", version=1, gateway="gw1", secret=SECRET)
        calls = [switch.ask("authorize", **GRANTED, call_id=f"slot {number}") for number in range(6)]
        assert [call["decision"] for call in calls] == ["grant"] * 5 + ["refuse"]
        assert console.ask("end", gateway="gw1", call_id="slot 0")["result"] == "released"
        assert switch.ask("authorize", **GRANTED, call_id="slot 6")["decision"] == "grant"
        assert switch.ask("release", call_id="slot 0")["result"] == "already_released"
        assert console.ask("end", gateway="gw1", call_id="slot 0")["result"] == "already_released"
        assert console.ask("end", gateway="gw1", call_id="never")["result"] == "unknown"
        for number in (1, 2, 3, 4, 6):
            assert switch.ask("release", call_id=f"slot {number}")["result"] == "released"
    assert daemon.metric('identd_call_endings_total{cause="admin"}') == ended + 1
    lines = [line for line in daemon.log().splitlines() if "call_ended_by_hand" in line and "slot 0" in line]
    assert len(lines) == 1
    assert "gateway=gw1" in lines[0]
    assert "account_id=176" in lines[0]


@pytest.mark.rule("P3.2")
@pytest.mark.parametrize(
    ("op", "keys"), [("usage", {"accounts": [176]}), ("end", {"call_id": "c"}), ("in_force", {"xid": 1})]
)
def test_nobody_hears_figures_or_ends_calls_over_tcp(daemon: DaemonProcess, op: str, keys: dict[str, Any]) -> None:
    with daemon.wire("tcp") as wire:
        assert wire.ask(op, **keys)["code"] == "forbidden"
        assert wire.ask("hello", version=1, gateway="gw1", secret=SECRET)["op"] == "hello"
        assert wire.ask(op, **keys)["code"] == "forbidden"


@pytest.mark.rule("P3.3", "P3.4", "P3.5")
def test_client_library_asks_what_the_console_asks(daemon: DaemonProcess) -> None:
    with BlockingClient(daemon.unix) as client:
        told = client.call(Usage(id=1, accounts=(178, 9), clients=(13,)))
        assert isinstance(told, UsageAnswer)
        assert told.accounts == (AccountUsage(account_id=178, orig=0, term=0),)
        ended = client.call(End(id=2, call_id="no such call"))
        assert isinstance(ended, EndAnswer)
        assert (ended.op, ended.result) == ("end", "unknown")
        told_of = client.call(InForce(id=3, xid=1))
        assert isinstance(told_of, InForceAnswer)
        assert told_of.in_force


@pytest.mark.rule("P3.11")
def test_what_was_saved_is_in_force_within_fifty_milliseconds_and_then_decides(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(accounts.dsn, database={"poll_seconds": 1.0})
    session = accounts.session()
    try:
        with daemon.wire() as wire:
            seconds = []
            for number in range(TRIES):
                ip = f"203.0.113.{number}"
                xid = committed(session, f"UPDATE identd.accounts SET ip = '{{{ip}}}' WHERE id = 178")
                seconds.append(seconds_until_in_force(wire, xid))
                assert wire.ask("identify", ip=ip, dnis="1")["account_id"] == 178
            assert sorted(seconds)[TRIES // 2] < IN_FORCE_SECONDS_MAX, seconds
    finally:
        session.close()


@pytest.mark.rule("P3.11")
def test_change_of_nothing_that_the_daemon_reads_is_in_force_after_the_next_poll_or_bell(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(accounts.dsn, database={"poll_seconds": 0.5})
    session = accounts.session()
    try:
        with daemon.wire() as wire:
            generation = wire.ask("status")["generation"]
            for bell in ("", "; NOTIFY identd"):
                xid = committed(session, f"INSERT INTO identd.rate_tables (name) VALUES ('r{bell}'){bell}")
                assert seconds_until_in_force(wire, xid) < (0.25 if bell else 2.0)
            xid = committed(session, "UPDATE identd.accounts SET notes = 'seen' WHERE id = 176")
            seconds_until_in_force(wire, xid)
            assert wire.ask("status")["generation"] == generation
    finally:
        session.close()


@pytest.mark.rule("P3.11")
def test_transaction_that_still_runs_is_not_in_force_and_those_after_it_are(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(accounts.dsn)
    slow, quick = accounts.session(), accounts.session()
    try:
        with daemon.wire() as wire:
            slow("BEGIN")
            slow("UPDATE identd.accounts SET orig_capacity = 1 WHERE id = 176")
            running = int(slow.one("SELECT pg_current_xact_id()::text"))
            later = committed(quick, "UPDATE identd.accounts SET orig_capacity = 9 WHERE id = 178")
            seconds_until_in_force(wire, later)
            assert not wire.ask("in_force", xid=running)["in_force"]
            slow("COMMIT")
            seconds_until_in_force(wire, running)
    finally:
        slow.close()
        quick.close()


@pytest.mark.rule("P3.8", "P3.11")
def test_killed_daemon_knows_who_called_last_and_nothing_of_what_is_in_force_without_a_database(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(accounts.dsn)
    session = accounts.session()
    xid = committed(session, "UPDATE identd.accounts SET orig_capacity = 9 WHERE id = 178")
    session.close()
    with daemon.wire() as wire:
        seconds_until_in_force(wire, xid)
        wire.ask("authorize", **GRANTED, call_id="last")
        wire.ask("release", call_id="last")
        before = of_rose(wire)
    daemon.kill()
    daemon.dsn = "postgresql://nobody@127.0.0.1:1/none"
    daemon.start()
    with daemon.wire() as wire:
        assert of_rose(wire) == before
        assert before["last_call_at"]
        assert not wire.ask("in_force", xid=xid)["in_force"]


@pytest.mark.rule("P3.8")
def test_account_that_comes_back_under_its_old_id_has_not_called_yet(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    row_id = SHARDS + 8  # of the ninth part that is looked through for accounts that are gone, four a second
    put = (
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled)"
        f" OVERRIDING SYSTEM VALUE VALUES ({row_id}, 12, 'back', 'ip', '{{203.0.113.1}}', true)"
    )
    accounts.sql(put)
    daemon = start_daemon(accounts.dsn)
    daemon.ask("authorize", ip="203.0.113.1", dnis="1", call_id="last")
    daemon.ask("release", call_id="last")
    assert daemon.ask("usage", accounts=[row_id])["accounts"][0]["last_call_at"]
    daemon.kill()
    accounts.sql(f"DELETE FROM identd.accounts WHERE id = {row_id}")
    daemon.start()
    time.sleep(4.0)
    accounts.sql(put)
    eventually(lambda: daemon.ask("usage", accounts=[row_id])["accounts"], "the account is back")
    assert "last_call_at" not in daemon.ask("usage", accounts=[row_id])["accounts"][0]


@pytest.mark.rule("P3.3")
def test_usage_asked_without_end_holds_no_call_up_for_long(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    accounts.sql(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled) OVERRIDING SYSTEM VALUE"
        " SELECT 1000 + n, 12 + n % 2, 'crowd' || n, 'ip', '{203.0.113.7}', true FROM generate_series(1, 3000) n"
    )
    daemon = start_daemon(accounts.dsn)
    ids = list(range(1_001, 1_501))
    told: list[int] = []

    def ask_on(console: Wire) -> None:
        for _ in range(QUESTIONS):
            answer = console.ask("usage", accounts=ids, clients=[12, 13])
            told.append(len(answer["accounts"]) + answer.get("omitted", 0))

    with daemon.wire() as console, daemon.wire() as switch:
        asking = threading.Thread(target=ask_on, args=(console,))
        asking.start()
        waited = []
        while asking.is_alive():
            began = time.monotonic()
            switch.ask("identify", **GRANTED)
            waited.append(time.monotonic() - began)
        asking.join()
    assert told == [len(ids)] * QUESTIONS
    assert len(waited) > QUESTIONS // 2
    assert sorted(waited)[len(waited) // 2] < WAITED_SECONDS_MAX, waited
