"""The loader's end of the stream, played by programs that keep it and that break it: what reaches the directory."""

import os
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
import trio

from identd import feed as rules
from identd.clock import Clock
from identd.decision import Grant
from identd.engine import Engine
from identd.feed import Feed
from identd.live_calls import LiveCalls
from identd.logs import Level
from loader.stream import Configure
from matcher.directory import Directory
from tests.identd.building import attempt
from tests.matcher.oracle import proves

PATIENCE_SECONDS = 15.0
LOADER = """\
#!{python}
# The daemon runs this with the arguments of the real loader: -P -m loader.main --fd N
import os, signal, socket, sys, time
sys.path[:0] = {path}
from loader.stream import *
from tests.identd.building import *

sock = socket.socket(fileno=int(sys.argv[-1]))
decoder, heard = from_daemon(), []
with open({lives!r}, "a+") as file:
    file.write(f"{{os.getpid()}}\\n")
    file.seek(0)
    life = len(file.readlines())

def hear():
    while not heard:
        data = sock.recv(65536)
        if not data:
            sys.exit(0)
        heard.extend(decoder.feed(data))
    return heard.pop(0)

def say(*messages):
    for message in messages:
        sock.sendall(encode(message))
        assert hear() == Ack(1)

def slice_of(*rows):
    return UpdateSlice(tuple(put(row) for row in rows))

def load(*rows):
    say(UpdateBegin(True, "database"), slice_of(*rows), UpdateCommit())

configure = hear()
"""
"""What every one begins with; `life` counts the programs started in this test."""


class Seen:
    """An observer that writes down what the loader says and does."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.pauses: list[float] = []
        self.sets: list[int] = []
        self.effects: list[float | None] = []
        self.logs: list[tuple[str, str]] = []
        self.first: list[tuple[int, str]] = []

    def applied(self, changes: int, commit_to_effect_seconds: float | None) -> None:
        self.sets.append(changes)
        self.effects.append(commit_to_effect_seconds)

    def loader_log(self, level: Level, event: str, fields: Mapping[str, str | int | float | bool | None]) -> None:
        self.logs.append((level, f"{event} {dict(fields)}"))

    def loader_ended(self, reason: str, next_in_seconds: float) -> None:
        self.ends.append(reason)
        self.pauses.append(next_in_seconds)

    def first_data(self, accounts: int, source: str) -> None:
        self.first.append((accounts, source))


class Fed:
    """A feed whose loader is a program of the test, and the engine that it fills."""

    def __init__(self, lives: Path, silent_seconds_max: float) -> None:
        self._lives = lives
        self.engine = Engine(Directory(proves), LiveCalls())
        self.seen = Seen()
        self.clock = Clock(lambda _: None)
        configure = Configure("postgresql:///none", 0.3, 2.0, "")
        self.feed = Feed(self.engine, self.clock, self.seen, configure, silent_seconds_max)

    def owner(self, ip: str) -> int | None:
        """The account that a call from there is taken for."""
        decision = self.engine.identify(attempt(ip), None, self.clock.now())
        return decision.account_id if isinstance(decision, Grant) else None

    def pids(self) -> list[int]:
        """Of every program that was started, in order."""
        return [int(line) for line in self._lives.read_text().split()] if self._lives.exists() else []

    async def until(self, look: Callable[[], object]) -> None:
        with trio.fail_after(PATIENCE_SECONDS):
            while not look():  # noqa: ASYNC110 - the feed has no event for a test
                await trio.sleep(0.005)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class Feeding(Protocol):
    """`async with fed("what the loader does") as feed`."""

    def __call__(self, does: str, silent_seconds_max: float = 60.0) -> AbstractAsyncContextManager[Fed]: ...


@pytest.fixture
def fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Feeding:
    """`async with fed("what the loader does") as feed`; nothing of it is left afterwards."""
    program, lives = tmp_path / "loader", tmp_path / "lives"
    head = LOADER.format(python=sys.executable, path=[os.getcwd(), *filter(None, sys.path)], lives=str(lives))
    monkeypatch.setattr(rules, "STOP_SECONDS", 0.2)

    @asynccontextmanager
    async def running(does: str, silent_seconds_max: float = 60.0) -> AsyncIterator[Fed]:
        program.write_text(head + textwrap.dedent(does))
        program.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(program))
        made = Fed(lives, silent_seconds_max)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.feed.run)
            yield made
            nursery.cancel_scope.cancel()
        assert made.feed.pid is None
        assert all(map(_is_gone, made.pids())), "a loader outlived its daemon"

    return running


async def test_updates_take_effect_at_their_commit_and_the_age_is_what_the_loader_says(fed: Feeding) -> None:
    does = """
        say(UpdateBegin(True, "snapshot"), slice_of(account(1), client(1)), slice_of(account(2)))
        say(LogLine("info", "before", {}))
        say(UpdateCommit())
        say(UpdateBegin(False, "database"), slice_of(account(3)), slice_of(account(2, ip="10.0.0.9")))
        say(UpdateCommit(time.time() - 5), DatabaseState(True, None, time.time() - 60))
        say(LogLine("warning", "after", {"rows": 3}))
        hear()
    """
    async with fed(does) as daemon:
        assert daemon.feed.data_age_seconds(daemon.clock.now()) is None
        await daemon.until(lambda: len(daemon.seen.logs) == 2)
        assert daemon.seen.first == [(2, "snapshot")]
        assert daemon.seen.sets == [3, 2]
        first, second = daemon.seen.effects
        assert first is None
        assert second is not None
        assert 5 <= second < 5 + PATIENCE_SECONDS
        assert [daemon.owner(f"10.0.0.{last}") for last in (1, 2, 3, 9)] == [1, None, 3, 2]
        assert daemon.engine.directory.generation == 2
        age = daemon.feed.data_age_seconds(daemon.clock.now())
        assert age is not None
        assert 60 <= age < 60 + PATIENCE_SECONDS
        assert daemon.feed.database_connected
        assert daemon.seen.logs == [("info", "before {}"), ("warning", "after {'rows': 3}")]
        assert daemon.seen.ends == []


async def test_a_slice_at_a_crowded_address_gives_the_thread_back_between_its_changes(fed: Feeding) -> None:
    does = """
        crowd = [account(number, client_id=number, ip="10.0.0.1") for number in range(1, 1201)]
        load(*crowd, client(1))
        say(LogLine("info", "loaded", {}))
        say(UpdateBegin(False, "database"))
        say(slice_of(*(account(one.id, one.client_id, ip="10.0.0.1", port=5060) for one in crowd[:40])))
        say(LogLine("info", "staged", {}))
        say(UpdateCommit())
        say(LogLine("info", "tidied", {}))
        hear()
    """
    async with fed(does) as daemon:
        turns = []
        for logs in (1, 2, 3):
            taken = 0
            with trio.fail_after(PATIENCE_SECONDS):
                while len(daemon.seen.logs) < logs:
                    hidden = daemon.engine.directory.index.statistics()["hidden"]
                    taken += 0 < hidden < 40
                    await trio.lowlevel.checkpoint()
            turns.append(taken)
        assert turns[0] == 0, "nobody waits for answers before the first data"
        assert turns[1] >= 5, "of 40 changes, each some 0.3 ms"
        assert turns[2] >= 2, "of 40 versions left behind, ten at a time"
        assert daemon.engine.directory.index.statistics()["hidden"] == 0


BREAKS = {
    "garbage": ('sock.sendall(b"\\0\\0\\0\\1\\xc1")', "it broke the stream: a frame that is no message: "),
    "length": ('sock.sendall(b"\\x7f\\xff\\xff\\xff")', "it broke the stream: a frame of 2147483647 bytes"),
    "nested": (
        'sock.sendall(encode(UpdateBegin(True, "database")))',
        "it broke the stream: an update began inside another",
    ),
    "half a frame": ('sock.sendall(b"\\0\\0\\0\\x10\\x91")\n    sock.close()', "it ended"),
    "dies": ("os._exit(1)", "it ended"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "it ended"),
}


@pytest.mark.parametrize("how", BREAKS)
async def test_a_loader_that_breaks_off_in_an_update_leaves_no_trace_of_it(fed: Feeding, how: str) -> None:
    breaks, reason = BREAKS[how]
    does = f"""
if life == 1:
    load(account(1), client(1))
    say(DatabaseState(True, None, time.time()))
    say(UpdateBegin(False, "database"), slice_of(account(2)), slice_of(account(1, ip="10.0.0.9")))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # and it does not go when it is told to
    {breaks}
    time.sleep(60)
assert configure.daemon_ready
say(LogLine("info", "again"))
load(account(1), client(1), account(3))
hear()
"""
    async with fed(does) as daemon:
        await daemon.until(lambda: daemon.seen.ends)
        assert daemon.seen.ends[0].startswith(reason)
        assert not daemon.feed.database_connected
        await daemon.until(lambda: daemon.seen.logs)
        assert _is_gone(daemon.pids()[0])
        assert [daemon.owner(f"10.0.0.{last}") for last in (1, 2, 9)] == [1, None, None]
        await daemon.until(lambda: daemon.owner("10.0.0.3"))
        assert [daemon.owner(f"10.0.0.{last}") for last in (1, 2, 9)] == [1, None, None]
        assert daemon.engine.directory.generation == 2
        assert len(daemon.seen.first) == 1, "calls were judged all the time"
        assert len(daemon.pids()) == 2
        assert daemon.feed.restarts == 1


@pytest.mark.parametrize("message", ["slice_of(account(1))", "UpdateCommit()"])
async def test_a_change_outside_of_an_update_is_not_taken(fed: Feeding, message: str) -> None:
    async with fed(f"say({message})\nhear()") as daemon:
        await daemon.until(lambda: daemon.seen.ends)
        assert daemon.seen.ends[0] == "it broke the stream: changes outside of an update"
        assert not daemon.engine.directory.ready
        assert daemon.feed.data_age_seconds(daemon.clock.now()) is None


async def test_an_update_that_its_loader_abandons_never_was(fed: Feeding) -> None:
    does = """
        load(account(1), client(1))
        say(UpdateBegin(True, "database"), slice_of(account(2)), UpdateAbandon("the database went away"))
        say(UpdateAbandon("nothing was begun"))
        say(UpdateBegin(False, "database"), slice_of(account(3)), UpdateCommit(), LogLine("info", "done"))
        hear()
    """
    async with fed(does) as daemon:
        await daemon.until(lambda: daemon.seen.logs)
        assert [daemon.owner(f"10.0.0.{last}") for last in (1, 2, 3)] == [1, None, 3]
        assert (daemon.seen.sets, daemon.seen.ends) == ([2, 1], [])


async def test_a_loader_that_cannot_stay_is_tried_again_less_and_less_often(
    fed: Feeding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fed("sys.exit(1)") as daemon:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
        await daemon.until(lambda: len(daemon.seen.ends) >= 3)
        assert set(daemon.seen.ends[1:]) == {"cannot be started: No such file or directory"}
        for attempts, seconds in enumerate(daemon.seen.pauses):
            longest = min(rules.RESTART_SECONDS_MIN * 2**attempts, rules.RESTART_SECONDS_MAX)
            assert longest / 2 <= seconds <= longest


async def test_the_loader_inherits_what_finds_the_database_and_no_key(
    fed: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere/pgpass")
    monkeypatch.setenv("IDENTD_CREDENTIALS_KEY", "key")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    async with fed('say(LogLine("info", "has", dict(os.environ)))\nhear()') as daemon:
        await daemon.until(lambda: daemon.seen.logs)
        ((_, has),) = daemon.seen.logs
        assert "'PGPASSFILE': '/nowhere/pgpass'" in has
        assert "IDENTD_CREDENTIALS_KEY" not in has
        assert "NOTIFY_SOCKET" not in has


async def test_a_loader_is_asked_to_read_everything_again(fed: Feeding) -> None:
    async with fed('say(LogLine("info", "here"))\nsay(LogLine("info", repr(hear())))\nhear()') as daemon:
        await daemon.feed.reconcile()  # none is there yet: nothing to be asked
        await daemon.until(lambda: len(daemon.seen.logs) == 1)
        await daemon.feed.reconcile()
        await daemon.until(lambda: len(daemon.seen.logs) == 2)
        assert daemon.seen.logs[1] == ("info", "Reconcile() {}")


async def test_transaction_is_in_force_while_the_database_is_there_that_says_so(fed: Feeding) -> None:
    does = """
        load(account(1), client(1))
        for state in (
            DatabaseState(True, None, 1.0, Seen(10, 20, (10, 15))),
            DatabaseState(True, "a table is locked", 1.0),
            DatabaseState(False, "away", 1.0),
            DatabaseState(True, None, 1.0, Seen(30, 30)),
        ):
            say(state, LogLine("info", "said"))
            assert hear() == Reconcile()
        sys.exit(0)
    """
    async with fed(does) as daemon:
        in_force = []
        assert not daemon.feed.in_force(1), "nobody can say yet"
        for step in range(1, 5):
            await daemon.until(lambda step=step: len(daemon.seen.logs) >= step)  # type: ignore[misc]  # a default
            in_force.append([xid for xid in (9, 10, 14, 15, 19, 20, 29, 30) if daemon.feed.in_force(xid)])
            await daemon.feed.reconcile()
        assert in_force == [[9, 14, 19], [9, 14, 19], [], [9, 10, 14, 15, 19, 20, 29]]
        await daemon.until(lambda: daemon.seen.ends)
        assert not daemon.feed.in_force(9), "the next loader may find another database"


ASKED = 300


async def test_wishes_to_read_everything_again_cross_the_acknowledgements_unharmed(fed: Feeding) -> None:
    does = f"""
        acknowledged = wished = 0
        for number in range({ASKED}):
            sock.sendall(encode(LogLine("info", "line")))
            while acknowledged <= number:
                message = hear()
                acknowledged += message == Ack(1)
                wished += message == Reconcile()
        while wished < {ASKED}:
            wished += hear() == Reconcile()
        say(LogLine("info", "done"))
        hear()
    """
    async with fed(does) as daemon:
        await daemon.until(lambda: daemon.seen.logs)
        for _ in range(ASKED):
            await daemon.feed.reconcile()
        await daemon.until(lambda: daemon.seen.logs[-1] == ("info", "done {}"))
        assert daemon.seen.ends == []


@pytest.mark.parametrize("stops", ["os.kill(os.getpid(), signal.SIGSTOP)", "time.sleep(60)"])
async def test_a_loader_that_has_gone_silent_is_killed_and_replaced(fed: Feeding, stops: str) -> None:
    does = f"""
if life == 1:
    load(account(1), client(1))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    {stops}
load(account(2), client(1))
hear()
"""
    async with fed(does, silent_seconds_max=0.6) as daemon:
        await daemon.until(lambda: daemon.owner("10.0.0.2") == 2)
        assert daemon.seen.ends == ["it said nothing for 1 s"]
        assert daemon.owner("10.0.0.1") is None


async def test_a_loader_that_says_that_it_lives_may_wait_for_its_database(fed: Feeding) -> None:
    does = """
        load(account(1), client(1))
        for _ in range(12):
            time.sleep(0.2)
            say(Alive())
        say(LogLine("info", "still here"))
        hear()
    """
    async with fed(does, silent_seconds_max=1.2) as daemon:
        await daemon.until(lambda: daemon.seen.logs)
        assert (daemon.seen.ends, daemon.feed.restarts) == ([], 0)


async def test_silence_while_the_daemon_itself_was_paused_is_not_the_loader_s(fed: Feeding) -> None:
    async with fed("load(account(1), client(1))\nhear()", silent_seconds_max=1.2) as daemon:
        await daemon.until(lambda: daemon.seen.first)
        time.sleep(2.0)  # noqa: ASYNC251 - as a process that was stopped finds its clock
        await trio.sleep(0.1)
        assert daemon.seen.ends == []
        await daemon.until(lambda: daemon.seen.ends)
