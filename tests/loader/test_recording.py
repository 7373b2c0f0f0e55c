"""A disk that fails costs the recording, never the following."""

from collections.abc import Callable
from pathlib import Path

from loader.recording import Recording
from loader.snapshot import FILE_NAME, HEAD, SnapshotReader
from tests.loader.conftest import Daemon, Session

Start = Callable[..., Daemon]


def test_no_directory_records_nothing() -> None:
    recording = Recording(None)
    recording.begin(full=True)
    recording.write(b"\x00\x00\x00\x00")
    recording.commit(1.0)
    assert recording.why_rewrite is None
    assert recording.failures == []


def test_a_directory_that_cannot_be_written_is_said_once_and_following_goes_on(
    database: str, billing: Session, start_loader: Start, tmp_path: Path
) -> None:
    daemon = start_loader(database, state_directory=str(tmp_path / "missing"))
    assert daemon.update().full
    billing("UPDATE identd.accounts SET status = 'blocked'")
    assert not daemon.update().full
    daemon.until(lambda: daemon.logged("snapshot_failed"))
    assert len(daemon.logged("snapshot_failed")) == 1


def test_a_full_disk_stops_the_recording_and_leaves_a_file_that_can_be_replayed(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.begin(full=True)
    recording.commit(5.0)
    recorder = recording._recorder
    assert recorder is not None
    assert recorder._file is not None
    recorder._file.close()
    recorder._file = open("/dev/full", "wb")  # noqa: SIM115 - the recorder closes it
    recording.begin(full=False)
    recording.write(b"\x00\x00\x00\x04" + bytes(4))
    recording.commit(6.0)
    assert [line.event for line in recording.failures] == ["snapshot_failed"]
    assert SnapshotReader(tmp_path).as_of == 5.0
    assert recording.why_rewrite is None
    assert recording._failed_at is not None
    recording._failed_at -= 601.0
    assert "failed" in str(recording.why_rewrite)
    recording.begin(full=True)
    assert recording.why_rewrite is None
    recording.commit(7.0)
    assert SnapshotReader(tmp_path).as_of == 7.0
    recording.close()


def test_a_file_that_is_confirmed_is_younger_for_it(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.begin(full=True)
    recording.commit(5.0)
    recording._written_at -= 61.0
    recording.confirm(66.0)
    assert SnapshotReader(tmp_path).as_of == 66.0
    recording.close()


def test_a_snapshot_that_cannot_be_used_is_said_and_the_database_waited_for(
    start_loader: Start, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_bytes(HEAD + b"torn")
    daemon = start_loader("postgresql://x@127.0.0.1:1/x", state_directory=str(tmp_path))
    assert daemon.state(connected=False).as_of is None
    assert daemon.logged("snapshot_unusable")
    assert not daemon.updates
