"""From the loader process into the directory: starts it, takes its updates in slices, starts it again when it dies.

The loader is a process of its own, so that nothing the database does can stop an answer (docs/decisions). What
arrives here is staged a slice at a time, with the thread given back between slices, and takes effect in one step.
A loader that dies in an update leaves no trace of it; the next one reads everything again and only differences count.
"""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

import trio

from identd.clock import Clock
from identd.engine import Engine
from identd.logs import Level
from loader.stream import (
    Ack,
    Alive,
    Configure,
    DaemonMessage,
    DatabaseState,
    LoaderMessage,
    Reconcile,
    Seen,
    StreamError,
    UpdateAbandon,
    UpdateBegin,
    UpdateCommit,
    UpdateSlice,
    encode,
    from_loader,
)
from matcher.change import Change
from matcher.update import Applied, Update

READ_BYTES = 65_536
TIDY_ENTRIES = 10  # of what an update left behind, removed at a time: some 0.02 ms, at a crowded address 10 ms
TURN_SECONDS = (
    0.0005  # of staging or tidying, and then the thread is given back: a slice may take a hundred times that
)
SETTLE_ROWS = 2_000  # of a full update, compared at a time: some 0.3 ms
RESTART_SECONDS_MIN = 0.2
RESTART_SECONDS_MAX = 5.0
STOP_SECONDS = 2.0  # how long the loader may take to end before it is killed
SILENT_SECONDS_MAX = 30.0
"""A loader that says nothing for so long is stopped or stuck, and is killed: one that waits for the database says
every five seconds that it lives."""
SILENT_LOOKS = 6
"""In so many turns that silence is waited for: one that is late, because this process was paused, counts as one."""

LOADER_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "USER")
"""What the loader inherits, and every PG* variable (libpq's): the key of the credentials is not its business."""


class SilentLoaderError(Exception):
    """The loader has said nothing for too long."""


class FeedObserver(Protocol):
    """Who is told what the loader says and does."""

    def applied(self, changes: int, commit_to_effect_seconds: float | None) -> None:
        """A set of account changes took effect."""

    def loader_log(self, level: Level, event: str, fields: Mapping[str, str | int | float | bool | None]) -> None:
        """The loader has something to say."""

    def loader_ended(self, reason: str, next_in_seconds: float) -> None:
        """The loader is gone and will be started again."""

    def first_data(self, accounts: int, source: str) -> None:
        """Calls are judged from now on."""


class Feed:
    """The one writer of the directory. Also knows how old its data is."""

    __slots__ = (
        "_changes",
        "_clock",
        "_configure",
        "_engine",
        "_observer",
        "_seen",
        "_sending",
        "_silent_seconds_max",
        "_source",
        "_stream",
        "_update",
        "as_of",
        "database_connected",
        "database_error",
        "pid",
        "restarts",
    )

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        observer: FeedObserver,
        configure: Configure,
        silent_seconds_max: float = SILENT_SECONDS_MAX,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._observer = observer
        self._configure = configure
        self._silent_seconds_max = silent_seconds_max
        self._seen: Seen | None = None
        self._update: Update | None = None
        self._changes = 0
        self._source = ""
        self._stream: trio.SocketStream | None = None
        self._sending = trio.Lock()  # a wish to reconcile may come while an acknowledgement is on its way
        self.as_of: float | None = None
        self.database_connected = False
        self.database_error: str | None = None
        self.pid: int | None = None
        self.restarts = 0

    def data_age_seconds(self, now: float) -> float | None:
        """Seconds since what is in memory was last known to be what is in the database; None before any data."""
        if self.as_of is None or not self._engine.directory.ready:
            return None
        return max(0.0, now + self._clock.wall_offset() - self.as_of)

    def in_force(self, xid: int) -> bool:
        """Whether what this transaction wrote has taken effect; False where the loader does not see the database."""
        return self._seen is not None and self._seen.includes(xid)

    async def run(self) -> None:
        """Keep a loader running until cancelled."""
        pause = RESTART_SECONDS_MIN
        while True:
            began = trio.current_time()
            reason = await self._run_one()
            self.database_connected, self._seen = False, None
            await self._clear_up()
            if trio.current_time() - began > RESTART_SECONDS_MAX * 2:
                pause = RESTART_SECONDS_MIN
            seconds = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            self.restarts += 1
            self._observer.loader_ended(reason, seconds)
            await trio.sleep(seconds)
            pause = min(pause * 2, RESTART_SECONDS_MAX)

    async def reconcile(self) -> None:
        """Have everything read again, if a loader is there to do it."""
        if self._stream is not None:
            await self._send(self._stream, Reconcile())

    async def _run_one(self) -> str:
        """One life of the loader; how it ended."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:  # no file is free; when a connection is closed there will be
            return f"cannot be started: {error.strerror}"
        with theirs:
            command = [sys.executable, "-P", "-m", "loader.main", "--fd", str(theirs.fileno())]
            try:
                process = await trio.lowlevel.open_process(
                    command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=_environment(os.environ)
                )
            except OSError as error:
                ours.close()
                return f"cannot be started: {error.strerror}"
        self.pid = process.pid
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        try:
            self._stream = stream
            return await self._converse(stream)
        except SilentLoaderError as silent:
            process.kill()
            return str(silent)
        finally:
            self._stream = None
            self.pid = None
            with trio.CancelScope(shield=True):
                await stream.aclose()
                await _end(process)

    async def _converse(self, stream: trio.SocketStream) -> str:
        decoder = from_loader()
        configure = Configure(
            self._configure.dsn,
            self._configure.poll_seconds,
            self._configure.heartbeat_seconds,
            self._configure.state_directory,
            daemon_ready=self._engine.directory.ready,
        )
        try:
            await stream.send_all(encode(configure))
            while data := await self._heard(stream):
                for message in decoder.feed(data):
                    await self._take(message)
                    await self._send(stream, Ack(1))
        except trio.BrokenResourceError:
            return "its connection broke"
        except StreamError as error:
            return f"it broke the stream: {error}"
        return "it ended"

    async def _send(self, stream: trio.SocketStream, message: DaemonMessage) -> None:
        async with self._sending:
            await stream.send_all(encode(message))

    async def _heard(self, stream: trio.SocketStream) -> bytes:
        """What the loader says next, b"" at its end. Raises `SilentLoaderError`."""
        for _ in range(SILENT_LOOKS):
            with trio.move_on_after(self._silent_seconds_max / SILENT_LOOKS):
                return await stream.receive_some(READ_BYTES)
        raise SilentLoaderError(f"it said nothing for {self._silent_seconds_max:.0f} s")

    async def _take(self, message: LoaderMessage) -> None:
        """One message; between slices the thread is given back, so that calls are answered."""
        if isinstance(message, UpdateSlice):
            await self._stage(self._expect_update(), message.changes)
            self._changes += len(message.changes)
        elif isinstance(message, UpdateBegin):
            if self._update is not None:
                raise StreamError("an update began inside another")
            self._update = self._engine.directory.begin(message.full)
            self._changes, self._source = 0, message.source
        elif isinstance(message, UpdateCommit):
            await self._commit(self._expect_update(), message.recorded_at)
        elif isinstance(message, UpdateAbandon):
            await self._clear_up()
        elif isinstance(message, DatabaseState):
            self.database_connected, self.database_error = message.connected, message.error
            self.as_of = message.as_of if message.as_of is not None else self.as_of
            if not message.connected:  # who comes back may be another database, with these ids for other things
                self._seen = None
            elif message.seen is not None:
                self._seen = message.seen
        elif isinstance(message, Alive):
            pass
        else:
            self._observer.loader_log(message.level, message.event, message.fields)

    async def _stage(self, update: Update, changes: Sequence[Change]) -> None:
        """Where thousands of accounts lie at one address each change takes a millisecond, elsewhere hundredths."""
        if not self._engine.directory.ready:  # nobody is waiting for an answer
            update.stage(changes)
        else:
            began = trio.current_time()
            for change in changes:
                update.stage((change,))
                if trio.current_time() - began > TURN_SECONDS:
                    await trio.lowlevel.checkpoint()
                    began = trio.current_time()
        await trio.lowlevel.checkpoint()

    async def _commit(self, update: Update, recorded_at: float | None) -> None:
        directory = self._engine.directory
        while not update.settle(SETTLE_ROWS):
            await trio.lowlevel.checkpoint()
        was_ready = directory.ready
        now = self._clock.now()
        applied: Applied = update.commit()
        self._engine.applied(applied, now)
        effect = None if recorded_at is None else now + self._clock.wall_offset() - recorded_at
        if applied.changed:
            self._observer.applied(self._changes, effect)
        if directory.ready and not was_ready:
            self._observer.first_data(len(directory.accounts), self._source)
        await self._tidy(update)

    async def _clear_up(self) -> None:
        """Drop an update that will never be whole."""
        if self._update is not None:
            self._update.abandon()
            await self._tidy(self._update)

    async def _tidy(self, update: Update) -> None:
        began = trio.current_time()
        while not update.tidy(TIDY_ENTRIES):
            if trio.current_time() - began > TURN_SECONDS:
                await trio.lowlevel.checkpoint()
                began = trio.current_time()
        self._update = None

    def _expect_update(self) -> Update:
        if self._update is None:
            raise StreamError("changes outside of an update")
        return self._update


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in LOADER_ENVIRONMENT or name.startswith("PG")}


async def _end(process: trio.Process) -> None:
    """The closed socket tells the loader to end; one that does not is told louder."""
    with trio.move_on_after(STOP_SECONDS):
        await process.wait()
        return
    process.terminate()
    with trio.move_on_after(STOP_SECONDS):
        await process.wait()
        return
    process.kill()
    await process.wait()
