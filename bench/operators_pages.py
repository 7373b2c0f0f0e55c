"""Pages and searches over HTTP: how long an operator waits, and whose work that is.

The questions are those of `console.py`, with its texts and pages, here as URLs; some of them are asked of the API
too. Beside the times stands the processor time that the console and the database's processes spent on one answer:
the console's is reading rows, drawing the page and HTTP, so that SQL and drawing are told apart. `both max` is the
most work that one answer was: on a machine that others use it tells what the longest would have been without them.
"""

import random
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.console import QUESTIONS, Asked
from bench.population import Population
from bench.running_console import Browser, Stage
from console.objects.listing import AccountFilter, Paging
from console.objects.listing_query import write_query

MARK_MS = 150.0
PAGE, API = "/accounts", "/api/v1/accounts"
SIZES = (20, 500)

OF_THE_API = frozenset(
    {
        "any page by id",
        "any page by name",
        "quick: end of a name",
        "quick: address",
        "ident: address",
        "client: one click",
        "all at once",
    }
)
"""Kinds that are asked of the API too: the store's part is the same, what is drawn is JSON."""


def _sized(size: int) -> Asked:
    """The same page of the table, with so many rows: what drawing them costs."""

    def make(rng: random.Random, people: Population) -> tuple[AccountFilter, Paging]:
        last = -(-len(people.accounts) // size)
        return AccountFilter(), Paging(page=rng.randint(1, last), size=size, sort="id", descending=False)

    return Asked(f"{size} rows", make)


def pages(stage: Stage, times: int, seed: int = 3) -> list[dict[str, Any]]:
    """Every kind of question so many times; milliseconds, and bytes of the longest answer."""
    kinds = [(PAGE, "page", asked) for asked in (*map(_sized, SIZES), *QUESTIONS)]
    kinds += [(API, "API", asked) for asked in (*map(_sized, SIZES), *QUESTIONS) if _is_of_the_api(asked)]
    with Browser(stage.granted) as browser:
        return [_asked(stage, browser, path, said, asked, times, seed) for path, said, asked in kinds]


def _is_of_the_api(asked: Asked) -> bool:
    return asked.name in OF_THE_API or asked.name in {f"{size} rows" for size in SIZES}


def url_of(path: str, asked: Asked, rng: random.Random, people: Population) -> str:
    """One question of this kind as the browser's address bar has it."""
    return f"{path}?{urlencode(write_query(*asked.make(rng, people)))}"


def _asked(
    stage: Stage, browser: Browser, path: str, said: str, asked: Asked, times: int, seed: int
) -> dict[str, Any]:
    rng = random.Random(seed)
    browser.get(url_of(path, asked, rng, stage.people))  # the first of a kind reads what is not in memory yet
    taken, drawn, searched, longest = [], [], [], 0
    servers = stage.database.server_pids()
    for _ in range(times):
        url = url_of(path, asked, rng, stage.people)
        console, server = worked_ms([stage.console.pid]), worked_ms(servers)
        answer = browser.get(url)
        drawn.append(worked_ms([stage.console.pid]) - console)
        searched.append(worked_ms(servers) - server)
        taken.append(answer.milliseconds)
        longest = max(longest, len(answer.body))
    taken.sort()
    return {
        "question": f"{said}: {asked.name}",
        "times": times,
        "p50_ms": statistics.median(taken),
        "p99_ms": taken[int(times * 0.99)],
        "max_ms": taken[-1],
        "console_p50_ms": statistics.median(drawn),
        "database_p50_ms": statistics.median(searched),
        "worked_max_ms": max(map(sum, zip(drawn, searched, strict=True))),
        "bytes_max": longest,
    }


def worked_ms(pids: Iterable[int]) -> float:
    """Processor time of these processes and their threads since they began."""
    total = 0
    for pid in pids:
        for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(schedstat.read_text().split()[0])
            except OSError:  # a thread that has ended
                continue
    return total / 1e6


def told_pages(rows: Sequence[dict[str, Any]]) -> str:
    """As a table; what misses the mark is marked."""
    lines = [
        f"{'question (ms; processor of console and database)':54} {'p50':>7} {'p99':>7} {'max':>7}"
        f" {'console':>8} {'database':>9} {'both max':>9} {'KB max':>7}"
    ]
    for row in rows:
        miss = "" if row["p99_ms"] <= MARK_MS else f"  over the mark of {MARK_MS:.0f} ms"
        lines.append(
            f"{row['question']:54} {row['p50_ms']:7.1f} {row['p99_ms']:7.1f} {row['max_ms']:7.1f}"
            f" {row['console_p50_ms']:8.1f} {row['database_p50_ms']:9.1f}"
            f" {row['worked_max_ms']:9.1f} {row['bytes_max'] / 1000:7.0f}{miss}"
        )
    return "\n".join(lines)
