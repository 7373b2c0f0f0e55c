"""What calls feel of the console: `authorize` at a fixed rate while it rests, and while operators hammer it.

Daemon and echo server have one core, where they go first (as root), so that nobody else on the machine is measured;
everything else has the other: load (which goes first there), console, PostgreSQL, loader and operators. Both states
take turns. The echo server answers with the bytes it got, so what changes for it
between rest and hammering is the machine's, and only what changes for the daemon beyond that is ours.
"""

import itertools
import os
import random
import statistics
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.authorize import FRAMES, LOAD_CORE, SERVER_CORE, authorize_frames, encode, write_frames
from bench.changes import move_the_others
from bench.console import QUESTIONS
from bench.hammer import STREAMS, Hammer, Plan
from bench.operators_pages import PAGE, url_of
from bench.running import Load, compiled
from bench.running_console import Stage
from protocol.messages import Hello

CONNECTIONS = 8
PATHS = 2_000
SAVED = 2_000
STREAMED = 500
WARM_SECONDS = 2.0
STATES = ("at rest", "hammered")


class _Load:
    """New calls each time, at one rate, sleeping between their moments: its core is not its own."""

    def __init__(self, stage: Stage, rate: int, seconds: float) -> None:
        self._program, self._rate, self._seconds = compiled("load", stage.folder), rate, seconds
        self._frames, self._hello = stage.folder / "authorize", stage.folder / "hello"
        write_frames(self._frames, authorize_frames(stage.people, FRAMES))
        hello = encode(Hello(id=1, version=1, gateway=stage.people.gateways[0].name))
        self._hello.write_bytes(struct.pack(">I", len(hello)) + hello)
        self._numbers = itertools.count(0, int(rate * seconds) + 1)
        self.goes_first = False

    def of(self, address: str) -> dict[str, Any]:
        count = int(self._rate * self._seconds)
        shape = (CONNECTIONS, 1, count, self._rate)
        with Load(
            self._program, LOAD_CORE, "-s", address, *shape, self._frames, next(self._numbers), self._hello
        ) as load:
            self.goes_first = load.go_first()
            return load.figures()


def _go_first(pid: int) -> bool:
    """Have this process run before whatever else wants its core, where we may."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True


@contextmanager
def _echo(folder: Path) -> Iterator[str]:
    echoing = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), compiled("echo", folder)], stdout=subprocess.PIPE)
    try:
        assert echoing.stdout is not None, "a pipe was asked for"
        _go_first(echoing.pid)
        yield f"127.0.0.1:{int(echoing.stdout.readline())}"
    finally:
        echoing.kill()
        echoing.communicate()


def plan_of(stage: Stage) -> Plan:
    """What the operators do: all kinds of questions, accounts known by address to change, long pages to watch."""
    rng = random.Random(7)
    hosts = [caller.account_id for caller in stage.people.callers if caller.kind == "host"]
    ids = len(stage.people.accounts)
    starts = [rng.randint(1, max(1, ids - STREAMED)) for _ in range(STREAMS)]
    return Plan(
        granted=stage.granted,
        paths=[url_of(PAGE, rng.choice(QUESTIONS), rng, stage.people) for _ in range(PATHS)],
        saved=rng.sample(hosts, min(SAVED, len(hosts))),
        streamed=[list(range(start, min(start + STREAMED, ids + 1))) for start in starts],
    )


def calls_while_hammered(stage: Stage, rate: int, seconds: float, repeat: int) -> dict[str, Any]:
    """Rounds of both states in turn; the median of each figure, and what the operators got done."""
    cores = f"{move_the_others(stage.daemon, stage.database)}; console and operators on {LOAD_CORE}"
    cores += "; daemon and echo go first" if _go_first(stage.daemon.pid) else "; daemon and echo wait their turn"
    stage.console.move_to(LOAD_CORE)
    load = _Load(stage, rate, seconds)
    plan = plan_of(stage)
    rounds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    done: list[dict[str, float]] = []
    with _echo(stage.folder) as echo:
        load.of(stage.daemon.address)  # a cold start is nobody's p99
        for turn in range(repeat):
            for state in STATES if turn % 2 == 0 else STATES[::-1]:  # so that what grows with time favours neither
                if state == "hammered":
                    with Hammer(stage.folder, plan, LOAD_CORE) as hammer:
                        time.sleep(WARM_SECONDS)
                        began = time.monotonic()
                        _round(rounds, state, load, stage, echo)
                        counts = hammer.stop()
                        done.append({what: count / (time.monotonic() - began) for what, count in counts.items()})
                else:
                    _round(rounds, state, load, stage, echo)
    figures = {
        f"{what} {state}": {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for (what, state), runs in rounds.items()
    }
    return {
        "rate": rate,
        "seconds": seconds,
        "rounds": repeat,
        "cores": cores + (", and so does the load" if load.goes_first else "; the load waits its turn"),
        "each": {f"{what} {state}": runs for (what, state), runs in rounds.items()},
        "a_second": {key: statistics.median(one[key] for one in done) for key in done[0]},
        **{key.replace(" ", "_"): row for key, row in figures.items()},
    }


def _round(
    rounds: dict[tuple[str, str], list[dict[str, Any]]], state: str, load: _Load, stage: Stage, echo: str
) -> None:
    for what, address in (("echo", echo), ("authorize", stage.daemon.address)):
        cpu = stage.daemon.cpu_seconds
        run = load.of(address)
        run["daemon_core"] = (stage.daemon.cpu_seconds - cpu) / run["seconds"]
        rounds.setdefault((what, state), []).append(run)


def told_calls(figures: dict[str, Any]) -> str:
    """As a table, with the ratios under it."""
    lines = [
        figures["cores"],
        f"{figures['rate']:,} a second, {figures['rounds']} rounds of {figures['seconds']:.0f} s; "
        f"operators, a second: " + ", ".join(f"{rate:.1f} {what}" for what, rate in figures["a_second"].items()),
        f"{'':22} {'p50 µs':>8} {'p99 µs':>8} {'p99.9 µs':>9} {'max µs':>8} {'late p99':>9} {'daemon core':>12}",
    ]
    for what in ("echo", "authorize"):
        for state in STATES:
            run = figures[f"{what}_{state}".replace(" ", "_")]
            lines.append(
                f"{what + ' ' + state:22} {run['p50_us']:8.0f} {run['p99_us']:8.0f} {run['p999_us']:9.0f}"
                f" {run['max_us']:8.0f} {run['late_p99_us']:9.0f} {run['daemon_core']:12.2f}"
            )
    for what in ("echo", "authorize"):
        rest, hammered = (figures[f"{what}_{state}".replace(" ", "_")] for state in STATES)
        lines.append(
            f"{what}: hammered is "
            + ", ".join(f"{hammered[key] / rest[key]:.2f} × at rest in {key[:-3]}" for key in ("p50_us", "p99_us"))
        )
    return "\n".join(lines)
