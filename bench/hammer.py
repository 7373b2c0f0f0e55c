"""Operators who never rest: pages, searches and saves in a closed loop, and live counts of long pages, until SIGTERM.

    python -m bench.hammer PLAN

PLAN is a JSON file as `Plan` has it. A process of its own, so that who measures is not slowed by it. Prints one JSON
object: how many of each were answered, and how many with what no operator should see.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.running_console import Browser, Pass, account_form, pairs_of

WORKERS = 8
STREAMS = 8
SAVES_SHARE = 0.2
END_SECONDS_MAX = 60.0
CONFLICT = 409
"""Two of the workers may have had the same account open: they are told, as operators are."""


class Plan(msgspec.Struct, frozen=True):
    """`paths` are asked for at random; `saved` are ids of accounts to be changed; `streamed` ids of pages watched."""

    granted: Pass
    paths: list[str]
    saved: list[int]
    streamed: list[list[int]]
    seed: int = 5


class Hammer:
    """The program at work on `core`; leave the context and it is gone."""

    def __init__(self, folder: Path, plan: Plan, core: int) -> None:
        path = folder / "plan.json"
        path.write_bytes(msgspec.json.encode(plan))
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), sys.executable, "-m", "bench.hammer", path],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> dict[str, int]:
        """Rest; how many of what was answered. Raises `SystemExit` where it has ended by itself."""
        self._process.terminate()
        try:
            told, _ = self._process.communicate(timeout=END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"the operators did not end within {END_SECONDS_MAX:.0f} s") from None
        if self._process.returncode:
            raise SystemExit(f"the operators failed ({self._process.returncode}): their words are above")
        counts: dict[str, int] = json.loads(told)
        return counts


class _Operators:
    """The workers, and what they have counted together."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._end = threading.Event()
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter({"pages": 0, "saves": 0, "conflicts": 0, "events": 0})
        self.failure = ""

    def work(self, number: int) -> None:
        rng = random.Random(self._plan.seed + number)
        with Browser(self._plan.granted) as browser:
            while not self._end.is_set():
                if self._plan.saved and rng.random() < SAVES_SHARE:
                    self._count(_save(browser, rng.choice(self._plan.saved), rng))
                else:
                    browser.get(rng.choice(self._plan.paths))
                    self._count("pages")

    def watch(self, account_ids: list[int]) -> None:
        path = "/accounts/live?ids=" + ",".join(map(str, account_ids))
        with Browser(self._plan.granted) as browser, browser.stream(path) as events:
            while not self._end.is_set() and (line := events.readline()):
                if line.startswith(b"event: "):
                    self._count("events")

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def _bounded(self, task: Callable[..., None], argument: object) -> None:
        try:
            task(argument)
        except (SystemExit, OSError, HTTPException) as failure:  # in a thread, nobody would hear of it
            if not self._end.is_set():
                self.failure = str(failure) or type(failure).__name__
                self._end.set()

    def run(self) -> None:
        """All of them, until SIGTERM. A stream may wait for its next event: nobody waits for that."""
        signal.signal(signal.SIGTERM, lambda *_: self._end.set())
        workers = [self._thread(self.work, number) for number in range(WORKERS)]
        for thread in workers + [self._thread(self.watch, ids) for ids in self._plan.streamed]:
            thread.start()
        while not self._end.wait(0.2):
            pass
        for thread in workers:
            thread.join(END_SECONDS_MAX / 2)

    def _thread(self, task: Callable[..., None], argument: object) -> threading.Thread:
        return threading.Thread(target=self._bounded, args=(task, argument), daemon=True)


def _save(browser: Browser, account_id: int, rng: random.Random) -> str:
    """As an operator does: look at the form, change a capacity, OK."""
    path = f"/accounts/{account_id}/edit"
    values = account_form(browser.get(path).body)
    values["orig_capacity"] = [str(rng.randrange(10_000, 20_000))]
    answer = browser.post(path, [*pairs_of(values), ("do", "ok")], 303, CONFLICT)
    return "conflicts" if answer.status == CONFLICT else "saves"


def main() -> None:
    """The program."""
    operators = _Operators(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan))
    operators.run()
    print(json.dumps(operators.counts), flush=True)
    if operators.failure:
        print(operators.failure, file=sys.stderr)
    os._exit(1 if operators.failure else 0)  # the streams' threads wait for events that nobody needs


if __name__ == "__main__":
    main()
