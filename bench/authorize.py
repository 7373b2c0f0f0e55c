"""`authorize` and `release` over the socket, as switches ask them, against a C server that only echoes.

    python -m bench.authorize --accounts 100000 --json bench/results/authorize.json

The daemon has one core and the load the other. Every run asks so many `authorize` in a closed loop (connections x
outstanding on each), then so many `release` for the same calls; the echo server gets the same frames in the same
run. The journal is on. What counts is the ratio: absolute figures move with the machine.
"""

import argparse
import random
import statistics
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import keep
from bench.population import Population, attempts, population
from bench.running import RunningDaemon, compiled, database_with, end_well_on_sigterm, run_load
from matcher.address import address_text
from protocol.messages import Authorize, Hello, Release

SHAPES = ((1, 1), (8, 1), (1, 16), (8, 8))
SERVER_CORE, LOAD_CORE = 0, 1
FRAMES = 50_000  # different requests; the load goes round them
REQUESTS = {(1, 1): 20_000, (8, 1): 60_000, (1, 16): 100_000, (8, 8): 150_000}
_ID = 0x7FFFFFFF_FFFFFFFF  # stands for eight bytes to be written over
_CALL = "000000000000"
encode = msgspec.msgpack.Encoder().encode


def frame(message: msgspec.Struct, numbered: bool) -> bytes:
    """One frame as load.c reads it: where to write id and call number, then the bytes."""
    body = encode(message)
    framed = struct.pack(">I", len(body)) + body
    id_at = framed.index(struct.pack(">Q", _ID))
    number_at = framed.index(_CALL.encode()) if numbered else 0
    return struct.pack(">IHH", len(framed), id_at, number_at) + framed


def write_frames(path: Path, frames: Sequence[bytes]) -> None:
    """The file that load.c reads."""
    path.write_bytes(struct.pack(">Q", len(frames)) + b"".join(frames))


def authorize_frames(people: Population, count: int) -> list[bytes]:
    """Calls of the mix, each to become a call of its own."""
    frames = []
    for _, attempt, _ in attempts(people, count):
        message = Authorize(
            id=_ID,
            call_id=f"{_CALL}@switch.example",
            dnis=attempt.dnis,
            ip=address_text(attempt.address) if attempt.address is not None else None,
            port=attempt.port,
            name=attempt.name,
            name_verified=attempt.name_verified,
            ani=attempt.ani,
        )
        frames.append(frame(message, numbered=True))
    return frames


def measure(people: Population, dsn: str, repeat: int, shapes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """All runs against one daemon and one echo server; the median run of each."""
    with tempfile.TemporaryDirectory(prefix="identd-bench-") as name:
        folder = Path(name)
        load, echo = compiled("load", folder), compiled("echo", folder)
        write_frames(folder / "authorize", authorize_frames(people, FRAMES))
        write_frames(folder / "release", [frame(Release(id=_ID, call_id=f"{_CALL}@switch.example"), numbered=True)])
        hello = encode(Hello(id=1, version=1, gateway=people.gateways[0].name))
        (folder / "hello").write_bytes(struct.pack(">I", len(hello)) + hello)
        echoing = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), echo], stdout=subprocess.PIPE)
        daemon = None
        try:
            assert echoing.stdout is not None, "a pipe was asked for"
            echo_address = f"127.0.0.1:{int(echoing.stdout.readline())}"
            daemon = RunningDaemon(folder, dsn, SERVER_CORE, random.SystemRandom().randrange(20_000, 30_000))
            runs = [_round(load, folder, daemon, echo_address, shapes, turn) for turn in range(repeat)]
            return {
                "accounts": len(people.accounts),
                "ready_seconds": round(daemon.ready_seconds, 2),
                "daemon_mb": round(daemon.ready_mb),
                "daemon_mb_after": round(daemon.resident_mb),
                "runs": [_median([run[place] for run in runs]) for place in range(len(runs[0]))],
            }
        finally:
            echoing.kill()
            echoing.communicate()
            if daemon is not None:
                daemon.stop()


def _round(
    load: Path, folder: Path, daemon: RunningDaemon, echo: str, shapes: Sequence[tuple[int, int]], turn: int
) -> list[dict[str, Any]]:
    figures = []
    for place, (connections, outstanding) in enumerate(shapes):
        count = REQUESTS[connections, outstanding]
        first = (turn * len(shapes) + place) * 1_000_000
        for what, address, hello in (
            ("echo", echo, ()),
            ("authorize", daemon.address, (folder / "hello",)),
            ("release", daemon.address, (folder / "hello",)),
        ):
            frames = folder / ("release" if what == "release" else "authorize")
            cpu = daemon.cpu_seconds
            run = run_load(load, LOAD_CORE, address, connections, outstanding, count, 0, frames, first, *hello)
            run["cpu_us"] = (daemon.cpu_seconds - cpu) / count * 1e6
            figures.append({"what": what, "connections": connections, "outstanding": outstanding, **run})
    return figures


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        key: statistics.median(run[key] for run in runs) if isinstance(value, int | float) else value
        for key, value in runs[0].items()
    }


def report(figures: dict[str, Any]) -> str:
    """A table for people."""
    lines = [
        f"{figures['accounts']:,} accounts, ready after {figures['ready_seconds']} s in {figures['daemon_mb']} MB",
        "shape   what         requests/s   of echo   p50 µs    p99 µs    max µs   core µs each",
    ]
    echo: dict[tuple[int, int], float] = {}
    for run in figures["runs"]:
        shape = (int(run["connections"]), int(run["outstanding"]))
        if run["what"] == "echo":
            echo[shape] = run["per_second"]
        lines.append(
            f"{shape[0]:>2}x{shape[1]:<4} {run['what']:<10} {run['per_second']:>12,.0f} "
            f"{run['per_second'] / echo[shape]:>9.2f} {run['p50_us']:>8.0f} {run['p99_us']:>9.0f} "
            f"{run['max_us']:>9.0f} {run['cpu_us']:>14.1f}"
        )
    return "\n".join(lines)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="bench.authorize", description="authorize and release over the socket")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    end_well_on_sigterm()
    people = population(arguments.accounts)
    with database_with(people) as dsn:
        figures = measure(people, dsn, arguments.repeat, SHAPES)
    print(report(figures))
    keep(figures, arguments.json)


if __name__ == "__main__":
    main()
