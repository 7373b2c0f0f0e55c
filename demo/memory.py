"""A folder in memory for files that end with their process.

Tests make a database each; on a disk nearly all of that time is the file system's (0.2 s, in memory 0.02).

Its life hangs on a lock that the kernel takes back however we end. Whoever comes next removes what was left behind:
it holds memory until somebody does.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - tmpfs on Linux (shm_overview(7)); what we put there is 0711
CONTROL_GROUP = Path("/sys/fs/cgroup")
FREE_BYTES_MIN = 4 << 30  # a run of all tests: max_wal_size of demo/postgres.py, the databases, and as much again
PREFIX = "identd-memory-"
NEW_PREFIX = "identd-new-"  # not locked yet: nobody else may judge it


@contextlib.contextmanager
def memory_folder(place: Path = SHARED_MEMORY, free_bytes_min: int = FREE_BYTES_MIN) -> Iterator[Path | None]:
    """A folder of our own in memory that others may pass through (0711), gone afterwards.

    None where `place` does not let us, starts no programs (a copied PostgreSQL may have to lie there), or lacks
    `free_bytes_min`, in the file system or in the machine: a container has 64 MB unless it is told otherwise.
    """
    folder = _new_folder(place) if _is_fit(place, free_bytes_min) else None
    if folder is None:
        yield None
        return
    folder.chmod(0o711)
    with _locked(folder) as ours:
        assert ours, "nobody else locks a folder under its first name"
        folder = folder.rename(place / folder.name.replace(NEW_PREFIX, PREFIX, 1))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _new_folder(place: Path) -> Path | None:
    with contextlib.suppress(OSError):
        return Path(tempfile.mkdtemp(prefix=NEW_PREFIX, dir=place))
    return None


def remove_abandoned(place: Path) -> None:
    """Removes the folders that nobody holds any more; those of other users stay."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), _locked(folder) as abandoned:
            if abandoned:
                shutil.rmtree(folder, ignore_errors=True)


def _is_fit(place: Path, free_bytes_min: int) -> bool:
    remove_abandoned(place)  # first: it may be what fills the place
    try:
        system = os.statvfs(place)
    except OSError:
        return False
    if system.f_flag & os.ST_NOEXEC:
        return False
    return min(system.f_bavail * system.f_frsize, _available_bytes()) >= free_bytes_min


def _available_bytes() -> int:
    """What the machine can give without swapping (proc(5)), or our container, if that is less (cgroup v2)."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((CONTROL_GROUP / "memory.max").read_text())  # ValueError: `max`, no limit
        return min(_machine_bytes(), limit - int((CONTROL_GROUP / "memory.current").read_text()))
    return _machine_bytes()


def _machine_bytes() -> int:
    with contextlib.suppress(OSError), Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether the lock is ours, for as long as the context lasts. It is on the folder, not on its name."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(held)
