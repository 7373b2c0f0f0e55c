"""RADIUS Access-Request: identd against FreeRADIUS with a users file, on the same packets in the same run.

    python -m bench.radius --accounts 100000 --json bench/results/radius.json

The server has one core and the load the other, and both go before whatever else runs there (as root): one UDP
socket, 1 or 64 packets in flight, closed loop. All servers take turns within a round, and the median round counts.
Every answer is proven and of the right code, or the bench fails. The C echo is the limit. FreeRADIUS looks a name up;
identd looks for name, address and ANI, takes capacity, remembers the call and writes its journal (`authorize`), or
only looks (`identify`), and answers a Stop (`stop`).
"""

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from bench.figures import keep
from bench.freeradius import FreeRadius, users_file
from bench.population import Population, population
from bench.radius_packets import (
    SECRET,
    Verdict,
    access_requests,
    judge,
    one_of_each,
    read_answers,
    reply_items,
    stops,
    write_packets,
)
from bench.running import Load, RunningDaemon, compiled, database_with, end_well_on_sigterm

OUTSTANDING = (1, 64)
SERVER_CORE, LOAD_CORE = 0, 1
PACKETS = {1: 10_000, 64: 100_000}
WARM_UP = 2_000
LEARNING = 32  # in flight while identd is asked for every account once
AUTHORIZING, IDENTIFYING = "127.0.0.1", "127.0.0.2"  # the load's address says which client of identd it is
SECTIONS = """
[radius]
auth_listen = "127.0.0.1:{auth}"
accounting_listen = "127.0.0.1:{accounting}"
""" + "".join(
    f"""
[[radius.clients]]
network = "{network}/32"
secret = "{SECRET.decode()}"
gateway = "{{gateway}}"
mode = "{mode}"
preset = "generic"
require_message_authenticator = "yes"
"""
    for network, mode in ((AUTHORIZING, "authorize"), (IDENTIFYING, "identify"))
)


class Target(NamedTuple):
    """Who is asked, from which address, and whose processor time that costs."""

    what: str
    address: str
    source: str
    pid: int


class Players(NamedTuple):
    """All that a round asks. `accounting` gives back what `authorize` took."""

    plain: list[Target]
    authorize: Target
    accounting: Target
    identify: Target
    calls_up: Callable[[], int]


def free_port(kind: socket.SocketKind) -> int:
    """A port of loopback that nobody has just now."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """What a process has used of its core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def go_first(pid: int) -> bool:
    """Have all threads of a server run before whatever else wants its core, where we may (root).

    Else the server with more threads gets the larger share of a core that others want too, and that would be
    measured. The kernel stops one that never rests for 50 ms a second, so the longest answer says nothing.
    """
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True


async def trust_names(dsn: str) -> None:
    """A User-Name proves nothing by itself; FreeRADIUS with `Auth-Type := Accept` believes it, so identd must too."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("UPDATE identd.gateways SET trusts_name = true")
    finally:
        await connection.close()


def measure(people: Population, dsn: str, repeat: int, outstanding: Sequence[int]) -> dict[str, Any]:
    """All rounds against one of each; the median of each figure."""
    asyncio.run(trust_names(dsn))
    with tempfile.TemporaryDirectory(prefix="identd-bench-") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        load = compiled("radius_load", folder)
        players, memory = _players(folder, load, people, dsn, running)
        first = all(go_first(target.pid) for target in (*players.plain, players.identify))
        for target in (*players.plain, players.identify):
            play(load, folder, target, max(outstanding), *access_requests(people, WARM_UP, seed=1))
        rounds = [_round(load, folder, people, players, turn, outstanding) for turn in range(1, repeat + 1)]
    return {
        "accounts": len(people.accounts),
        "rounds": repeat,
        "went_first": first,
        "memory_mb": memory,
        "runs": [_median([one[place] for one in rounds]) for place in range(len(rounds[0]))],
    }


def _players(
    folder: Path, load: Path, people: Population, dsn: str, running: contextlib.ExitStack
) -> tuple[Players, dict[str, int]]:
    echoing = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), compiled("radius_echo", folder)], stdout=subprocess.PIPE
    )
    running.callback(echoing.communicate)
    running.callback(echoing.kill)
    assert echoing.stdout is not None, "a pipe was asked for"
    echo = Target("echo", f"127.0.0.1:{int(echoing.stdout.readline())}", AUTHORIZING, echoing.pid)
    auth, accounting = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    sections = SECTIONS.format(auth=auth, accounting=accounting, gateway=people.gateways[0].name)
    daemon = RunningDaemon(folder, dsn, SERVER_CORE, free_port(socket.SOCK_STREAM), sections=sections)
    running.callback(daemon.stop)
    memory = {"identd": round(daemon.ready_mb)}
    authorize = Target("identd authorize", f"127.0.0.1:{auth}", AUTHORIZING, daemon.pid)
    stop = Target("identd stop", f"127.0.0.1:{accounting}", AUTHORIZING, daemon.pid)
    same = _replies(load, folder, people, authorize, stop)
    plain = [echo]
    for what, threads, replies in (
        ("freeradius", True, same),
        ("freeradius -s", False, same),
        ("freeradius least", True, [[("Class", account.name)] for account in people.accounts]),
    ):
        users = users_file((account.name, reply) for account, reply in zip(people.accounts, replies, strict=True))
        port = free_port(socket.SOCK_DGRAM)
        free = FreeRadius(folder / what.replace(" ", "_"), port, SERVER_CORE, SECRET, users, threads=threads)
        running.callback(free.stop)
        memory[what] = round(resident_mb(free.pid))
        plain.append(Target(what, free.address, AUTHORIZING, free.pid))
    identify = Target("identd identify", authorize.address, IDENTIFYING, daemon.pid)
    return Players(plain, authorize, stop, identify, lambda: daemon.status().calls), memory


def _replies(
    load: Path, folder: Path, people: Population, authorize: Target, stop: Target
) -> list[list[tuple[str, str]]]:
    """What identd answers for each account, so that FreeRADIUS can answer the same."""
    packets = one_of_each(people, seed=0)
    play(load, folder, authorize, LEARNING, packets, [True] * len(packets))
    replies = [reply_items(answer) for answer in read_answers(folder / "answers")]
    play(load, folder, stop, LEARNING, stops(len(packets), seed=0), None)
    return replies


def _round(
    load: Path, folder: Path, people: Population, players: Players, turn: int, outstanding: Sequence[int]
) -> list[dict[str, Any]]:
    figures = []
    for window in outstanding:
        count, seed = PACKETS[window], turn * 1000 + window
        packets, hits = access_requests(people, count, seed)
        figures += [play(load, folder, target, window, packets, hits) for target in players.plain]
        figures.append(play(load, folder, players.identify, window, packets, hits))
        before = players.calls_up()
        figures.append(play(load, folder, players.authorize, window, packets, hits))
        taken = players.calls_up() - before
        if taken != figures[-1]["accepted"]:
            raise SystemExit(f"{figures[-1]['accepted']} calls were accepted and {taken} are counted")
        figures.append(play(load, folder, players.accounting, window, stops(count, seed), None))
    return figures


def play(
    load: Path, folder: Path, target: Target, window: int, packets: list[bytes], hits: list[bool] | None
) -> dict[str, Any]:
    """One run of radius_load.c, all answers judged."""
    asked, answered = folder / "packets", folder / "answers"
    write_packets(asked, packets)
    cpu = cpu_seconds(target.pid)
    with Load(load, LOAD_CORE, target.source, target.address, window, asked, answered) as loading:
        loading.go_first()
        run = loading.figures()
    run["cpu_us"] = (cpu_seconds(target.pid) - cpu) / len(packets) * 1e6
    if target.what != "echo":
        verdict = judge(packets, hits, read_answers(answered))
        run.update(verdict._asdict())
        _insist(target.what, verdict)
    return {"what": target.what, "outstanding": window, **run}


def _insist(what: str, verdict: Verdict) -> None:
    if verdict.forged or verdict.wrong:
        raise SystemExit(f"{what} gave {verdict.forged} answers without the secret and {verdict.wrong} wrong ones")


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        key: statistics.median(run[key] for run in runs) if isinstance(value, int | float) else value
        for key, value in runs[0].items()
    }


def report(figures: dict[str, Any]) -> str:
    """A table for people. Both ratios are against FreeRADIUS with threads; the second is of processor time."""
    memory = ", ".join(f"{what} {megabytes} MB" for what, megabytes in figures["memory_mb"].items())
    lines = [
        f"{figures['accounts']:,} accounts; {memory}; median of {figures['rounds']}"
        + ("" if figures["went_first"] else "; others on the servers' core had their share of it"),
        "shape   what               answers/s  of FreeRADIUS  of echo    p50 µs    p99 µs   lost"
        "  core µs each  its core",
    ]
    for window in dict.fromkeys(run["outstanding"] for run in figures["runs"]):
        runs = {run["what"]: run for run in figures["runs"] if run["outstanding"] == window}
        echo, free = runs["echo"], runs["freeradius"]
        lines += [
            f"1x{window:<4g} {run['what']:<17} {run['per_second']:>10,.0f} "
            f"{run['per_second'] / free['per_second']:>14.2f} {run['per_second'] / echo['per_second']:>8.2f} "
            f"{run['p50_us']:>9.0f} {run['p99_us']:>9.0f} {run['lost']:>6g} "
            f"{run['cpu_us']:>13.1f} {free['cpu_us'] / run['cpu_us'] if run['cpu_us'] else 0:>9.2f}"
            for run in runs.values()
        ]
    return "\n".join(lines)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="bench.radius", description="RADIUS Access-Request against FreeRADIUS")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3, help="rounds of which the median counts")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    end_well_on_sigterm()
    people = population(arguments.accounts)
    with database_with(people) as dsn:
        figures = measure(people, dsn, arguments.repeat, OUTSTANDING)
    print(report(figures))
    keep(figures, arguments.json)


if __name__ == "__main__":
    main()
