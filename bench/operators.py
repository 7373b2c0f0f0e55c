"""The console as operators have it: its pages at a million accounts, what they save in force, imports, and the calls.

    python -m bench.operators --json bench/results/operators.json
    python -m bench.operators --accounts 100000 --parts saves calls

Real processes, asked over HTTP by somebody who is logged in: PostgreSQL, `identd serve` and `identd console`. The
questions are those of `console.py`, which asks the store alone. What the figures mean: docs/performance.md.
"""

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench.authorize import SERVER_CORE
from bench.changes import connected
from bench.console import database_to_search
from bench.figures import keep
from bench.operators_calls import calls_while_hammered, told_calls
from bench.operators_imports import imports, told_imports
from bench.operators_pages import pages, told_pages
from bench.operators_saves import saves, told_saves
from bench.population import Population, population
from bench.running import RunningDaemon, end_well_on_sigterm
from bench.running_console import RunningConsole, Stage


class Sizes(NamedTuple):
    """Pages of each kind, changes saved, lines imported; calls a second, in rounds of so many seconds each state."""

    times: int = 20
    changes: int = 300
    lines: int = 100_000
    rate: int = 5_000
    seconds: float = 8.0
    rounds: int = 3


class Part(NamedTuple):
    """One part: what it measures with these sizes, and how that is told."""

    measure: Callable[[Stage, Sizes], Any]
    told: Callable[[Any], str]


PARTS: dict[str, Part] = {
    "pages": Part(lambda stage, sizes: pages(stage, sizes.times), told_pages),
    "saves": Part(lambda stage, sizes: saves(stage, sizes.changes), told_saves),
    "import": Part(lambda stage, sizes: imports(stage, sizes.lines), told_imports),
    "calls": Part(
        lambda stage, sizes: calls_while_hammered(stage, sizes.rate, sizes.seconds, sizes.rounds), told_calls
    ),
}
"""In the order in which they run: the calls come last, because they put everything else on one core."""


def measure(people: Population, dsn: str, parts: list[str], sizes: Sizes) -> dict[str, Any]:
    """These parts, on one daemon and one console."""
    figures: dict[str, Any] = {"accounts": len(people.accounts)}
    with tempfile.TemporaryDirectory(prefix="identd-bench-") as place, connected(dsn) as database:
        folder = Path(place)
        port = random.SystemRandom().randrange(20_000, 30_000)
        daemon = RunningDaemon(folder, dsn, SERVER_CORE, port)
        try:
            with RunningConsole(folder, dsn, port + 1) as console:
                stage = Stage(people, daemon, console, console.admit(), database, folder)
                for name, part in PARTS.items():
                    if name in parts:
                        figures[name] = part.measure(stage, sizes)
                        print(f"\n{part.told(figures[name])}", flush=True)
        finally:
            daemon.stop()
    return figures


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="bench.operators", description="the console as operators have it")
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    for name, default in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help="(%(default)s)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    end_well_on_sigterm()
    people = population(arguments.accounts)
    with database_to_search(people) as dsn:
        sizes = Sizes(*(getattr(arguments, name) for name in Sizes._fields))
        figures = measure(people, dsn, arguments.parts, sizes)
    keep(figures, arguments.json)


if __name__ == "__main__":
    main()
