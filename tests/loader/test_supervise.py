"""PostgreSQL away, back, refusing or stalled: the loader says so, keeps trying, and misses nothing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from demo.postgres import OwnServer
from loader.follow import StandbyPromotedError
from loader.snapshot import FILE_NAME
from loader.supervise import words_for
from tests.loader.conftest import Daemon, Session

Start = Callable[..., Daemon]
Connect = Callable[..., Session]


def as_role(dsn: str, role: str) -> str:
    """The same database as another role, where the server trusts its socket."""
    return f"{dsn}&options={quote(f'-c role={role}')}"


@pytest.mark.rule("M8.12")
def test_a_killed_connection_is_opened_again_and_what_was_missed_is_told_without_reading_everything(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database)
    daemon.update()
    billing("UPDATE identd.accounts SET notes = 'x' WHERE id = 178")
    daemon.update()
    billing("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'identd loader'")
    billing("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176")
    away = daemon.state(connected=False)
    assert away.error
    assert away.as_of is not None
    update = daemon.update()
    assert not update.full
    assert daemon.account(176).blocked
    assert daemon.logged("database_away")


@pytest.mark.rule("M8.12")
def test_a_database_that_is_restarted_is_caught_up_with(
    own_postgres: OwnServer, database: str, connect: Connect, start_loader: Start, billing: Session
) -> None:
    daemon = start_loader(database)
    daemon.update()
    billing("UPDATE identd.accounts SET notes = 'x' WHERE id = 178")
    daemon.update()
    own_postgres.stop()
    daemon.state(connected=False)
    daemon.quiet(0.5)
    own_postgres.start()
    connect(database)("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176")
    assert not daemon.update().full
    assert daemon.account(176).blocked


def test_after_a_crash_everything_is_read_since_commits_may_have_been_undone(
    own_postgres: OwnServer, database: str, start_loader: Start, billing: Session
) -> None:
    billing("CHECKPOINT")
    daemon = start_loader(database)
    daemon.update()
    billing("UPDATE identd.accounts SET notes = 'x' WHERE id = 178")
    daemon.update()
    own_postgres.kill()
    daemon.state(connected=False)
    own_postgres.start()
    assert daemon.update().full
    assert daemon.ids("accounts") == {176, 177, 178}


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.13])
def test_a_server_that_stalls_is_noticed_by_the_heartbeat(
    own_postgres: OwnServer, database: str, start_loader: Start, billing: Session, delay: float
) -> None:
    daemon = start_loader(database, poll_seconds=0.2, heartbeat_seconds=0.5)
    daemon.update()
    pid = billing.one(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'identd loader' AND datname = current_database()"
    )
    daemon.quiet(delay)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "does not answer" in str(daemon.state(connected=False).error)
        daemon.state(connected=True)
        billing("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176")
        daemon.update()
    finally:
        os.kill(pid, signal.SIGCONT)


def test_the_reader_s_role_is_enough(
    database: str, billing: Session, start_loader: Start, own_postgres: OwnServer
) -> None:
    daemon = start_loader(as_role(database, "identd_reader"))
    assert daemon.update().full
    billing("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176")
    assert not daemon.update().full


@pytest.mark.rule("M8.12")
def test_a_privilege_that_is_revoked_is_named_and_its_return_is_noticed(
    database: str, billing: Session, start_loader: Start, own_postgres: OwnServer
) -> None:
    daemon = start_loader(as_role(database, "identd_reader"), poll_seconds=0.2)
    daemon.update()
    billing("REVOKE SELECT ON identd.accounts FROM identd_reader")
    away = daemon.state(connected=False)
    assert "privilege" in str(away.error)
    assert "accounts" in str(away.error)
    billing("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176")
    billing("GRANT SELECT ON identd.accounts TO identd_reader")
    daemon.update()
    assert daemon.account(176).blocked
    assert len(daemon.logged("database_away")) == 1  # told once, not at every try


def test_a_database_without_the_schema_is_said_and_waited_for(
    empty_database: str, start_loader: Start, connect: Connect
) -> None:
    from loader.migrate import init_db

    daemon = start_loader(empty_database)
    assert "init-db" in str(daemon.state(connected=False).error)
    assert not daemon.updates
    init_db(empty_database)
    assert daemon.update().full


def test_a_column_that_is_missing_is_said_and_waited_for(
    database: str, billing: Session, start_loader: Start
) -> None:
    billing("ALTER TABLE identd.accounts RENAME COLUMN proxy TO outbound")
    daemon = start_loader(database)
    assert "column" in str(daemon.state(connected=False).error)
    assert daemon.abandoned
    assert not daemon.updates
    billing("ALTER TABLE identd.accounts RENAME COLUMN outbound TO proxy")
    assert daemon.update().full


def test_an_update_that_could_not_be_read_whole_is_in_no_file(
    database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    daemon = start_loader(database, state_directory=str(tmp_path))
    daemon.update()
    daemon.state(connected=True)
    whole = (tmp_path / FILE_NAME).read_bytes()
    billing("ALTER TABLE identd.accounts RENAME COLUMN proxy TO outbound")
    # the client is told before the account fails
    billing("BEGIN; UPDATE identd.clients SET balance = 1; UPDATE identd.accounts SET port = 5060; COMMIT")
    daemon.state(connected=False)
    assert daemon.abandoned
    assert (tmp_path / FILE_NAME).read_bytes() == whole
    assert len(daemon.updates) == 1


def test_a_table_locked_by_somebody_else_is_not_a_dead_database(
    database: str, billing: Session, start_loader: Start, connect: Connect
) -> None:
    daemon = start_loader(database, poll_seconds=0.2, heartbeat_seconds=0.6)
    daemon.update()
    locker = connect(database)
    locker("BEGIN; LOCK TABLE identd.accounts IN ACCESS EXCLUSIVE MODE")
    daemon.until(lambda: "locked" in str(daemon.state(connected=True).error))
    locker("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176; COMMIT")
    assert not daemon.update().full


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://u:hidden@127.0.0.1:1/x", "hidden://u:hidden@h/x", "hidden", "postgresql://u:hidden@h:port/x"],
)
def test_a_wrong_dsn_is_said_without_its_password(dsn: str, start_loader: Start) -> None:
    daemon = start_loader(dsn)
    assert daemon.state(connected=False).error
    assert "hidden" not in repr(daemon.messages)


@pytest.mark.rule("M8.12")
def test_a_start_without_the_database_tells_what_is_on_disk_and_then_what_is_true(
    own_postgres: OwnServer, database: str, billing: Session, start_loader: Start, connect: Connect, tmp_path: Path
) -> None:
    first = start_loader(database, state_directory=str(tmp_path))
    first.update()
    billing("UPDATE identd.accounts SET orig_capacity = 4 WHERE id = 176; DELETE FROM identd.accounts WHERE id = 178")
    first.update()
    first.state(connected=True)
    held = dict(first.rows)
    first.end()
    own_postgres.stop()
    second = start_loader(database, state_directory=str(tmp_path))
    away = second.state(connected=False)
    assert second.rows == held
    assert [update.source for update in second.updates] == ["snapshot", "snapshot"]
    assert [update.full for update in second.updates] == [True, False]
    assert away.as_of is not None
    own_postgres.start()
    connect(database)("UPDATE identd.accounts SET orig_capacity = 5 WHERE id = 176")
    second.until(lambda: second.updates[-1].source == "database")
    assert second.updates[2].full
    second.state(connected=True)


def test_a_daemon_that_has_data_is_not_told_an_older_snapshot(
    own_postgres: OwnServer, database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    start_loader(database, state_directory=str(tmp_path)).update()
    own_postgres.stop()
    daemon = start_loader(database, state_directory=str(tmp_path), daemon_ready=True)
    daemon.state(connected=False)
    daemon.quiet(0.5)
    assert not daemon.updates
    own_postgres.start()
    assert max(daemon.update().slice_sizes) <= 50


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncpg.InvalidPasswordError("x"), "password"),
        (asyncpg.TooManyConnectionsError("x"), "no connection left"),
        (StandbyPromotedError(), "promoted"),
        (TimeoutError(), "does not answer"),
        (ConnectionRefusedError("x"), "cannot be reached"),
        (asyncpg.ClientConfigurationError("u:hidden@h"), "DSN"),
        (ValueError("u:hidden@h"), "DSN"),
        (KeyError("x"), "fault of the loader"),
    ],
)
def test_every_failure_has_words_for_an_operator(error: BaseException, words: str) -> None:
    assert words in words_for(error)
    assert "hidden" not in words_for(error)
