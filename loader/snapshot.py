"""What the daemon was told, on disk: with it a daemon can start and answer while PostgreSQL is away.

A recording of the stream: a head, then frames (length, CRC-32, the MessagePack of a stream message). The first
update is a full one; later ones are appended, each ended by a commit that carries the time at which it was the
truth. What comes after the last whole commit is a torn tail and ignored. A new full update is written beside it and
renamed into place. Writing needs no copy: the frames are those that go to the daemon anyway.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from loader import stream
from matcher import account, change

FILE_NAME = "accounts.snapshot"
GROWTH_MAX = 1.5
"""A log this many times its first update is due for a rewrite: replaying it costs what it holds."""
GROWTH_BYTES_MIN = 4 * 1024 * 1024
"""Below this nothing is gained by a rewrite."""


class SnapshotError(Exception):
    """The file cannot be used; the message says why."""


def _fingerprint() -> bytes:
    """Changes with the fields of any value in the file: arrays have no names to tell versions apart by."""
    kinds = (
        account.Network, account.OrigSide, account.TermSide, account.Account, account.Client, account.Reseller,
        account.Gateway, change.AccountPut, change.ClientPut, change.ResellerPut, change.GatewayPut,
        change.RowRemoved, change.RowQuarantined, stream.UpdateBegin, stream.UpdateSlice, stream.UpdateCommit,
    )  # fmt: skip
    fields = [(k.__name__, [(f.name, str(f.type)) for f in msgspec.structs.fields(k)]) for k in kinds]
    return hashlib.sha256(repr(fields).encode()).hexdigest()[:16].encode()


HEAD = b"identd accounts 1 " + _fingerprint() + b"\n"


class SnapshotRecorder:
    """Writes the file along with the stream: `begin`, frames, then `commit` or `abandon`. Raises `OSError` only."""

    __slots__ = ("_base_bytes", "_committed", "_file", "_full", "_path", "_temporary")

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._temporary = directory / f"{FILE_NAME}.new"
        self._file: BinaryIO | None = None
        self._committed = 0
        self._base_bytes = 0
        self._full = False

    def begin(self, full: bool) -> None:
        """A new update. A full one starts a new file; any other needs a full one by this recorder before it."""
        self._full = full
        if full:
            self.close()
            # 0600: names, addresses and sealed passwords of customers
            descriptor = os.open(self._temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "wb")
            self._file.write(HEAD)

    def write(self, frame: bytes) -> None:
        """One framed `UpdateSlice`, as it goes to the daemon."""
        if self._file is not None:
            body = memoryview(frame)[4:]
            self._file.write(frame[:4] + zlib.crc32(body).to_bytes(4, "big"))
            self._file.write(body)

    def commit(self, as_of: float) -> None:
        """The update is whole; `as_of` is the Unix time at which it was what the database said."""
        if self._file is None:
            return
        self.write(stream.encode(stream.UpdateCommit(as_of)))
        self._file.flush()
        self._committed = self._file.tell()
        if self._full:
            os.fsync(self._file.fileno())
            self._temporary.replace(self._path)
            self._base_bytes = self._committed

    def abandon(self) -> None:
        """The update never was: what has been written of it goes."""
        if self._file is None:
            return
        if self._full:
            self.close()
            self._temporary.unlink(missing_ok=True)
        else:
            self._file.flush()
            self._file.seek(self._committed)
            self._file.truncate()

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def recording(self) -> bool:
        """Whether there is a file to append to."""
        return self._file is not None

    @property
    def outgrown(self) -> bool:
        """Whether a full update, which rewrites the file, is due."""
        return self._committed > max(self._base_bytes * GROWTH_MAX, self._base_bytes + GROWTH_BYTES_MIN)


class SnapshotReader:
    """Checks the file once, up to its last whole commit, and then gives its frames back.

    Raises `SnapshotError` when there is no file, or none of this version, or no whole full update in it.
    """

    __slots__ = ("_end", "_path", "as_of")

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._end = 0
        self.as_of = 0.0
        decoder = msgspec.msgpack.Decoder(stream.UpdateCommit)
        try:
            with self._path.open("rb") as file:
                if file.read(len(HEAD)) != HEAD:
                    raise SnapshotError(f"{self._path.name} was written by another version")
                for body, end in _bodies(file, None):
                    if _is_commit(body):
                        self.as_of = decoder.decode(body).recorded_at or 0.0
                        self._end = end
        except OSError as error:
            raise SnapshotError(f"{self._path.name} cannot be read: {error.strerror}") from error
        except (msgspec.MsgspecError, ValueError) as error:
            raise SnapshotError(f"{self._path.name} is damaged: {error}") from error
        if not self._end:
            raise SnapshotError(f"{self._path.name} holds no whole update")

    def frames(self) -> Iterator[bytes | None]:
        """The framed slices as they were sent; None at the end of each update. The first update is the full one."""
        with self._path.open("rb") as file:
            file.seek(len(HEAD))
            for body, _ in _bodies(file, self._end):
                yield None if _is_commit(body) else len(body).to_bytes(4, "big") + body


_COMMIT_START = stream.encode(stream.UpdateCommit())[4:][:-1]  # the array and its tag, without the time


def _is_commit(body: bytes) -> bool:
    return body.startswith(_COMMIT_START)


def _bodies(file: BinaryIO, end: int | None) -> Iterator[tuple[bytes, int]]:
    """Frames from here to `end`, or to the first that is not whole, each with the offset behind it."""
    offset = file.tell()
    while end is None or offset < end:
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4], "big")
        body = file.read(length) if length <= stream.FRAME_BYTES_MAX else b""
        if len(body) != length or zlib.crc32(body) != int.from_bytes(head[4:], "big"):
            return
        offset += 8 + length
        yield body, offset
