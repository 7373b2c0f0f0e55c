"""How long one `identify` takes in process, by kind of call, and what an account costs in memory.

    python -m bench.identify --accounts 10000 100000 1000000 --json bench/results/identify.json

The sketch: three probes of dicts and a handful of attributes, about 1 µs; a trie adds 1 to 3 µs. Each size runs in a
process of its own, so that resident memory is that of one population; calls come in random order, as they do.
"""

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import keep
from bench.population import Kind, attempts, population
from matcher.change import AccountPut, Change, ChangeSet, ClientPut, GatewayPut
from matcher.directory import Directory
from matcher.index import Match

CALLS = 100_000
STAGED_AT_ONCE = 500
CHANGED_MAX = 100_000


def resident_bytes() -> int:
    """Resident memory of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS in /proc/self/status")


def write_population(accounts: int) -> None:
    """Leave the encoded slices of the population in a file, as the loader would send them."""
    people = population(accounts)
    changes: list[Change] = [GatewayPut(gateway) for gateway in people.gateways]
    changes += [ClientPut(client) for client in people.clients]
    changes += [AccountPut(account) for account in people.accounts]
    encode = msgspec.msgpack.Encoder().encode
    with _path(accounts).open("wb") as file:
        for start in range(0, len(changes), STAGED_AT_ONCE):
            slice_ = encode(ChangeSet(tuple(changes[start : start + STAGED_AT_ONCE])))
            file.write(len(slice_).to_bytes(4, "big") + slice_)


def _path(accounts: int) -> Path:
    return Path(tempfile.gettempdir()) / f"identd-bench-{accounts}.msgpack"


def loaded(path: Path) -> tuple[Directory, float, int]:
    """A directory filled as the daemon fills it; the seconds that took, and by how many bytes the process grew."""
    decode = msgspec.msgpack.Decoder(ChangeSet).decode
    before = resident_bytes()
    directory = Directory(lambda _account, _attempt: False)
    started = time.perf_counter()
    update = directory.begin(full=True)
    with path.open("rb") as file:
        while head := file.read(4):
            update.stage(decode(file.read(int.from_bytes(head, "big"))).changes)
    update.commit()
    assert update.tidy(1)
    seconds = time.perf_counter() - started
    gc.collect()
    gc.freeze()
    return directory, seconds, resident_bytes() - before


def measured(directory: Directory, calls: list[tuple[Kind, Any, int | None]]) -> dict[str, Any]:
    """Mean over all calls in one loop, and p50/p99 by kind with the cost of looking at the clock taken off."""
    identify = directory.index.identify
    gateway = directory.gateways[1]
    for _, attempt, expected in calls:
        found = identify(attempt, gateway)
        assert (found.account.id if isinstance(found, Match) else None) == expected, "a call hit another account"
    queue = [attempt for _, attempt, _ in calls]
    means = []
    for _ in range(3):
        started = time.perf_counter_ns()
        for attempt in queue:
            identify(attempt, gateway)
        looped = time.perf_counter_ns() - started
        started = time.perf_counter_ns()
        for _ in queue:
            pass
        means.append((looped - (time.perf_counter_ns() - started)) / len(queue))
    clock = time.perf_counter_ns
    by_kind: dict[str, list[int]] = {}
    empty = min(-(clock() - clock()) for _ in range(1000))
    for kind, attempt, _ in calls:
        started = clock()
        identify(attempt, gateway)
        took = clock() - started - empty
        by_kind.setdefault(kind, []).append(took)
        by_kind.setdefault("all", []).append(took)
    return {"mean_us": sorted(means)[1] / 1000, "kinds": {kind: _figures(took) for kind, took in by_kind.items()}}


def _figures(took: list[int]) -> dict[str, float]:
    took.sort()
    count = len(took)
    return {
        "calls": count,
        "mean_us": sum(took) / count / 1000,
        "p50_us": took[count // 2] / 1000,
        "p99_us": took[count * 99 // 100] / 1000,
    }


def stalls(directory: Directory, slice_size: int = 50) -> dict[str, float]:
    """The longest time that one step of changing many accounts holds up a call, in ms, by step."""
    changed = [
        AccountPut(msgspec.structs.replace(account, port=5061))
        for account in list(directory.accounts.values())[:CHANGED_MAX]
    ]
    longest = {"stage": 0.0, "commit": 0.0, "tidy": 0.0}

    def timed(step: str, work: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        result = work(*arguments)
        longest[step] = max(longest[step], (time.perf_counter() - started) * 1000)
        return result

    update = directory.begin(full=False)
    for start in range(0, len(changed), slice_size):
        timed("stage", update.stage, changed[start : start + slice_size])
    timed("commit", update.commit)
    while not timed("tidy", update.tidy, slice_size):
        pass
    longest["changed"] = len(changed)
    return longest


def one_size(accounts: int) -> dict[str, Any]:
    """Everything about one size; to be called in a process of its own."""
    # Made by another process: what making it leaves behind must not count as the directory's.
    made = f"from bench.identify import write_population; write_population({accounts})"
    subprocess.run([sys.executable, "-c", made], check=True)
    directory, seconds, held = loaded(_path(accounts))
    _path(accounts).unlink()
    base = resident_bytes()
    people = population(accounts)
    calls = attempts(people, CALLS)
    del people
    figures = measured(directory, calls)
    return {
        "accounts": accounts,
        "load_seconds": seconds,
        "held_mb": held / 1e6,
        "process_mb": base / 1e6,
        "held_bytes_per_account": held / accounts,
        "stall_ms": stalls(directory),
        **figures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one_size(arguments.one)))
        return
    results = []
    print(f"{'accounts':>9} {'kind':<11} {'mean µs':>8} {'p50 µs':>8} {'p99 µs':>8}")
    for accounts in arguments.accounts:
        command = [sys.executable, "-m", "bench.identify", "--one", str(accounts)]
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        results.append(result)
        for kind, row in sorted(result["kinds"].items()):
            print(f"{accounts:>9} {kind:<11} {row['mean_us']:>8.2f} {row['p50_us']:>8.2f} {row['p99_us']:>8.2f}")
        stall = result["stall_ms"]
        print(
            f"{accounts:>9} mixed, no clock in the loop: {result['mean_us']:.2f} µs; loaded in "
            f"{result['load_seconds']:.1f} s; {result['held_mb']:.0f} MB held, all {result['process_mb']:.0f} MB; "
            f"{stall['changed']} changed: longest stage {stall['stage']:.1f}, commit {stall['commit']:.1f}, "
            f"tidy {stall['tidy']:.1f} ms"
        )
    keep(results, arguments.json)


if __name__ == "__main__":
    main()
