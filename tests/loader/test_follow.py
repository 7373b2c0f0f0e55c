"""The first load and what follows it, with a real PostgreSQL and the loader as a process."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loader.snapshot import FILE_NAME
from loader.stream import Reconcile
from matcher.account import Network, OrigSide, TermSide
from tests.loader.conftest import Daemon, Session

MANY = """
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, proxy, orig_enabled)
SELECT 1000 + g, 12, 'many' || g, 'name', 'many' || g, repeat('x', 250), true FROM generate_series(1, 3000) AS g
"""
Start = Callable[..., Daemon]
Connect = Callable[..., Session]


@pytest.mark.rule("M8.2")
def test_the_first_load_is_one_full_update_with_every_row_that_decides(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database)
    update = daemon.update()
    assert update.full
    assert update.source == "database"
    assert daemon.ids("accounts") == {176, 177, 178}
    assert daemon.ids("clients") == {12, 13}
    assert daemon.ids("gateways") == {1, 2}
    assert daemon.ids("resellers") == {1}
    rose = daemon.account(176)
    assert rose.networks == (Network(b"\x0b\x0b\x14\x21", 32),)
    assert rose.gateway_ids == (1, 2)
    assert rose.orig == OrigSide()
    assert rose.term is None
    assert daemon.account(177).ident_name == "rose"
    assert daemon.account(177).term == TermSide()
    assert daemon.state(connected=True).error is None


@pytest.mark.rule("M8.5", "M8.6")
def test_a_committed_change_is_told_at_once_and_only_what_changed(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database)
    daemon.update()
    daemon.state(connected=True)
    begun = time.time()
    billing("UPDATE identd.accounts SET orig_capacity = 30 WHERE id = 176")
    update = daemon.update(5.0)
    assert not update.full
    assert len(update.changes) == 1
    orig = daemon.account(176).orig
    assert orig is not None
    assert orig.capacity == 30
    assert update.recorded_at is not None
    assert begun - 1 < update.recorded_at < update.committed_at
    assert update.committed_at - begun < 1.0  # a poll would have come after 30 s


def test_binding_an_account_to_a_gateway_changes_the_account(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database)
    daemon.update()
    billing("INSERT INTO identd.account_gateways VALUES (177, 2)")
    daemon.update()
    assert daemon.account(177).gateway_ids == (2,)
    billing("DELETE FROM identd.account_gateways")
    daemon.update()
    assert daemon.account(176).gateway_ids == daemon.account(177).gateway_ids == ()


@pytest.mark.rule("M8.8")
def test_an_address_that_moves_between_accounts_in_one_transaction_moves_in_one_update(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database)
    daemon.update()
    billing(
        """
        BEGIN;
        UPDATE identd.accounts SET ip = '{192.0.2.1}' WHERE id = 176;
        SELECT pg_sleep(0.3);
        UPDATE identd.accounts SET ip = '{11.11.20.33}' WHERE id = 178;
        COMMIT;
        """
    )
    update = daemon.update()
    assert len(update.changes) == 2
    assert daemon.account(176).networks == (Network(b"\xc0\x00\x02\x01", 32),)
    assert daemon.account(178).networks == (Network(b"\x0b\x0b\x14\x21", 32),)
    daemon.quiet(0.3)
    assert len(daemon.updates) == 2


@pytest.mark.rule("M8.6")
def test_a_transaction_that_began_first_and_committed_last_is_not_missed(
    database: str, billing: Session, connect: Connect, start_loader: Start
) -> None:
    daemon = start_loader(database)
    slow, quick = connect(database), connect(database)
    slow("BEGIN")
    slow("UPDATE identd.accounts SET orig_capacity = 1 WHERE id = 176")
    daemon.update()
    older = connect(database)
    older("BEGIN")
    older("UPDATE identd.clients SET orig_capacity = 7 WHERE id = 13")
    for capacity in (2, 3):
        quick("UPDATE identd.accounts SET orig_capacity = $1 WHERE id = 178", capacity)
        assert len(daemon.update().changes) == 1
    slow("COMMIT")
    assert len(daemon.update().changes) == 1
    orig = daemon.account(176).orig
    assert orig is not None
    assert orig.capacity == 1
    older("COMMIT")
    assert [change.__class__.__name__ for change in daemon.update().changes] == ["ClientPut"]


@pytest.mark.rule("M8.6")
def test_the_poll_finds_what_no_notify_announced(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database, poll_seconds=0.3)
    daemon.update()
    billing("SET session_replication_role = replica")  # no trigger fires: the record is made by hand, no NOTIFY
    billing("UPDATE identd.accounts SET status = 'blocked' WHERE id = 176")
    billing("INSERT INTO identd.changes (entity, row_id) VALUES ('accounts', 176)")
    daemon.update()
    assert daemon.account(176).blocked


@pytest.mark.rule("M8.5")
def test_what_a_notify_carries_is_not_believed(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database)
    daemon.update()
    have = len(daemon.updates)
    billing("SELECT pg_notify('identd', 'accounts 176 removed'); SELECT pg_notify('identd', repeat('x', 7000))")
    daemon.quiet(0.5)
    assert len(daemon.updates) == have
    assert 176 in daemon.ids("accounts")


@pytest.mark.rule("P3.11")
def test_transaction_counts_as_seen_with_its_changes_and_not_while_it_runs(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database, poll_seconds=0.1)
    daemon.update()
    other = Session(database)
    try:
        other("BEGIN")
        other("UPDATE identd.accounts SET orig_capacity = 7")
        running = int(other.one("SELECT pg_current_xact_id()::text"))
        billing("BEGIN")
        billing("UPDATE identd.clients SET orig_capacity = 7")
        committed = int(billing.one("SELECT pg_current_xact_id()::text"))
        assert running < committed
        billing("COMMIT")
        daemon.update()
        seen = daemon.state(connected=True).seen
        assert seen is not None
        assert (seen.includes(committed), seen.includes(running)) == (True, False)
        other("COMMIT")
    finally:
        other.close()
    daemon.update()
    seen = daemon.state(connected=True).seen
    assert seen is not None
    assert seen.includes(running)


def test_a_row_that_is_deleted_is_told_as_removed(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database)
    daemon.update()
    billing("DELETE FROM identd.accounts WHERE id = 176")
    daemon.update()
    assert daemon.ids("accounts") == {177, 178}
    billing("UPDATE identd.accounts SET id = 200 WHERE id = 178")
    daemon.update()
    assert daemon.ids("accounts") == {177, 200}


def test_an_aborted_transaction_is_never_told(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database, poll_seconds=0.2)
    daemon.update()
    billing("BEGIN; UPDATE identd.accounts SET status = 'blocked'; ROLLBACK")
    daemon.quiet(0.6)
    assert len(daemon.updates) == 1


@pytest.mark.rule("M8.10")
def test_a_row_that_no_constraint_caught_is_quarantined_alone_and_heals(
    database: str, billing: Session, start_loader: Start
) -> None:
    billing("ALTER TABLE identd.accounts DROP CONSTRAINT accounts_tech_prefix_is_digits_letters_hash_star_plus")
    daemon = start_loader(database)
    daemon.update()
    billing("UPDATE identd.accounts SET tech_prefix = 'a b', status = 'blocked' WHERE id = 176")
    billing("UPDATE identd.accounts SET orig_capacity = 5 WHERE id = 178")
    daemon.until(lambda: len(daemon.updates) >= 3 or len(daemon.updates[-1].changes) == 2)
    bad = daemon.quarantined["accounts", 176]
    assert bad.column == "tech_prefix"
    assert bad.blocked
    assert not bad.orig_off
    assert bad.term_off
    assert daemon.logged("row_quarantined")
    billing("UPDATE identd.accounts SET tech_prefix = '12#' WHERE id = 176")
    daemon.update()
    assert not daemon.quarantined
    assert daemon.account(176).tech_prefix == "12#"


BREAK = """
ALTER TABLE identd.accounts DROP CONSTRAINT accounts_port_is_1_to_65535;
UPDATE identd.accounts SET port = 0, status = 'blocked' WHERE id = 176
"""


@pytest.mark.rule("M8.10", "M3.12")
def test_a_daemon_that_starts_anew_is_told_the_last_good_version_of_a_bad_row_from_the_disk(
    database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    first = start_loader(database, state_directory=str(tmp_path))
    first.update()
    good = first.account(176)
    billing(BREAK)
    billing(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, port) VALUES (9, 12, 'n', 'ip', '{::}', 0)"
    )
    first.until(lambda: len(first.quarantined) == 2)
    first.state(connected=True)
    for _ in range(2):  # what is told is recorded: the second start has it from the file that the first one wrote
        daemon = start_loader(database, state_directory=str(tmp_path))
        update = daemon.update()
        daemon.state(connected=True)
        assert update.source == "database"
        assert daemon.account(176) == good
        assert daemon.quarantined["accounts", 176].blocked
        assert 9 not in daemon.ids("accounts")
        assert set(daemon.quarantined) == {("accounts", 176), ("accounts", 9)}


@pytest.mark.rule("M8.10")
def test_a_daemon_that_has_a_later_version_is_not_told_the_one_on_the_disk_which_is_kept_there(
    database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    first = start_loader(database, state_directory=str(tmp_path))
    first.update()
    good = first.account(176)
    billing(BREAK)
    first.until(lambda: first.quarantined)
    first.say(Reconcile())  # writes the file anew
    assert len([change for change in first.update().changes if getattr(change, "id", 0) == 176]) == 1
    first.state(connected=True)
    heir = start_loader(database, state_directory=str(tmp_path), daemon_ready=True)
    heir.update()
    heir.state(connected=True)
    assert 176 not in heir.ids("accounts")
    anew = start_loader(database, state_directory=str(tmp_path))
    anew.update()
    assert anew.account(176) == good


def test_bad_rows_on_whose_last_good_version_there_is_nothing_to_read_are_said_to_stay_out(
    database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    billing(BREAK)
    daemon = start_loader(database, state_directory=str(tmp_path))
    daemon.update()
    assert set(daemon.quarantined) == {("accounts", 176)}
    assert daemon.ids("accounts") == {177, 178}
    assert daemon.logged("last_good_unknown")[0].fields["rows"] == 1


@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE identd.accounts CASCADE",
        "TRUNCATE identd.account_gateways",
        "BEGIN; TRUNCATE identd.resellers, identd.clients CASCADE; "
        "INSERT INTO identd.clients (id, name) VALUES (12, 'New'); COMMIT",
    ],
)
def test_a_truncate_is_followed_by_reading_everything(
    database: str, billing: Session, start_loader: Start, sql: str
) -> None:
    daemon = start_loader(database)
    daemon.update()
    billing(sql)
    assert daemon.update().full
    for table in ("accounts", "clients", "resellers", "gateways"):
        assert daemon.ids(table) == {row[0] for row in billing.rows(f"SELECT id FROM identd.{table}")}
    if "account_gateways" in sql:
        assert daemon.account(176).gateway_ids == ()


def test_a_reader_that_was_away_past_the_horizon_reads_everything(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database, poll_seconds=0.2)
    daemon.update()
    # as if a day had gone by between this look and the last
    billing("UPDATE identd.changes_horizon SET pruned_below = (pg_current_xact_id()::text::bigint + 1)::text::xid8")
    assert daemon.update().full


def test_pruning_by_others_does_not_disturb_a_reader_that_is_there(
    database: str, billing: Session, start_loader: Start
) -> None:
    daemon = start_loader(database)
    daemon.update()
    for _ in range(2):  # the second raises the horizon to what the first noted
        billing("UPDATE identd.changes_horizon SET next_at = now()")
        billing("UPDATE identd.accounts SET notes = notes || 'x' WHERE id = 176")
        daemon.update()
    assert billing.one("SELECT pruned_below > '0' FROM identd.changes_horizon")
    assert billing.one("SELECT count(*) FROM identd.changes") < 12
    billing("UPDATE identd.accounts SET orig_capacity = 9 WHERE id = 176")
    daemon.update()
    assert [update.full for update in daemon.updates] == [True, False, False, False]


@pytest.mark.slow
def test_a_hundred_thousand_rows_in_one_transaction_are_one_update_in_small_slices(
    database: str, billing: Session, start_loader: Start
) -> None:
    # what is tried is following: the console's audit and search take longer than that
    billing("ALTER TABLE identd.accounts DISABLE TRIGGER audit_insert, DISABLE TRIGGER search_insert")
    daemon = start_loader(database)
    daemon.update()
    billing(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled) "
        "SELECT 1000 + g, 12, 'many' || g, 'ip', ARRAY['10.0.0.0'::inet + g], true "
        "FROM generate_series(1, 100000) AS g"
    )
    update = daemon.update(60.0)
    assert not update.full
    assert len(update.changes) == 100_000
    assert max(update.slice_sizes) <= 50
    assert len(daemon.ids("accounts")) == 100_003


def test_an_operator_s_wish_reads_everything_again(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database)
    daemon.update()
    daemon.say(Reconcile())
    assert daemon.update().full


def test_a_log_that_outgrew_its_file_is_rewritten_by_reading_everything(
    database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    billing(MANY)
    daemon = start_loader(database, state_directory=str(tmp_path))
    daemon.update()
    daemon.state(connected=True)
    size = (tmp_path / FILE_NAME).stat().st_size
    for capacity in range(40):
        billing("UPDATE identd.accounts SET orig_capacity = $1", capacity)
        if daemon.update().full:
            break
    else:
        pytest.fail("never rewritten")
    daemon.state(connected=True)
    assert (tmp_path / FILE_NAME).stat().st_size < 1.2 * size


def test_a_thousand_rows_that_cannot_be_used_are_twenty_lines_in_the_log(
    database: str, billing: Session, start_loader: Start
) -> None:
    billing("ALTER TABLE identd.accounts DROP CONSTRAINT accounts_port_is_1_to_65535")
    daemon = start_loader(database)
    daemon.update()
    billing(MANY)
    daemon.update()
    billing("UPDATE identd.accounts SET port = 0")
    daemon.update()
    daemon.state(connected=True)
    assert len(daemon.quarantined) == 3003
    assert len(daemon.logged("row_quarantined")) == 20
