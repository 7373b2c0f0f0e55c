"""Calls on disk: whatever was up when the daemon died is up again, and nothing else is."""

import resource
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from identd import journal as journals
from identd import live_calls
from identd.calls import Cause
from identd.engine import Engine
from identd.journal import Journal, JournalError
from identd.live_calls import ListedCall, LiveCalls
from tests.identd.building import NOW, account, attempt, client, engine, gateway, key, reseller, said, written

GW = gateway(1)


def state(live: LiveCalls) -> dict[str, Any]:
    """Everything about calls that must outlive the daemon."""
    return {
        "calls": {
            call.key: (
                *(call.direction, call.account_id, call.client_id, call.reseller_id, call.granted_at),
                *(call.renewed_heard, call.lease_seconds, call.started_at, call.grant),
            )
            for call in live.all_calls()
        },
        "boots": dict(live.boots),
        "capacity": {
            (level, direction, row_id): {call.key for call in calls}
            for level in ("accounts", "clients", "resellers")
            for direction, rows in getattr(live.capacity, level).items()
            for row_id, calls in rows.items()
        },
        "counts": dict(live.counts),
        "last calls": {account_id: at for shard in live.last_calls.shards for account_id, at in shard.items()},
    }


def restored(directory: Path, now: float) -> LiveCalls:
    """What a new daemon would know."""
    live = LiveCalls()
    journal = Journal(directory)
    try:
        assert journal.restore(live, now) == len(live)
    finally:
        journal.close()
    return live


def busy(one: Engine) -> None:
    """A little of everything that can happen to a call."""
    one.live.boot(1, 7, NOW)
    for number in range(8):
        assert said(one.authorize(attempt(), GW, key(str(number), 1), NOW + number)) == "grant"
    one.live.start(key("1", 1), GW, NOW + 9)
    one.live.release(key("2", 1), NOW + 9)
    one.live.touch([key("3", 1)], NOW + 50)
    one.live.release(key("never", 1), NOW + 9)
    one.live.was_deaf(5.0)
    one.live.expire(NOW + 126, 1)
    one.live.sync_begin(1)
    payer = one.directory.clients[1]
    one.live.sync_note(1, [ListedCall(key("adopted", 1), "term", account(), payer)], GW, NOW + 60)
    one.authorize(attempt(direction="term"), GW, key("adopted", 1), NOW + 61)


@pytest.fixture
def one() -> Engine:
    return engine(account(capacity=50), client(reseller_id=1), reseller(), GW)


@pytest.mark.rule("M6.30", "M6.33", "M6.11")
def test_a_killed_daemon_knows_its_calls_again(tmp_path: Path, one: Engine) -> None:
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    busy(one)
    written(journal, one.live, NOW + 130, alive=True)
    assert one.live.changes == []
    journal.close()
    again = restored(tmp_path, NOW + 130)
    assert state(again) == state(one.live)
    for call_id in ("2", "never"):
        assert again.lately_ended(key(call_id, 1), NOW + 30) is Cause.RELEASE
    assert again.deaf_seconds == 5.0


def test_calls_that_a_gateway_no_longer_has_stay_over_though_the_kill_came_before_all_were_closed(
    tmp_path: Path, one: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_calls, "ENDED_AT_ONCE_MAX", 2)
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    busy(one)
    assert one.live.clear(1, NOW + 5, NOW + 70) == 3
    written(journal, one.live, NOW + 130)
    journal.close()
    again = restored(tmp_path, NOW + 130)
    assert set(state(again)["calls"]) == set(state(one.live)["calls"])
    assert {call.key[1] for call in again.all_calls()} == {"5", "6", "7", "adopted"}


@pytest.mark.rule("M6.30")
def test_the_time_in_which_there_was_no_daemon_counts_against_no_lease(tmp_path: Path, one: Engine) -> None:
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    one.authorize(attempt(), GW, key("c", 1), NOW)
    written(journal, one.live, NOW + 100, alive=True)
    journal.close()
    again = restored(tmp_path, NOW + 10_000)
    assert again.expire(NOW + 10_019, 9) == 0
    assert again.expire(NOW + 10_020, 9) == 1


@pytest.mark.rule("M6.33")
def test_a_block_torn_at_any_byte_costs_that_block_and_nothing_before_it(tmp_path: Path, one: Engine) -> None:
    folder = tmp_path / "written"
    journal = Journal(folder)
    journal.restore(one.live, NOW)
    busy(one)
    written(journal, one.live, NOW, alive=True)
    whole = journal.size
    before = state(one.live)
    one.live.release(key("1", 1), NOW + 70)
    one.authorize(attempt(), GW, key("last", 1), NOW + 70)
    written(journal, one.live, NOW + 70)
    after = state(one.live)
    journal.close()
    (file,) = folder.glob("calls.*.journal")
    data = file.read_bytes()
    for length in range(whole, len(data) + 1):
        torn = tmp_path / f"torn at {length}"
        torn.mkdir()
        (torn / file.name).write_bytes(data[:length])
        assert state(restored(torn, NOW + 70)) == (after if length == len(data) else before)
    flipped = tmp_path / "flipped"
    flipped.mkdir()
    (flipped / file.name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert state(restored(flipped, NOW + 70)) == before


@pytest.mark.rule("P3.8")
def test_when_accounts_last_called_outlives_their_calls_the_files_and_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "REWRITE_BYTES_MIN", 40_000)
    monkeypatch.setattr(journals, "REWRITE_SLICE_MOMENTS", 50)
    many = engine(*(account(row_id, ip=f"10.1.{row_id >> 8}.{row_id & 255}") for row_id in range(1, 1501)), client())
    journal = Journal(tmp_path)
    journal.restore(many.live, NOW)
    numbers = set()
    for row_id in range(1, 1501):
        now = NOW + row_id / 10
        many.authorize(attempt(f"10.1.{row_id >> 8}.{row_id & 255}"), None, key(str(row_id)), now)
        many.live.release(key(str(row_id)), now)
        written(journal, many.live, now)
        numbers |= {path.name for path in tmp_path.glob("*.journal")}
    journal.close()
    assert len(numbers) > 2, "it did turn over"
    assert "calls.1.journal" not in {path.name for path in tmp_path.glob("*.journal")}
    for life in range(3):  # each begins with a fresh file
        again = restored(tmp_path, NOW + 200 + life)
        assert len(again.last_calls) == 1500
        assert [again.last_calls.at(row_id) for row_id in (1, 700, 1500)] == [NOW + 0.1, NOW + 70, NOW + 150]


@pytest.mark.rule("P3.8")
def test_the_last_call_is_the_latest_also_where_the_file_tells_an_older_one_after_it(
    tmp_path: Path, one: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    one.authorize(attempt(), GW, key("long", 1), NOW)
    one.authorize(attempt(), GW, key("short", 1), NOW + 60)
    one.live.release(key("short", 1), NOW + 61)
    written(journal, one.live, NOW + 61)
    one.live.start(key("long", 1), GW, NOW + 62)  # tells the older call as it stands now
    written(journal, one.live, NOW + 62)
    journal.close()
    assert restored(tmp_path, NOW + 63).last_calls.at(1) == NOW + 60


def test_the_file_turns_over_in_slices_while_calls_come_and_go(
    tmp_path: Path, one: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "REWRITE_BYTES_MIN", 4_000)
    monkeypatch.setattr(journals, "REWRITE_SLICE_CALLS", 3)
    journal = Journal(tmp_path / "journal")
    journal.restore(one.live, NOW)
    seen = set()
    for number in range(400):
        one.authorize(attempt(), GW, key(str(number), 1), NOW + number / 2)
        if number >= 20:
            one.live.release(key(str(number - 20), 1), NOW + number / 2)
        written(journal, one.live, NOW + number / 2)
        files = sorted(path.name for path in (tmp_path / "journal").glob("*.journal"))
        seen.add(len(files))
        if number % 7 == 0:  # what a kill at this moment would leave
            copy = tmp_path / f"copy {number}"
            copy.mkdir()
            for name in files:
                with suppress(FileNotFoundError):  # it goes in a thread, when nothing needs it any more
                    (copy / name).write_bytes((tmp_path / "journal" / name).read_bytes())
            assert state(restored(copy, NOW + number / 2)) == state(one.live)
    assert journal.size < 40_000
    journal.close()
    assert max(seen) > 1, "it did turn over"
    assert max(seen) < 12, "and files whose endings no longer matter went"
    assert not (tmp_path / "journal" / "calls.1.journal").exists()


@contextmanager
def disk_full_after(file_bytes: int) -> Iterator[None]:
    """No file of this process can grow past this: EFBIG, or a short write before it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_nothing_for_a_while_costs_nothing(tmp_path: Path, one: Engine) -> None:
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    one.authorize(attempt(), GW, key("before", 1), NOW)
    written(journal, one.live, NOW)
    one.authorize(attempt(), GW, key("while", 1), NOW)
    with disk_full_after(journal.size + 20), pytest.raises(OSError, match=r"full|large"):
        written(journal, one.live, NOW)
    written(journal, one.live, NOW + 0.5)  # not tried yet
    one.authorize(attempt(), GW, key("after", 1), NOW + 1)
    written(journal, one.live, NOW + 1.1)
    journal.close()
    assert state(restored(tmp_path, NOW + 2)) == state(one.live)


@pytest.mark.parametrize("room", [0, 10])
def test_a_disk_that_is_full_just_when_the_file_turns_over_loses_no_call(
    tmp_path: Path, one: Engine, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    busy(one)
    written(journal, one.live, NOW)
    for turn in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(journals, "REWRITE_BYTES_MIN", 0)
            patched.setattr(journals, "REWRITE_FACTOR", 0)
            with disk_full_after(room), pytest.raises(OSError, match=r"full|large"):
                written(journal, one.live, NOW + turn * 2)
        assert state(restored_copy(tmp_path, turn)) == state(one.live)
    one.authorize(attempt(), GW, key("after", 1), NOW + 70)
    written(journal, one.live, NOW + 70)
    journal.close()
    assert state(restored(tmp_path, NOW + 70)) == state(one.live)


def restored_copy(directory: Path, number: int) -> LiveCalls:
    copy = directory / f"copy {number}"
    copy.mkdir()
    for file in directory.glob("*.journal"):
        (copy / file.name).write_bytes(file.read_bytes())
    return restored(copy, NOW)


def test_when_too_much_waits_for_the_disk_the_whole_state_is_written_anew(
    tmp_path: Path, one: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "PENDING_MAX", 3)
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    for number in range(10):
        one.authorize(attempt(), GW, key(str(number), 1), NOW)
        if number > 5:
            one.live.release(key(str(number - 5), 1), NOW)
        with disk_full_after(0), pytest.raises(OSError, match=r"full|large"):
            written(journal, one.live, NOW + number * 2)
    for turn in range(3):
        written(journal, one.live, NOW + 100 + turn)
    journal.close()
    assert len(list(tmp_path.glob("*.journal"))) == 1
    assert state(restored(tmp_path, NOW + 100)) == state(one.live)


def test_a_state_directory_is_one_daemons(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(JournalError, match="another identd"):
        Journal(tmp_path)
    journal.close()
    Journal(tmp_path).close()


def block(*records: object) -> bytes:
    body = msgspec.msgpack.encode(records)
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    "data",
    [
        block(["f", 1, 99]),
        block(["z", "too", "many"], ["?"]),
        block(["c", 1, "c", "", "orig", 1, 1, None, NOW, NOW, 120, None, [1, 2, 3]]),
    ],
)
def test_a_file_of_another_version_is_said_and_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "calls.1.journal"
    file.write_bytes(data)
    with pytest.raises(JournalError, match=r"calls\.1\.journal: written by another version"):
        restored(tmp_path, NOW)
    assert file.read_bytes() == data


def test_files_of_others_in_the_directory_are_left_alone(tmp_path: Path, one: Engine) -> None:
    (tmp_path / "calls.old.journal").write_text("mine")
    assert len(restored(tmp_path, NOW)) == 0
    assert (tmp_path / "calls.old.journal").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="file"):
        Journal(tmp_path / "file")


def test_a_disk_that_was_full_for_long_is_made_up_for_in_blocks_and_nothing_is_forgotten(
    tmp_path: Path, one: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "BLOCK_RECORDS", 5)
    monkeypatch.setattr(journals, "BLOCKS_AT_ONCE", 2)
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    for number in range(100):
        one.authorize(attempt(), GW, key(str(number), 1), NOW)
        with disk_full_after(0), pytest.raises(OSError, match=r"full|large"):
            written(journal, one.live, NOW + number * 2)
    turns = 0
    while not turns or journal.is_behind:
        written(journal, one.live, NOW + 300)
        turns += 1
    assert turns == -(-len(one.live) // 20), "two blocks before the answers and two when idle"
    journal.close()
    assert state(restored(tmp_path, NOW + 300)) == state(one.live)


def test_bytes_that_no_kill_explains_are_told(tmp_path: Path, one: Engine) -> None:
    journal = Journal(tmp_path)
    journal.restore(one.live, NOW)
    one.authorize(attempt(), GW, key("1", 1), NOW)
    written(journal, one.live, NOW)
    journal.close()
    path = next(tmp_path.glob("*.journal"))
    path.write_bytes(path.read_bytes() + b"\x00" * 100)
    again = Journal(tmp_path)
    assert again.restore(LiveCalls(), NOW) == 1
    assert again.torn_bytes == 100
    again.close()
