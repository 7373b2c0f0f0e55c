"""Calls on disk, so that they outlive the daemon: an append-only file of what happened to them.

A killed daemon knows its calls again when it comes back: what an answer says is written before the answer leaves.
No fsync: the machine losing power loses its switch's calls too. Two files take turns. When the one in use has
outgrown its calls, the next one begins: what happens goes there from then on, and in slices everything still up is
written there as well, and when each account last called; once that is complete, and the endings in the old file are
too old to matter, the old file goes. Every record says how something stands now, so reading one twice does no harm.

A block is a 4-byte length and a 4-byte CRC-32, then MessagePack records; a block torn by a crash ends the file.
"""

import fcntl
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from struct import Struct

import msgspec

from identd.calls import (
    REMEMBER_SECONDS,
    Call,
    CallChange,
    CallEnded,
    CallRenewed,
    Cause,
    GatewayBooted,
    GatewayCleared,
)
from identd.decision import Grant
from identd.live_calls import LiveCalls
from matcher.account import Direction

BLOCK_BYTES_MAX = 64 * 1024 * 1024  # a block is kilobytes; a length past this is garbage
BLOCK_RECORDS = 1_000  # in one block: what a failed write has encoded for nothing
BLOCKS_AT_ONCE = 4  # written a turn when much is waiting: some 5 ms
REWRITE_BYTES_MIN = 64 * 1024 * 1024  # smaller files are not worth turning over: replaying one takes a second
REWRITE_FACTOR = 4  # turned over when this many times larger than what a fresh file took
REWRITE_SLICE_CALLS = 200  # written a turn while turning over: some 0.3 ms
REWRITE_SLICE_MOMENTS = 1_000  # the same of the accounts' last calls: some 0.3 ms
PENDING_MAX = 200_000  # records kept while the disk takes none; past it the whole state is written anew later
KEEP_SECONDS = REMEMBER_SECONDS + 1.0  # a file that is full of what has ended is kept until that is forgotten
RETRY_SECONDS = 1.0  # between tries while the disk takes none
VERSION = 1

_HEAD = Struct(">II")


class _CallRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="c"):
    gateway_id: int
    call_id: str
    leg: str
    direction: Direction
    account_id: int
    client_id: int
    reseller_id: int | None
    granted_at: float
    renewed_heard: float
    lease_seconds: int
    started_at: float | None
    grant: tuple[object, ...] | None


class _EndedRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="e"):
    gateway_id: int
    call_id: str
    leg: str
    cause: Cause
    at: float


class _RenewedRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="r"):
    gateway_id: int
    call_id: str
    leg: str
    heard: float
    lease_seconds: int


class _BootRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="b"):
    gateway_id: int
    boot_id: int


class _ClearedRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="g"):
    gateway_id: int
    before: float


class _LastCallsRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="l"):
    """When these accounts last had a call granted, as far as no record of a call here says it."""

    moments: dict[int, float]


class _AliveRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="a"):
    """The daemon could hear at this moment, and had been deaf for so long in all."""

    at: float
    deaf_seconds: float


class _FileRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="f"):
    """First of a file. `number` rises; of two files the lower is read first."""

    number: int
    version: int


class _CompleteRecord(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="z"):
    """Everything that was up when this file began is in it now: the file before it is not needed."""


_Record = (
    _CallRecord
    | _EndedRecord
    | _RenewedRecord
    | _BootRecord
    | _ClearedRecord
    | _LastCallsRecord
    | _AliveRecord
    | _FileRecord
    | _CompleteRecord
)
_decode = msgspec.msgpack.Decoder(list[_Record]).decode
_encode = msgspec.msgpack.Encoder().encode
_GRANT_FIELDS = Grant.__struct_fields__


class JournalError(Exception):
    """The journal cannot be used; the text names the file and says why, for an operator."""


class Journal:
    """The files in one directory, locked for this process. `write` once a turn; `restore` once, before anything."""

    __slots__ = (
        "_directory",
        "_fd",
        "_fresh_bytes",
        "_lock",
        "_lost",
        "_number",
        "_old",
        "_pending",
        "_retry_at",
        "_rewriting",
        "_size",
        "_unlinking",
        "torn_bytes",
    )

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd = -1
        self._number = 0
        self._size = 0
        self._fresh_bytes = 0
        self._old: list[tuple[Path, float]] = []
        self._rewriting: Iterator[Call | dict[int, float]] | None = None
        self._pending: list[_Record] = []
        self._retry_at = 0.0
        self._lost = False
        self._unlinking: threading.Thread | None = None
        self.torn_bytes = 0
        """Of the files restored from: what stood behind the last whole block. A kill leaves at most one block."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory / "calls.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalError(f"{directory}: another identd is using this state directory") from error

    def restore(self, live: LiveCalls, now: float) -> int:
        """Put the calls back as they were, and begin a fresh file. How many calls are up.

        The time since the last sign of our own life counts as deafness. A file that cannot be read raises
        JournalError: an operator must decide, because starting without it forgets calls that are up.
        """
        last_alive: float | None = None
        for path in self._files():
            try:
                data = path.read_bytes()
                whole = 0
                for end, records in _blocks(data):
                    whole = end
                    for record in records:
                        if isinstance(record, _AliveRecord):
                            last_alive, live.deaf_seconds = record.at, record.deaf_seconds
                        elif isinstance(record, _FileRecord):
                            if record.version != VERSION:
                                raise ValueError(f"version {record.version}, not {VERSION}")
                        else:
                            _replay(record, live)
            except OSError as error:
                raise JournalError(f"{path}: {error.strerror}") from error
            except (msgspec.MsgspecError, ValueError) as error:
                raise JournalError(f"{path}: written by another version of identd: {error}") from error
            self.torn_bytes += len(data) - whole
            self._number = max(self._number, _number_of(path))
            self._old.append((path, now))
        if last_alive is not None:
            live.deaf_seconds += max(0.0, now - last_alive)
        live.restored()
        try:
            self._begin_file(live, now)
            while self.is_behind:
                self._catch_up(live, now, alive=False)
        except OSError as error:
            raise JournalError(f"{self._directory}: the journal of calls cannot be written: {error}") from error
        return len(live)

    def write(self, live: LiveCalls, now: float) -> None:
        """Append what has happened since the last time; called before any answer about it leaves.

        Raises OSError where the disk takes nothing: what is to be written is kept, or once that is too much, the
        whole state is written anew when the disk takes it. Until `RETRY_SECONDS` later nothing is tried.
        """
        changes = live.changes
        if changes:
            if len(self._pending) < PENDING_MAX:
                self._pending.extend(_records(changes))
            else:
                self._lost = True
            changes.clear()
        if now >= self._retry_at and not self._lost:
            self._try(now, self._append_some)

    def catch_up(self, live: LiveCalls, now: float, alive: bool = False) -> None:
        """Do some of what no answer waits for: turn the file over, note that we are `alive`. Raises as `write`."""
        if now >= self._retry_at:
            self._try(now, lambda: self._catch_up(live, now, alive))

    def _try(self, now: float, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError:
            self._retry_at = now + RETRY_SECONDS
            raise

    def _append_some(self) -> None:
        for _ in range(BLOCKS_AT_ONCE):
            if not self._pending:
                break
            self._append(self._pending[:BLOCK_RECORDS])
            del self._pending[:BLOCK_RECORDS]

    def _catch_up(self, live: LiveCalls, now: float, alive: bool) -> None:
        if self._lost:
            self._begin_file(live, now)
            self._pending.clear()
            self._lost = False
            self._old = [(path, 0.0) for path, _ in self._old]  # what they miss would bring ended calls back
        if alive:
            self._pending.append(_AliveRecord(now, live.deaf_seconds))
        if self._rewriting is not None:
            self._rewrite_some(live)
        self._append_some()
        if self._rewriting is None and not self._pending:
            self._drop_old(now)
            if self._size > max(REWRITE_BYTES_MIN, REWRITE_FACTOR * self._fresh_bytes):
                self._begin_file(live, now)

    def finish(self, live: LiveCalls, now: float) -> None:
        """Append all that is left, however long it takes: nobody is waiting any more. Raises OSError as `write`."""
        self._retry_at = 0.0
        self.write(live, now)
        self.catch_up(live, now, alive=True)
        while self.is_behind:
            self._catch_up(live, now, alive=False)

    def close(self) -> None:
        """Let go of the files."""
        if self._unlinking is not None:
            self._unlinking.join()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        os.close(self._lock)

    @property
    def is_behind(self) -> bool:
        """Whether there is something to catch up with: each `catch_up` does some of it."""
        return self._rewriting is not None or bool(self._pending) or self._lost

    @property
    def size(self) -> int:
        """Bytes of the file in use."""
        return self._size

    def _files(self) -> list[Path]:
        found = (path for path in self._directory.glob("calls.*.journal") if path.name.split(".")[1].isdecimal())
        return sorted(found, key=_number_of)

    def _begin_file(self, live: LiveCalls, now: float) -> None:
        """The next file: what is small goes in at once, the calls follow in slices."""
        number = self._number + 1
        path = self._directory / f"calls.{number}.journal"
        first: list[_Record] = [_FileRecord(number, VERSION), _AliveRecord(now, live.deaf_seconds)]
        first += [_BootRecord(gateway_id, boot_id) for gateway_id, boot_id in live.boots.items()]
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = _append_block(fd, first, 0)
        except OSError:  # the file in use stays in use: nothing may go before a new one is complete
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        if self._fd >= 0:
            os.close(self._fd)
            self._old.append((self._directory / f"calls.{self._number}.journal", now))
        self._fd, self._number, self._size, self._fresh_bytes = fd, number, size, 0
        self._rewriting = chain(live.all_calls(), live.last_calls.shards)

    def _rewrite_some(self, live: LiveCalls) -> None:
        assert self._rewriting is not None, "asked only while turning over"
        calls = moments = 0
        for entry in self._rewriting:
            if isinstance(entry, Call):
                calls += 1
                if live.find(entry.key) is entry:
                    self._pending.append(_call_record(entry))
            elif entry:
                moments += len(entry)
                self._pending.append(_LastCallsRecord(entry))  # as it is when written: by then it may say more
            if calls >= REWRITE_SLICE_CALLS or moments >= REWRITE_SLICE_MOMENTS:
                return
        self._rewriting = None
        self._pending.append(_CompleteRecord())

    def _drop_old(self, now: float) -> None:
        """Files that the one in use has made needless go once the endings in them are too old to matter."""
        if not self._fresh_bytes:
            self._fresh_bytes = self._size
        while self._old and now - self._old[0][1] > KEEP_SECONDS:
            path, _ = self._old.pop(0)
            # a large file takes the file system a while, and answers would wait
            self._unlinking = threading.Thread(target=path.unlink, kwargs={"missing_ok": True}, name="journal")
            self._unlinking.start()

    def _append(self, records: list[_Record]) -> None:
        self._size += _append_block(self._fd, records, self._size)


def _append_block(fd: int, records: list[_Record], size: int) -> int:
    """Write one block at the end of the file, which has `size` bytes; how many were written. All or nothing."""
    body = _encode(records)
    block = _HEAD.pack(len(body), zlib.crc32(body)) + body
    written = os.write(fd, block)
    if written != len(block):  # the disk is full: leave no torn block for later ones to hide behind
        os.ftruncate(fd, size)
        raise OSError("the journal of calls could not be written whole: is the disk full?")
    return written


def _number_of(path: Path) -> int:
    return int(path.name.split(".")[1])


def _records(changes: Iterable[CallChange]) -> list[_Record]:
    records: list[_Record] = []
    for change in changes:
        if isinstance(change, Call):
            records.append(_call_record(change))
        elif isinstance(change, CallEnded):
            records.append(_EndedRecord(*change.key, change.cause, change.at))
        elif isinstance(change, CallRenewed):
            records.append(_RenewedRecord(*change.key, change.heard, change.lease_seconds))
        elif isinstance(change, GatewayCleared):
            records.append(_ClearedRecord(change.gateway_id, change.before))
        else:
            records.append(_BootRecord(change.gateway_id, change.boot_id))
    return records


def _call_record(call: Call) -> _CallRecord:
    grant = call.grant
    return _CallRecord(
        *call.key,
        call.direction,
        call.account_id,
        call.client_id,
        call.reseller_id,
        call.granted_at,
        call.renewed_heard,
        call.lease_seconds,
        call.started_at,
        None if grant is None else msgspec.structs.astuple(grant),
    )


def _replay(record: _Record, live: LiveCalls) -> None:
    if isinstance(record, _CallRecord):
        fields = None if record.grant is None else dict(zip(_GRANT_FIELDS, record.grant, strict=True))
        live.restore(
            Call(
                (record.gateway_id, record.call_id, record.leg),
                record.direction,
                record.account_id,
                record.client_id,
                record.reseller_id,
                record.granted_at,
                record.renewed_heard,
                record.lease_seconds,
                None if fields is None else msgspec.convert({"decision": "grant", **fields}, Grant),
                record.started_at,
            )
        )
    elif isinstance(record, _EndedRecord):
        live.restore_ended(CallEnded((record.gateway_id, record.call_id, record.leg), record.cause, record.at))
    elif isinstance(record, _RenewedRecord):
        live.restore_renewed(
            CallRenewed((record.gateway_id, record.call_id, record.leg), record.heard, record.lease_seconds)
        )
    elif isinstance(record, _BootRecord):
        live.restore_boot(GatewayBooted(record.gateway_id, record.boot_id))
    elif isinstance(record, _ClearedRecord):
        live.restore_cleared(GatewayCleared(record.gateway_id, record.before))
    elif isinstance(record, _LastCallsRecord):
        live.last_calls.restore(record.moments)


def _blocks(data: bytes) -> Iterator[tuple[int, list[_Record]]]:
    """The whole blocks of a file, each with where it ends; a torn or broken one ends the file."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + length]
        if not length or length > BLOCK_BYTES_MAX or len(body) < length or zlib.crc32(body) != checksum:
            return
        at += _HEAD.size + length
        yield at, _decode(body)
