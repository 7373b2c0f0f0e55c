"""The folder in memory: gone with its owner, however that ends, and never another's."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from demo.memory import PREFIX, memory_folder, remove_abandoned

OWNER = """
import sys, time
from pathlib import Path
from demo.memory import memory_folder
with memory_folder(Path(sys.argv[1]), 0) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


def test_others_may_pass_through_it_and_it_goes_with_what_lies_in_it(tmp_path: Path) -> None:
    with memory_folder(tmp_path, 0) as folder:
        assert folder is not None
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o711
        (folder / "pg").mkdir()
        (folder / "pg" / "log").touch()
    assert list(tmp_path.iterdir()) == []


def test_one_that_a_killed_owner_left_is_removed_by_the_next_and_no_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        (left / "data").write_bytes(bytes(100))
        with memory_folder(tmp_path, 0) as first, memory_folder(tmp_path, 0) as second:
            assert left.exists(), "its owner lives"
            assert first is not None
            assert first.exists()
            assert second not in (None, first)
        owner.send_signal(signal.SIGKILL)
    assert left.exists()
    remove_abandoned(tmp_path)
    assert not left.exists()


def test_what_only_bears_such_a_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "kept")
    (tmp_path / f"{PREFIX}file").touch()
    remove_abandoned(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_there_is_none_where_it_does_not_fit_or_may_not_be_written(tmp_path: Path) -> None:
    system = os.statvfs(tmp_path)
    for place, free_bytes_min in (
        (tmp_path, system.f_blocks * system.f_frsize + 1),
        (tmp_path / "missing", 0),
        (Path("/proc"), 0),
    ):
        with memory_folder(place, free_bytes_min) as folder:
            assert folder is None, place
    assert list(tmp_path.iterdir()) == []
