"""Pages and searches of the console's table among a million accounts, as the store answers them.

    python -m bench.console --accounts 1000000 --json bench/results/console.json

The population of `population.py`, with what operators filter by put beside it (types of clients, rate tables, routing
plans, tags, gateways, statistics). Each kind of question is asked many times, with other texts and other pages each
time; what counts is the longest, against the mark. `cpu` is what of it the processor worked, ours and the server's
process together: on a machine that others use it tells what the time would have been without them.
"""

import argparse
import asyncio
import contextlib
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import trio
import trio_asyncio

from bench.figures import keep
from bench.population import Population, population
from bench.running import database_with, end_well_on_sigterm
from console.database import Database, open_database
from console.objects.listing import PAGE_SIZES, AccountFilter, Paging, SortKey
from console.store.listing import list_accounts
from matcher.account import Account

MARK_MS = 150.0
SORTS: tuple[SortKey, ...] = ("id", "client", "name", "ident", "tech_prefix")
CONNECTIONS_MAX = 1  # one process of the server does all the work, and its time can be read

COLUMNS = ("p50_ms", "p99_ms", "max_ms", "cpu_p50_ms", "cpu_max_ms")

Question = Callable[[random.Random, Population], tuple[AccountFilter, Paging]]

BESIDE = (
    "INSERT INTO rate_tables (name) SELECT 'RT ' || n FROM generate_series(1, 50) AS n",
    "INSERT INTO routing_plans (name) SELECT 'RP ' || n FROM generate_series(1, 10) AS n",
    "UPDATE clients SET client_type = CASE id % 100 WHEN 0 THEN 'calling_card' ELSE 'reseller' END WHERE id % 10 = 0",
    "UPDATE clients SET status = 'blocked' WHERE id % 1000 = 1",
    "UPDATE accounts SET orig_rate_table_id = 1 + id / 20 % 50, routing_plan_id = 1 + id / 20 % 10,"
    " orig_tags = ARRAY['tag' || id % 997, 'wholesale'] WHERE id % 20 = 0",
    "UPDATE accounts SET status = 'blocked' WHERE id % 500 = 3",
    "INSERT INTO account_gateways SELECT id, 1 + id / 10 % 20 FROM accounts WHERE id % 10 = 0",
    "INSERT INTO account_statistics (account_id, day, direction, calls, seconds, amount)"
    " SELECT id, '2026-01-01'::date + d, 'orig', 10, 600, 1.5 FROM accounts, generate_series(0, 2) AS d"
    " WHERE id % 10 = 0",
    "SELECT identd.refill_search()",
)
"""Statements that run after the population is there, past the triggers."""


class Asked(NamedTuple):
    """One kind of question: what a table of results calls it, and how one of it is made."""

    name: str
    make: Question


def _page(sort: SortKey, *, descending: bool, part: float | None) -> Question:
    """Pages of the whole list: `part` 0.0 the first, 1.0 the last; None any."""

    def make(rng: random.Random, people: Population) -> tuple[AccountFilter, Paging]:
        size = rng.choice(PAGE_SIZES)
        last = -(-len(people.accounts) // size)
        number = rng.randint(1, last) if part is None else 1 + int(part * (last - 1))
        return AccountFilter(), Paging(page=number, size=size, sort=sort, descending=descending)

    return make


def _search(made: Callable[[random.Random, Account], AccountFilter]) -> Question:
    """A search for something of an account picked at random, in any order, first page or third."""

    def make(rng: random.Random, people: Population) -> tuple[AccountFilter, Paging]:
        account = rng.choice(people.accounts)
        return made(rng, account), Paging(
            page=rng.choice((1, 1, 1, 3)),
            size=rng.choice(PAGE_SIZES),
            sort=rng.choice(SORTS),
            descending=rng.random() < 0.5,
        )

    return make


def _address(rng: random.Random, account: Account) -> str:
    if not account.networks:
        return f"11.{rng.randrange(8)}.{rng.randrange(256)}.{rng.randrange(256)}"
    return ".".join(map(str, account.networks[0].address))


QUESTIONS: tuple[Asked, ...] = (
    *(
        Asked(
            f"{where} page by {sort}{' descending' if descending else ''}",
            _page(sort, descending=descending, part=part),
        )
        for sort in SORTS
        for where, part, descending in (
            ("first", 0.0, False),
            ("middle", 0.5, False),
            ("last", 1.0, True),
            ("any", None, False),
        )
    ),
    Asked("quick: account's whole name", _search(lambda _, a: AccountFilter(q=a.name))),
    Asked("quick: end of a name", _search(lambda _, a: AccountFilter(q=a.name[-5:]))),
    Asked("quick: id", _search(lambda _, a: AccountFilter(q=str(a.id)))),
    Asked("quick: client's name", _search(lambda _, a: AccountFilter(q=f"client {a.client_id}"))),
    Asked("quick: address", _search(lambda r, a: AccountFilter(q=_address(r, a)))),
    Asked(
        "quick: beginning of an address",
        _search(lambda r, a: AccountFilter(q=_address(r, a).rpartition(".")[0] + ".")),
    ),
    Asked("quick: 1 to 4 digits", _search(lambda r, _: AccountFilter(q=str(r.randrange(10 ** r.randint(1, 4)))))),
    Asked(
        "quick: a word that most names have",
        _search(lambda r, _: AccountFilter(q=r.choice(("trunk", "login", "client")))),
    ),
    Asked("quick: two letters", _search(lambda r, _: AccountFilter(q=r.choice(("tr", "lo", "zq", "x7"))))),
    Asked("quick: nothing there", _search(lambda r, _: AccountFilter(q=f"nobody{r.randrange(1000)} %_\\'"))),
    Asked("ident: address", _search(lambda r, a: AccountFilter(ident=_address(r, a)))),
    Asked("ident: network", _search(lambda r, a: AccountFilter(ident=f"{_address(r, a).rpartition('.')[0]}.0/24"))),
    Asked("ident: the whole of IPv4", _search(lambda _r, _a: AccountFilter(ident="0.0.0.0/0"))),
    Asked(
        "ident: part of a name or ANI",
        _search(lambda _, a: AccountFilter(ident=(a.ident_name or a.ani or "login77")[:7])),
    ),
    Asked("tech prefix", _search(lambda r, _: AccountFilter(tech_prefix=f"10{r.randrange(10)}"))),
    Asked("origination on", _search(lambda *_: AccountFilter(orig=True))),
    Asked("origination off", _search(lambda *_: AccountFilter(orig=False))),
    Asked("termination on", _search(lambda *_: AccountFilter(term=True))),
    Asked("termination off", _search(lambda *_: AccountFilter(term=False))),
    Asked("rate table", _search(lambda r, _: AccountFilter(orig_rate_table_id=r.randint(1, 50)))),
    Asked(
        "routing plan and tag",
        _search(
            lambda _, a: AccountFilter(
                routing_plan_id=1 + a.id // 20 % 10, orig_tags=(f"tag{a.id // 20 * 20 % 997}",)
            )
        ),
    ),
    Asked("tag that many have", _search(lambda *_: AccountFilter(orig_tags=("wholesale",)))),
    Asked("client type: most", _search(lambda *_: AccountFilter(client_type="client"))),
    Asked("client type: one in 100", _search(lambda *_: AccountFilter(client_type="calling_card"))),
    Asked("client: part of a name", _search(lambda _, a: AccountFilter(client=f"ent {a.client_id}"))),
    Asked("client: one click", _search(lambda _, a: AccountFilter(client_id=a.client_id))),
    Asked("gateway", _search(lambda r, _: AccountFilter(gateway_id=r.randint(1, 20)))),
    Asked("state: on", _search(lambda *_: AccountFilter(state="on"))),
    Asked("state: off", _search(lambda *_: AccountFilter(state="off"))),
    Asked("state: blocked", _search(lambda *_: AccountFilter(state="blocked"))),
    Asked(
        "all at once",
        _search(
            lambda r, a: AccountFilter(
                q=a.name[:6], ident=_address(r, a), client_type="client", orig=True, state="on"
            )
        ),
    ),
)


@contextlib.contextmanager
def database_to_search(people: Population) -> Iterator[str]:
    """A database with the population and what is filtered by; its DSN."""
    with database_with(people) as dsn:
        asyncio.run(_put_beside(dsn))
        yield dsn


async def _put_beside(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "identd"})
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in BESIDE:
            await connection.execute(statement)
        # as autovacuum does it by and by: pages are read from indexes alone where it has been
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def measure(people: Population, dsn: str, times: int, seed: int = 3) -> list[dict[str, Any]]:
    """Every kind of question so many times; milliseconds."""
    gc.collect()
    gc.freeze()  # the console has no population in memory to look through
    return trio.run(_measure, people, dsn, times, seed)


async def _measure(people: Population, dsn: str, times: int, seed: int) -> list[dict[str, Any]]:
    figures = []
    async with trio_asyncio.open_loop(), open_database(dsn, CONNECTIONS_MAX) as database:
        server = await database.value("SELECT pg_backend_pid()")
        for asked in QUESTIONS:
            rng = random.Random(seed)
            await _ask(database, asked, rng, people, server)  # the first of a kind reads what is not in memory yet
            answers = [await _ask(database, asked, rng, people, server) for _ in range(times)]
            taken = sorted(milliseconds for milliseconds, _, _ in answers)
            worked = sorted(milliseconds for _, milliseconds, _ in answers)
            figures.append(
                {
                    "question": asked.name,
                    "times": times,
                    "found": statistics.median_low(total for _, _, total in answers),
                    "p50_ms": statistics.median(taken),
                    "p99_ms": taken[int(len(taken) * 0.99)],
                    "max_ms": taken[-1],
                    "cpu_p50_ms": statistics.median(worked),
                    "cpu_max_ms": worked[-1],
                }
            )
    return figures


async def _ask(
    database: Database, asked: Asked, rng: random.Random, people: Population, server: int
) -> tuple[float, float, int]:
    """Milliseconds it took, milliseconds of work, and how many were found."""
    wanted, paging = asked.make(rng, people)
    began, worked = time.perf_counter(), _worked_ms(server)
    page = await list_accounts(database, wanted, paging)
    return (time.perf_counter() - began) * 1000, _worked_ms(server) - worked, page.total


def _worked_ms(server: int) -> float:
    """Processor time of ours and, where it runs on this machine, of the server's process."""
    ours = time.process_time() * 1000
    try:
        return ours + int(Path(f"/proc/{server}/schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return ours


def report(figures: list[dict[str, Any]]) -> str:
    """As a table; what misses the mark is marked."""
    heads = "".join(f" {column.removesuffix('_ms').replace('_', ' '):>8}" for column in COLUMNS)
    lines = [f"{'question (times in ms)':44} {'found':>9}{heads}"]
    for row in figures:
        miss = f"  over the mark of {MARK_MS:.0f} ms" if row["p99_ms"] > MARK_MS else ""
        times = "".join(f" {row[column]:8.1f}" for column in COLUMNS)
        lines.append(f"{row['question']:44} {row['found']:9,}{times}{miss}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="pages and searches among so many accounts")
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=30, help="how often each kind of question is asked")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    end_well_on_sigterm()
    people = population(arguments.accounts)
    with database_to_search(people) as dsn:
        figures = measure(people, dsn, arguments.times)
    print(report(figures))
    keep(figures, arguments.json)


if __name__ == "__main__":
    main()
