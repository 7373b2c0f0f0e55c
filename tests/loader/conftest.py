"""The loader as a real process at one end of a socket pair; the test is the daemon at the other end."""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from loader import stream
from matcher.account import Account, Client, Gateway, Reseller
from matcher.change import AccountPut, Change, ClientPut, GatewayPut, ResellerPut, RowQuarantined, RowRemoved

PATIENCE_SECONDS = 20.0


class Update:
    """One whole update as the daemon would apply it."""

    def __init__(self, begin: stream.UpdateBegin) -> None:
        self.full = begin.full
        self.source = begin.source
        self.changes: list[Change] = []
        self.slice_sizes: list[int] = []
        self.recorded_at: float | None = None
        self.committed_at = 0.0


class Daemon:
    """Reads the stream, acknowledges, and holds the rows that result."""

    def __init__(self, configuration: stream.Configure) -> None:
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.decoder = stream.from_loader()
        self.waiting: list[stream.LoaderMessage] = []
        self.unacknowledged = 0
        self.messages: list[stream.LoaderMessage] = []
        self.updates: list[Update] = []
        self.abandoned: list[str] = []
        self.open: Update | None = None
        self.rows: dict[tuple[str, int], Account | Client | Gateway | Reseller] = {}
        self.quarantined: dict[tuple[str, int], RowQuarantined] = {}
        command = [sys.executable, "-m", "loader.main", "--fd", str(theirs.fileno())]
        with theirs:
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self.say(configuration)

    def say(self, message: stream.DaemonMessage) -> None:
        self.socket.sendall(stream.encode(message))

    def hear(self, seconds: float = PATIENCE_SECONDS) -> stream.LoaderMessage | None:
        """The next message, acknowledged and applied; None when there is none in time or the loader is gone."""
        deadline = time.monotonic() + seconds
        while not self.waiting:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.waiting = self.decoder.feed(data)
            self.unacknowledged += len(self.waiting)
            assert self.unacknowledged <= stream.WINDOW_MESSAGES
        message = self.waiting.pop(0)
        self.unacknowledged -= 1
        self.say(stream.Ack())
        self.messages.append(message)
        self.apply(message)
        return message

    def until(self, done: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, f"not in {seconds} s; heard {self.messages[-10:]}"
            self.hear(left)

    def update(self, seconds: float = PATIENCE_SECONDS) -> Update:
        """The next whole update."""
        have = len(self.updates)
        self.until(lambda: len(self.updates) > have, seconds)
        return self.updates[have]

    def state(self, connected: bool) -> stream.DatabaseState:
        """The next state of the database that says so."""
        have = len(self.messages)

        def found() -> list[stream.DatabaseState]:
            new = self.messages[have:]
            return [m for m in new if isinstance(m, stream.DatabaseState) and m.connected == connected]

        self.until(found)
        return found()[0]

    def quiet(self, seconds: float) -> None:
        """Hear for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.hear(left)

    def logged(self, event: str) -> list[stream.LogLine]:
        return [m for m in self.messages if isinstance(m, stream.LogLine) and m.event == event]

    def account(self, account_id: int) -> Account:
        row = self.rows["accounts", account_id]
        assert isinstance(row, Account)
        return row

    def ids(self, table: str) -> set[int]:
        return {row_id for name, row_id in self.rows if name == table}

    def apply(self, message: stream.LoaderMessage) -> None:
        match message:
            case stream.UpdateBegin():
                assert self.open is None
                self.open = Update(message)
            case stream.UpdateSlice(changes=changes):
                assert self.open is not None
                self.open.changes.extend(changes)
                self.open.slice_sizes.append(len(changes))
            case stream.UpdateCommit(recorded_at=recorded_at):
                assert self.open is not None
                self.open.recorded_at = recorded_at
                self.open.committed_at = time.time()
                self._commit(self.open)
                self.updates.append(self.open)
                self.open = None
            case stream.UpdateAbandon(reason=reason):
                assert self.open is not None
                self.open = None
                self.abandoned.append(reason)

    def _commit(self, update: Update) -> None:
        if update.full:
            self.rows.clear()
            self.quarantined.clear()
        seen = set()
        row: Account | Client | Gateway | Reseller | None
        for change in update.changes:
            row = None
            match change:
                case AccountPut(account=row):
                    key = ("accounts", row.id)
                case ClientPut(client=row):
                    key = ("clients", row.id)
                case ResellerPut(reseller=row):
                    key = ("resellers", row.id)
                case GatewayPut(gateway=row):
                    key = ("gateways", row.id)
                case RowRemoved(table=table, id=row_id) | RowQuarantined(table=table, id=row_id):
                    key = (table, row_id)
                case _:
                    raise AssertionError(change)
            # a bad row may follow its last good version, and stands beside it then
            assert (key, isinstance(change, RowQuarantined)) not in seen, f"{key} is named twice in an update"
            assert (key, True) not in seen, f"{key} is named again after it was quarantined"
            seen.add((key, isinstance(change, RowQuarantined)))
            self.quarantined.pop(key, None)
            if isinstance(change, RowQuarantined):
                self.quarantined[key] = change
            elif row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row

    def end(self) -> int:
        """Close our end; the exit code of the loader."""
        self.socket.close()
        try:
            return self.process.wait(PATIENCE_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def start_loader(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts loaders: `start_loader(dsn, poll_seconds=…)`; all end with the test, and none may end badly."""
    started: list[Daemon] = []

    def start(dsn: str, **options: Any) -> Daemon:
        # polls are slow unless a test wants them: what it sees comes by NOTIFY
        options = {"poll_seconds": 30.0, "heartbeat_seconds": 5.0, "state_directory": "", **options}
        started.append(Daemon(stream.Configure(dsn, **options)))
        return started[-1]

    yield start
    codes = [daemon.end() for daemon in started]
    assert not any(codes), f"a loader ended with {codes}"


class Session:
    """A blocking connection that writes the tables as billing would."""

    def __init__(self, dsn: str, **settings: str) -> None:
        import asyncio

        self.dsn = dsn
        self._runner = asyncio.Runner()
        self.connection = self._runner.run(asyncpg.connect(dsn, server_settings=settings))

    def __call__(self, sql: str, *args: object) -> None:
        self._runner.run(self.connection.execute(sql, *args))

    def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._runner.run(self.connection.fetch(sql, *args))]

    def one(self, sql: str, *args: object) -> Any:
        return self._runner.run(self.connection.fetchval(sql, *args))

    def close(self) -> None:
        self.connection.terminate()
        self._runner.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Session]]:
    """Opens sessions: `connect(dsn, role="identd_reader")`."""
    sessions: list[Session] = []

    def open_session(dsn: str, **settings: str) -> Session:
        sessions.append(Session(dsn, **settings))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.fixture
def billing(database: str, connect: Callable[..., Session]) -> Session:
    """A session on a fresh database that holds a client, two gateways and the accounts of the article."""
    session = connect(database)
    session(SAMPLE)
    return session


SAMPLE = """
INSERT INTO identd.resellers (id, name) VALUES (1, 'North');
INSERT INTO identd.clients (id, name, reseller_id, balance, credit_limit) VALUES
    (12, 'Rose', 1, 100.25, 50), (13, 'Iris', NULL, 0, NULL);
INSERT INTO identd.gateways (id, name) VALUES (1, 'gw1'), (2, 'gw2');
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled) VALUES
    (176, 12, 'rose_orig', 'ip', '{11.11.20.33}', true), (178, 13, 'iris_orig', 'ip', '{10.1.0.0/16}', true);
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, term_enabled) VALUES
    (177, 12, 'rose_term', 'name', 'rose', true);
INSERT INTO identd.account_gateways VALUES (176, 2), (176, 1);
ALTER TABLE identd.resellers ALTER id RESTART WITH 1000;
ALTER TABLE identd.clients ALTER id RESTART WITH 1000;
ALTER TABLE identd.gateways ALTER id RESTART WITH 1000;
ALTER TABLE identd.accounts ALTER id RESTART WITH 1000;
"""
