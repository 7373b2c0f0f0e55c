"""A CSV file of 100,000 new accounts, through the page and by the command line, and how other pages fare meanwhile.

Through the page as a browser does it: upload, look how far the dry run is, write, look again, until the daemon has
the accounts. Meanwhile somebody else turns the pages of the table.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.changes import wait_until
from bench.operators_pages import worked_ms
from bench.running_console import Browser, Stage

MARK_SECONDS = 30.0
LOOK_SECONDS = 0.25  # a browser looks each second; the figure should not be rounded to that
SECONDS_MAX = 600.0
OTHERS_PAUSE_SECONDS = 0.05
REST_SECONDS = 5.0
FIRST_HOST = 0x28000000  # 40.0.0.0: nobody's in the population
HEAD = "client,name,ident_by,ip,ident_name,ani,tech_prefix,orig_enabled,orig_capacity,orig_tags,notes"


def lines_of(count: int, clients: int, series: int) -> bytes:
    """So many new accounts, by address (some of them networks), name and ANI; `series` tells files apart."""
    rows = [HEAD]
    for number in range(count):
        kind = number % 10
        name = f"import{series} {number}"
        host = FIRST_HOST + (series << 22) + number * 16
        address = ".".join(str(host >> shift & 255) for shift in (24, 16, 8, 0))
        ident = (
            f"ip,{address}{'/28' if kind == 6 else ''},,,{'' if kind else '1001#'}"
            if kind < 7
            else f"name,,user{series}-{number},,"
            if kind < 9
            else f"ani,,,99{series}{number:08},"
        )
        rows.append(f"client {1 + number % clients},{name},{ident},yes,30,wholesale,from the file")
    return ("\n".join(rows) + "\n").encode()


def imports(stage: Stage, count: int) -> dict[str, Any]:
    """Seconds of each phase through the page, then of the command; pages of somebody else, at rest and meanwhile."""
    others = _Others(stage)
    rest = others.during(lambda: time.sleep(REST_SECONDS))
    figures: dict[str, Any] = {"lines": count, "bytes": 0, "others_at_rest": rest}
    first = lines_of(count, len(stage.people.clients), 1)
    figures["bytes"] = len(first)
    with Browser(stage.granted) as browser:
        worked = _worked_seconds(stage)
        figures["others_meanwhile"] = others.during(lambda: figures.update(page=_by_page(stage, browser, first)))
        figures["processor"] = {who: seconds - worked[who] for who, seconds in _worked_seconds(stage).items()}
    second = stage.folder / "second.csv"
    second.write_bytes(lines_of(count, len(stage.people.clients), 2))
    figures["command"] = _by_command(stage, second, count)
    return figures


def _by_page(stage: Stage, browser: Browser, data: bytes) -> dict[str, float]:
    accounts = stage.daemon.status().accounts + data.count(b"\n") - 1
    began = time.monotonic()
    path = browser.upload("/accounts/import", "file", "accounts.csv", data).location
    uploaded = time.monotonic()
    _await_page(browser, path, f"{path}/commit")
    checked = time.monotonic()
    browser.post(f"{path}/commit", [])
    _await_page(browser, path, "Written:")
    written = time.monotonic()
    in_force = wait_until(lambda: stage.daemon.status().accounts == accounts, "the import")
    return {
        "upload": uploaded - began,
        "dry_run": checked - uploaded,
        "write": written - checked,
        "in_force": in_force - written,
        "seconds": in_force - began,
    }


def _worked_seconds(stage: Stage) -> dict[str, float]:
    """Processor time: on a machine that others use it tells what the import itself takes, and of whom."""
    pids = {"console": [stage.console.pid], "database": stage.database.server_pids(), "daemon": [stage.daemon.pid]}
    return {who: worked_ms(those) / 1000 for who, those in pids.items()}


def _await_page(browser: Browser, path: str, wanted: str) -> None:
    """Look until the page has this. Raises `SystemExit` where it never will."""
    deadline = time.monotonic() + SECONDS_MAX
    while (page := browser.get(path).body.decode()) and wanted not in page:
        if "<progress" not in page:
            raise SystemExit(f"the import did not go through:\n{page}")
        if time.monotonic() > deadline:
            raise SystemExit(f"the import took more than {SECONDS_MAX:.0f} s")
        time.sleep(LOOK_SECONDS)


def _by_command(stage: Stage, file: Path, count: int) -> dict[str, float]:
    accounts = stage.daemon.status().accounts + count
    began = time.monotonic()
    command: list[str | Path] = [Path(sys.executable).with_name("identd"), "accounts", "import", file, "--commit"]
    done = subprocess.run(
        [*command, "--config", stage.console.configuration],
        env={**os.environ, "IDENTD_CONSOLE_DSN": stage.console.dsn},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    ended = time.monotonic()
    if done.returncode:
        raise SystemExit(f"identd accounts import: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    in_force = wait_until(lambda: stage.daemon.status().accounts == accounts, "the import")
    return {"command": ended - began, "in_force": in_force - ended, "seconds": in_force - began}


class _Others:
    """Somebody who turns pages of the table while something else goes on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def during(self, work: Callable[[], object]) -> dict[str, float]:
        """Do the work in this thread; how long the pages took in the other."""
        ended = threading.Event()
        taken: list[float] = []
        failed: list[BaseException] = []

        def turn_pages() -> None:
            rng = random.Random(6)
            last = max(1, len(self._stage.people.accounts) // 50)
            try:
                with Browser(self._stage.granted) as browser:
                    while not ended.wait(OTHERS_PAUSE_SECONDS):
                        taken.append(browser.get(f"/accounts?page={rng.randint(1, last)}").milliseconds)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=turn_pages)
        thread.start()
        try:
            work()
        finally:
            ended.set()
            thread.join()
        if failed:
            raise failed[0]
        taken.sort()
        return {
            "times": len(taken),
            "p50_ms": taken[len(taken) // 2],
            "p99_ms": taken[int(len(taken) * 0.99)],
            "max_ms": taken[-1],
        }


def told_imports(figures: dict[str, Any]) -> str:
    """As a table."""
    page, command = figures["page"], figures["command"]
    rest, meanwhile = figures["others_at_rest"], figures["others_meanwhile"]

    def mark(seconds: float) -> str:
        return f"{'within' if seconds <= MARK_SECONDS else 'ABOVE'} the mark of {MARK_SECONDS:.0f} s"

    return "\n".join(
        [
            f"import of {figures['lines']:,} new accounts, {figures['bytes'] / 1e6:.1f} MB of CSV",
            f"  page: {page['seconds']:.1f} s: upload {page['upload']:.1f}, dry run {page['dry_run']:.1f}, "
            f"write {page['write']:.1f}, in force {page['in_force']:.1f}  {mark(page['seconds'])}",
            "  processor meanwhile, other pages included: "
            + ", ".join(f"{who} {seconds:.1f} s" for who, seconds in figures["processor"].items()),
            f"  command: {command['seconds']:.1f} s, in force {command['in_force']:.1f} s after its end  "
            f"{mark(command['seconds'])}",
            *(
                f"  another page {when}: p50 {row['p50_ms']:.1f}, p99 {row['p99_ms']:.1f}, "
                f"max {row['max_ms']:.1f} ms ({row['times']:.0f} times)"
                for when, row in (("at rest", rest), ("meanwhile", meanwhile))
            ),
        ]
    )
