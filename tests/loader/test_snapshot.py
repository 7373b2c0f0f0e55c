"""The recording on disk: written, torn, damaged, foreign, replayed."""

import stat
from pathlib import Path

import pytest

from loader import stream
from loader.snapshot import FILE_NAME, HEAD, SnapshotError, SnapshotReader, SnapshotRecorder
from matcher.change import RowRemoved


def frame(row_id: int) -> bytes:
    return stream.encode(stream.UpdateSlice((RowRemoved("accounts", row_id),)))


def record(directory: Path, *updates: list[int]) -> SnapshotRecorder:
    recorder = SnapshotRecorder(directory)
    for number, rows in enumerate(updates):
        recorder.begin(full=number == 0)
        for row in rows:
            recorder.write(frame(row))
        recorder.commit(1000.0 + number)
    return recorder


def replayed(directory: Path) -> list[bytes | None]:
    return list(SnapshotReader(directory).frames())


def test_what_was_recorded_comes_back_frame_by_frame_update_by_update(tmp_path: Path) -> None:
    record(tmp_path, [1, 2], [], [3]).close()
    assert replayed(tmp_path) == [frame(1), frame(2), None, None, frame(3), None]
    assert SnapshotReader(tmp_path).as_of == 1002.0


def test_only_we_may_read_it(tmp_path: Path) -> None:
    record(tmp_path, [1]).close()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_a_tail_torn_anywhere_costs_only_the_update_it_belongs_to(tmp_path: Path) -> None:
    record(tmp_path, [1, 2]).close()
    whole = (tmp_path / FILE_NAME).read_bytes()
    record(tmp_path, [1, 2], [3, 4]).close()
    longer = (tmp_path / FILE_NAME).read_bytes()
    assert longer.startswith(whole[:-9])
    for end in range(len(whole), len(longer)):
        (tmp_path / FILE_NAME).write_bytes(longer[:end])
        assert replayed(tmp_path) == [frame(1), frame(2), None]
    for end in range(len(whole)):
        (tmp_path / FILE_NAME).write_bytes(whole[:end])
        with pytest.raises(SnapshotError):
            SnapshotReader(tmp_path)


def test_a_flipped_bit_ends_it_before_the_frame_that_it_is_in(tmp_path: Path) -> None:
    record(tmp_path, [1, 2]).close()
    size = (tmp_path / FILE_NAME).stat().st_size
    record(tmp_path, [1, 2], [3]).close()
    good = (tmp_path / FILE_NAME).read_bytes()
    for place in range(size, len(good)):
        (tmp_path / FILE_NAME).write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        assert replayed(tmp_path) == [frame(1), frame(2), None]


@pytest.mark.parametrize(
    "content", [b"", b"something else", HEAD[:-1], HEAD.replace(b"1", b"2"), HEAD + b"\xff" * 64]
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(SnapshotError):
        SnapshotReader(tmp_path)


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot be read"):
        SnapshotReader(tmp_path)


def test_a_full_update_that_is_abandoned_leaves_the_old_file(tmp_path: Path) -> None:
    record(tmp_path, [1]).close()
    recorder = SnapshotRecorder(tmp_path)
    recorder.begin(full=True)
    recorder.write(frame(9))
    recorder.abandon()
    assert replayed(tmp_path) == [frame(1), None]
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_an_update_that_is_abandoned_is_taken_back_and_the_next_one_appended(tmp_path: Path) -> None:
    recorder = record(tmp_path, [1])
    recorder.begin(full=False)
    recorder.write(frame(9))
    recorder.abandon()
    recorder.begin(full=False)
    recorder.write(frame(2))
    recorder.commit(1005.0)
    recorder.close()
    assert replayed(tmp_path) == [frame(1), None, frame(2), None]


def test_without_a_full_update_nothing_is_written(tmp_path: Path) -> None:
    recorder = SnapshotRecorder(tmp_path)
    recorder.begin(full=False)
    recorder.write(frame(1))
    recorder.commit(1.0)
    assert not recorder.recording
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_outgrew_its_base_is_due_for_a_rewrite(tmp_path: Path) -> None:
    recorder = record(tmp_path, [1])
    big = stream.encode(stream.UpdateAbandon("x" * 1_000_000))
    for number in range(4):
        assert not recorder.outgrown, number
        recorder.begin(full=False)
        recorder.write(big)
        recorder.commit(1.0)
    recorder.begin(full=False)
    recorder.write(big)
    recorder.commit(1.0)
    assert recorder.outgrown
    recorder.begin(full=True)
    recorder.commit(2.0)
    assert not recorder.outgrown
    recorder.close()
