"""The snapshot on disk as the loader uses it: it may be absent, its disk may fail; following goes on.

A disk that fails is said once, and the recording stops until the next full update, which starts a new file.
"""

import contextlib
import time
from collections.abc import Callable, Container
from pathlib import Path

from loader.last_good import Put, RowKey, last_good
from loader.link import DaemonLink
from loader.snapshot import SnapshotError, SnapshotReader, SnapshotRecorder
from loader.stream import LogLine, UpdateBegin, UpdateCommit

CONFIRM_SECONDS = 60.0
"""How often a file to which nothing was added is told that it is still the truth."""

RETRY_SECONDS = 600.0
"""How long after a failure of the disk everything is read again to write a new file."""


class Recording:
    """`directory` None records nothing. Failures wait in `failures` until somebody can send them."""

    __slots__ = ("_directory", "_failed_at", "_recorder", "_written_at", "failures")

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._recorder = None if directory is None else SnapshotRecorder(directory)
        self._written_at = 0.0
        self._failed_at: float | None = None
        self.failures: list[LogLine] = []

    def begin(self, full: bool) -> None:
        """As `SnapshotRecorder.begin`."""
        if recorder := self._recorder:
            if full:
                self._failed_at = None
            self._guarded(lambda: recorder.begin(full))

    def write(self, frame: bytes) -> None:
        """As `SnapshotRecorder.write`."""
        if (recorder := self._recorder) and recorder.recording:
            self._guarded(lambda: recorder.write(frame))

    def commit(self, as_of: float) -> None:
        """As `SnapshotRecorder.commit`."""
        if (recorder := self._recorder) and recorder.recording:
            self._guarded(lambda: recorder.commit(as_of))
            self._written_at = time.monotonic()

    def abandon(self) -> None:
        """As `SnapshotRecorder.abandon`."""
        if (recorder := self._recorder) and recorder.recording:
            self._guarded(recorder.abandon)

    def confirm(self, as_of: float | None) -> None:
        """Nothing was added, and the database says that nothing had to be."""
        if as_of is not None and time.monotonic() - self._written_at > CONFIRM_SECONDS:
            self.begin(full=False)
            self.commit(as_of)

    @property
    def why_rewrite(self) -> str | None:
        """Why a full update should come, for the sake of the file; None while it is well."""
        if self._failed_at is not None and time.monotonic() - self._failed_at > RETRY_SECONDS:
            return "the snapshot on disk failed and may succeed now"
        if self._recorder is not None and self._recorder.recording and self._recorder.outgrown:
            return "the snapshot on disk has outgrown what it holds"
        return None

    async def tell_failures(self, link: DaemonLink) -> None:
        """Send what went wrong with the disk, if anything did."""
        while self.failures:
            await link.send(self.failures.pop(0))

    def close(self) -> None:
        """Record no more."""
        if recorder := self._recorder:
            self._guarded(recorder.close)

    async def replay(self, link: DaemonLink) -> float | None:
        """Send what is on disk; returns as of when it was true, or None where there is nothing to send."""
        if self._directory is None:
            return None
        try:
            reader = SnapshotReader(self._directory)
        except SnapshotError as error:
            await link.log("warning", "snapshot_unusable", error=str(error))
            return None
        first = True
        begun = False
        for frame in reader.frames():
            if not begun:
                await link.send(UpdateBegin(full=first, source="snapshot"))
                begun = True
            if frame is None:
                await link.send(UpdateCommit())
                begun = first = False
            else:
                await link.send_frame(frame)
        await link.log("info", "snapshot_replayed", as_of=reader.as_of)
        return reader.as_of

    async def last_good(self, wanted: Container[RowKey]) -> dict[RowKey, Put]:
        """As `loader.last_good`, from the file as it was before the update that is being recorded."""
        if self._directory is None:
            return {}
        try:
            return await last_good(self._directory, wanted)
        except SnapshotError as error:
            self.failures.append(LogLine("warning", "snapshot_unusable", {"error": str(error)}))
            return {}

    def _guarded(self, step: Callable[[], None]) -> None:
        assert self._recorder is not None, "nothing to guard where nothing is recorded"
        try:
            step()
        except OSError as error:
            self._failed_at = time.monotonic()
            self.failures.append(LogLine("error", "snapshot_failed", {"error": error.strerror or str(error)}))
            with contextlib.suppress(OSError):  # the file is given up already
                self._recorder.close()
