"""What changing accounts costs the calls: how soon one change is in force, and how long 100,000 hold an answer up.

    python -m bench.changes --accounts 100000 --json bench/results/changes.json

One daemon, the population in a real PostgreSQL. Single changes are seen as a switch sees them, by the answer turning;
the large transaction changes every row of it really, under an open loop of `authorize` in which every latency counts
from the intended moment. The daemon has core 0; the load shares the other cores with PostgreSQL and the loader, and
what it was late itself stands beside its figures. At the end the daemon is started again with no database there.
"""

import argparse
import asyncio
import os
import random
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from bench.authorize import FRAMES, LOAD_CORE, SERVER_CORE, authorize_frames, encode, write_frames
from bench.figures import keep
from bench.population import Caller, Population, as_attempt, population
from bench.running import Load, RunningDaemon, compiled, database_with, end_well_on_sigterm
from matcher.address import address_text
from protocol.client_blocking import BlockingClient
from protocol.messages import DecisionAnswer, Hello, Identify

SINGLE_CHANGES = 300
SPACED_SECONDS = 0.010
CHANGED_MAX = 100_000
CONNECTIONS = 8
LOOK_SECONDS = 0.000_2  # between two looks at an answer that has not turned yet: less than what is measured
BEFORE_SECONDS = 1.0  # of load before the transaction, so that its first answers are not those of a cold start
AFTER_SECONDS = 1.0  # what the update left behind is removed after it is in force, under the same load
IN_FORCE_SECONDS_MAX = 60.0
NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"  # tcpmux: nothing listens there

MARKS = {"single_p99_ms": 20.0, "stall_ms": 50.0}
"""What must hold; docs/performance.md says what is aimed at beyond."""


class Database:
    """One connection as a billing system has it, for a program without a loop."""

    def __init__(self, dsn: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(dsn))

    def execute(self, statement: str, *parameters: object) -> str:
        """One statement; its command tag, such as `UPDATE 3`."""
        tag: str = self._runner.run(self._connection.execute(statement, *parameters))
        return tag

    def fetch(self, statement: str, *parameters: object) -> list[Any]:
        """The rows of one statement."""
        rows: list[Any] = self._runner.run(self._connection.fetch(statement, *parameters))
        return rows

    def server_pids(self) -> list[int]:
        """The server's processes, its backends and the one that starts them; none where it is another machine's."""
        backend, local = self._runner.run(
            self._connection.fetchrow("SELECT pg_backend_pid(), inet_server_addr() IS NULL")
        )
        if not local:
            return []
        parent = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
        return [parent, *_children(parent)]

    def close(self) -> None:
        """Close the connection, and the loop that it lived in."""
        try:
            self._runner.run(self._connection.close())
        finally:
            self._runner.close()


@contextmanager
def connected(dsn: str) -> Iterator[Database]:
    """A `Database` that is closed again."""
    database = Database(dsn)
    try:
        yield database
    finally:
        database.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def move_the_others(daemon: RunningDaemon, database: Database) -> str:
    """Take PostgreSQL and the loader off the daemon's core; says in words who runs where."""
    cores = os.sched_getaffinity(0) - {SERVER_CORE}
    others = (cores - {LOAD_CORE}) or cores
    pids = [*_children(daemon.pid), *database.server_pids()]
    try:
        for pid in pids:
            os.sched_setaffinity(pid, others)
    except (OSError, ValueError) as error:
        return f"daemon on core {SERVER_CORE}, load on {LOAD_CORE}, PostgreSQL and loader on any ({error})"
    where = "PostgreSQL and loader" if len(pids) > 1 else "loader"
    named = ", ".join(map(str, sorted(others)))
    return f"daemon on core {SERVER_CORE}, load on {LOAD_CORE}, {where} on {named}"


def wait_until(holds: Callable[[], bool], what: str) -> float:
    """Look until it holds; the moment (`time.monotonic`) at which it was seen to."""
    last = time.monotonic() + IN_FORCE_SECONDS_MAX
    while not holds():
        if time.monotonic() > last:
            raise SystemExit(f"{what} was not in force within {IN_FORCE_SECONDS_MAX:.0f} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic()


def is_granted(client: BlockingClient, caller: Caller) -> bool:
    """Whether a call of this account, known by address, would be let through now."""
    attempt = as_attempt(caller)
    assert attempt.address is not None, "callers by address only"
    answer = client.call(
        Identify(id=client.next_id(), dnis=attempt.dnis, ip=address_text(attempt.address), port=attempt.port)
    )
    assert isinstance(answer, DecisionAnswer), answer
    return answer.decision == "grant"


def single_changes(
    daemon: RunningDaemon, database: Database, callers: Sequence[Caller], count: int
) -> dict[str, Any]:
    """Block random accounts one by one; ms from just before COMMIT is sent until the answer says so."""
    took = []
    chosen = random.Random(3).sample([caller for caller in callers if caller.kind == "host"], count)
    with BlockingClient(str(daemon.unix)) as client:
        for caller in chosen:
            assert is_granted(client, caller), f"account {caller.account_id} has no call to lose"
            database.execute("BEGIN")
            database.execute("UPDATE identd.accounts SET status = 'blocked' WHERE id = $1", caller.account_id)
            committed = time.monotonic()
            database.execute("COMMIT")
            seen = wait_until(lambda caller=caller: not is_granted(client, caller), "a change")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            took.append((seen - committed) * 1000)
            time.sleep(SPACED_SECONDS)
    generation = daemon.status().generation
    database.execute("UPDATE identd.accounts SET status = 'active' WHERE status = 'blocked'")
    wait_until(lambda: daemon.status().generation > generation, "the end of the blocking")
    took.sort()
    return {
        "changes": count,
        "p50_ms": took[count // 2],
        "p99_ms": took[count * 99 // 100],
        "max_ms": took[-1],
    }


def change_many(daemon: RunningDaemon, database: Database, count: int) -> dict[str, Any]:
    """Change `count` accounts in one transaction; moments (`time.monotonic`) and how long what took, in seconds."""
    generation = daemon.status().generation
    began = time.monotonic()
    database.execute("BEGIN")
    tag = database.execute("UPDATE identd.accounts SET orig_capacity = orig_capacity + 1 WHERE id <= $1", count)
    if tag != f"UPDATE {count}":
        raise SystemExit(f"{count} rows were to be changed, PostgreSQL says {tag}")
    committed = time.monotonic()
    database.execute("COMMIT")
    in_force = wait_until(lambda: daemon.status().generation > generation, f"the change of {count} accounts")
    if daemon.status().generation != generation + 1:
        raise SystemExit("one transaction took effect in more than one step")
    return {
        "changed": count,
        "began_at": began,
        "committed_at": committed,
        "in_force_at": in_force,
        "transaction_seconds": committed - began,
        "in_force_seconds": in_force - committed,
    }


class Calls:
    """`authorize` in an open loop of `rate` a second, as long as somebody needs it."""

    def __init__(self, folder: Path, people: Population, daemon: RunningDaemon, rate: int) -> None:
        self._program, self._rate, self._daemon = compiled("load", folder), rate, daemon
        self._frames, self._hello = folder / "authorize", folder / "hello"
        write_frames(self._frames, authorize_frames(people, FRAMES))
        hello = encode(Hello(id=1, version=1, gateway=people.gateways[0].name))
        self._hello.write_bytes(struct.pack(">I", len(hello)) + hello)
        self._asked = 0
        self.goes_first = False

    def start(self) -> Load:
        """New calls, none that was asked before. The load sleeps between them: its core is not its own."""
        first, count = self._asked, int(self._rate * IN_FORCE_SECONDS_MAX * 3)
        self._asked += count
        shape = (CONNECTIONS, 1, count, self._rate)
        load = Load(self._program, LOAD_CORE, "-s", self._daemon.address, *shape, self._frames, first, self._hello)
        # Behind PostgreSQL it would be late by whole ticks of the kernel, and that would pass for the daemon's.
        self.goes_first = load.go_first()
        return load


def under_change(calls: Calls, daemon: RunningDaemon, database: Database, count: int) -> dict[str, Any]:
    """The load while one transaction changes `count` accounts, is taken over and tidied up after."""
    with calls.start() as load:
        time.sleep(BEFORE_SECONDS)
        change = change_many(daemon, database, count)
        time.sleep(AFTER_SECONDS)
        figures = load.stop()
    change["calls"] = figures
    longest_at = figures["max_at_ns"] / 1e9
    moments = (("before", "began_at"), ("in the transaction", "committed_at"), ("taken over", "in_force_at"))
    change["longest_when"] = next((name for name, end in moments if longest_at < change[end]), "tidied up")
    return change


def at_rest(calls: Calls, seconds: float) -> dict[str, Any]:
    """The same load while no account changes."""
    with calls.start() as load:
        time.sleep(seconds)
        return load.stop()


def _started(daemon: RunningDaemon) -> dict[str, Any]:
    return {"ready_seconds": daemon.ready_seconds, "daemon_mb": daemon.ready_mb}


def measure(
    people: Population, dsn: str, rate: int, rest_seconds: float, singles: int, repeat: int
) -> dict[str, Any]:
    """Everything, on one daemon; then a start of another from what the first left on disk."""
    with tempfile.TemporaryDirectory(prefix="identd-bench-") as name, connected(dsn) as database:
        folder = Path(name)
        port = random.SystemRandom().randrange(20_000, 30_000)
        daemon = RunningDaemon(folder, dsn, SERVER_CORE, port)
        try:
            figures: dict[str, Any] = {"accounts": len(people.accounts), "rate": rate, "start": _started(daemon)}
            figures["cores"] = move_the_others(daemon, database)
            figures["single"] = single_changes(daemon, database, people.callers, singles)
            calls = Calls(folder, people, daemon, rate)
            figures["rest"] = at_rest(calls, rest_seconds)
            changed = min(CHANGED_MAX, len(people.accounts))
            figures["many"] = [under_change(calls, daemon, database, changed) for _ in range(repeat)]
            figures["cores"] += "; the load goes first" if calls.goes_first else "; the load waits its turn"
            figures["calls_after"], figures["daemon_mb_after"] = daemon.status().calls, daemon.resident_mb
        finally:
            daemon.stop()
        # The same state folder and no database; the journal of the calls made here must not count as starting time.
        for journal in (folder / "state").glob("calls*"):
            journal.unlink()
        daemon = RunningDaemon(folder, NOWHERE, SERVER_CORE, port)
        try:
            figures["start_from_disk"] = {**_started(daemon), "accounts": daemon.status().accounts}
        finally:
            daemon.stop()
        return figures


def report(figures: dict[str, Any]) -> str:
    """A table for people."""
    start, disk, single, rest = (figures[key] for key in ("start", "start_from_disk", "single", "rest"))
    worst = max(run["calls"]["max_us"] for run in figures["many"]) / 1000
    lines = [
        f"{figures['accounts']:,} accounts; {figures['cores']}",
        f"ready after {start['ready_seconds']:.2f} s in {start['daemon_mb']:.0f} MB, "
        f"{figures['daemon_mb_after']:.0f} MB with {figures['calls_after']:,} calls; "
        f"from disk, no database, after {disk['ready_seconds']:.2f} s in {disk['daemon_mb']:.0f} MB",
        f"one change in force: p50 {single['p50_ms']:.1f}, p99 {single['p99_ms']:.1f}, max {single['max_ms']:.1f} ms "
        f"from COMMIT, {single['changes']} changes  {_mark(single['p99_ms'], MARKS['single_p99_ms'])} (p99)",
        f"authorize at {figures['rate']:,}/s        p50 µs   p99 µs  p99.9 µs   max µs   load late: p99    max µs",
        _row("at rest", rest),
    ]
    for run in figures["many"]:
        lines.append(_row(f"{run['changed']:,} change", run["calls"]))
        lines.append(
            f"  transaction {run['transaction_seconds']:.2f} s, in force {run['in_force_seconds']:.2f} s "
            f"after COMMIT, longest answer while {run['longest_when']}"
        )
    lines.append(f"longest answer while many change {worst:.1f} ms  {_mark(worst, MARKS['stall_ms'])}")
    return "\n".join(lines)


def _row(name: str, run: dict[str, Any]) -> str:
    return (
        f"  {name:<24} {run['p50_us']:>8.0f} {run['p99_us']:>8.0f} {run['p999_us']:>9.0f} {run['max_us']:>8.0f}"
        f" {run['late_p99_us']:>16.0f} {run['late_max_us']:>9.0f}"
    )


def _mark(value: float, mark: float) -> str:
    return f"{'within' if value <= mark else 'ABOVE'} the mark of {mark:.0f} ms"


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="bench.changes", description="what account changes cost the calls")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=5_000, help="authorize a second, open loop")
    parser.add_argument("--rest-seconds", type=float, default=10.0, help="how long to measure with nothing changing")
    parser.add_argument("--singles", type=int, default=SINGLE_CHANGES, help="single changes to time")
    parser.add_argument("--repeat", type=int, default=3, help="large transactions to time")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    end_well_on_sigterm()
    people = population(arguments.accounts)
    with database_with(people) as dsn:
        figures = measure(people, dsn, arguments.rate, arguments.rest_seconds, arguments.singles, arguments.repeat)
    print(report(figures))
    keep(figures, arguments.json)


if __name__ == "__main__":
    main()
