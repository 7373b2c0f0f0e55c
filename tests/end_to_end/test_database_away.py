"""PostgreSQL stopped, killed, restarted, absent at the start: calls go on being answered, and it catches up."""

import time
from collections.abc import Callable

import pytest

from demo.postgres import OwnServer
from tests.end_to_end.conftest import GRANTED, Database
from tests.end_to_end.daemon import DaemonProcess, eventually

Start = Callable[..., DaemonProcess]


def _is_roses(daemon: DaemonProcess, ip: str) -> bool:
    return bool(daemon.ask("identify", ip=ip, dnis="1234#44").get("account_id") == 176)


def _moved_to(accounts: Database, ip: str) -> None:
    session = accounts.session()  # whatever became of the one before
    session(f"UPDATE identd.accounts SET ip = '{{{ip}}}' WHERE id = 176")
    session.close()


@pytest.mark.rule("M8.12")
def test_answers_go_on_while_the_database_is_stopped_and_say_how_old_they_are(
    own_postgres: OwnServer, accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    eventually(lambda: daemon.status()["database"] == "connected", "the database is heard")
    own_postgres.stop()
    eventually(lambda: daemon.status()["database"] == "away", "status says so")
    first = daemon.status()["data_age_seconds"]
    assert _is_roses(daemon, "192.0.2.10")
    with daemon.wire() as switch:
        switch.ask("hello", version=1, gateway="gw1")
        assert switch.ask("authorize", call_id="meanwhile", **GRANTED)["decision"] == "grant"
        assert switch.ask("release", call_id="meanwhile")["result"] == "released"
    time.sleep(1.0)
    assert daemon.status()["data_age_seconds"] > first + 0.9
    assert daemon.metric("identd_data_age_seconds") > first + 0.9
    assert daemon.metric("identd_database_connected") == 0
    assert daemon.page("/readyz")[0] == 200
    own_postgres.start()
    _moved_to(accounts, "192.0.2.51")
    eventually(lambda: _is_roses(daemon, "192.0.2.51"), "it has caught up")
    eventually(lambda: daemon.status()["database"] == "connected", "status says so")  # it comes after the change
    eventually(lambda: daemon.status()["data_age_seconds"] < 0.9, "the data is fresh again")
    assert daemon.metric("identd_loader_restarts_total") == 0, "nothing had to be started anew"


@pytest.mark.rule("M8.12")
def test_a_server_that_crashed_with_a_change_committed_is_caught_up_with(
    own_postgres: OwnServer, accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    own_postgres.kill()
    own_postgres.start()
    _moved_to(accounts, "192.0.2.52")
    eventually(lambda: _is_roses(daemon, "192.0.2.52"), "it has caught up")


@pytest.mark.rule("M8.6", "M8.12")
def test_backends_that_are_terminated_again_and_again_cost_no_change(
    own_postgres: OwnServer, accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    for place in range(60, 64):
        own_postgres.terminate_backends(accounts.name)
        _moved_to(accounts, f"192.0.2.{place}")
        eventually(lambda ip=f"192.0.2.{place}": _is_roses(daemon, ip), "it has caught up")


@pytest.mark.rule("M8.3")
def test_before_the_first_load_everything_is_not_ready_and_a_hello_waits_to_be_checked(
    own_postgres: OwnServer, accounts: Database, start_daemon: Start
) -> None:
    own_postgres.stop()
    daemon = start_daemon(accounts.dsn, wait_for="database_away", limits={"idle_seconds_max": 60.0})
    with daemon.wire("tcp") as right, daemon.wire("tcp") as wrong:
        for switch, secret in ((right, "correct horse battery staple"), (wrong, "guessed")):
            assert switch.ask("hello", version=1, gateway="gw1", secret=secret)["ready"] is False
            early = switch.ask("authorize", call_id="early", **GRANTED)
            assert (early["decision"], early["reason"]) == ("unavailable", "not_ready")
        assert daemon.page("/readyz")[0] == 503
        own_postgres.start()
        eventually(lambda: daemon.status()["ready"], "it has loaded")
        assert right.ask("authorize", call_id="early", **GRANTED)["decision"] == "grant"
        assert wrong.ask("authorize", call_id="late", **GRANTED)["code"] == "forbidden"
        assert wrong.is_closed()
    assert daemon.metric('identd_decisions_total{decision="unavailable",direction="orig",reason="not_ready"}') == 2
    assert daemon.metric('identd_decisions_total{decision="refuse",direction="orig",reason="unknown_source"}') == 0


@pytest.mark.rule("M8.12")
def test_a_daemon_that_starts_while_the_database_is_away_answers_from_its_snapshot(
    own_postgres: OwnServer, accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    _moved_to(accounts, "192.0.2.53")
    eventually(lambda: _is_roses(daemon, "192.0.2.53"), "the change is in force")
    assert daemon.stop() == 0
    own_postgres.stop()
    time.sleep(1.0)
    daemon.start()
    daemon.awaits_log("source=snapshot")
    # the age is told a moment after the accounts
    status = eventually(lambda: "data_age_seconds" in (told := daemon.status()) and told, "it says how old they are")
    assert (status["ready"], status["database"]) == (True, "away")
    assert status["data_age_seconds"] > 1.0, "the age of the data, not of the process"
    assert _is_roses(daemon, "192.0.2.53")
    own_postgres.start()
    _moved_to(accounts, "192.0.2.54")
    eventually(lambda: _is_roses(daemon, "192.0.2.54"), "it has caught up")


def test_a_snapshot_of_another_database_s_time_is_no_obstacle_and_a_torn_one_is_said(
    own_postgres: OwnServer, accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    assert daemon.stop() == 0
    snapshot = daemon.folder / "state" / "accounts.snapshot"
    snapshot.write_bytes(b"\x00" * 100)
    own_postgres.stop()
    daemon.start("database_away")
    eventually(lambda: "snapshot_unusable" in daemon.log(), "the log says that it cannot be used")
    assert daemon.ask("identify", **GRANTED)["reason"] == "not_ready"
    own_postgres.start()
    eventually(lambda: _is_roses(daemon, "192.0.2.10"), "it has loaded")
