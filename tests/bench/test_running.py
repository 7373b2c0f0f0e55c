"""What the benches run: a daemon that dies or cannot start ends them in words, and nothing outlives them."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.authorize import authorize_frames, write_frames
from bench.population import population
from bench.running import Load, RunningDaemon, compiled, database_with, run_load

PEOPLE = population(200)
CORE = min(os.sched_getaffinity(0))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with database_with(PEOPLE) as dsn:
        yield dsn


@pytest.fixture
def daemon(dsn: str, tmp_path: Path) -> Iterator[RunningDaemon]:
    daemon = RunningDaemon(tmp_path, dsn, CORE, free_port())
    yield daemon
    if Path(f"/proc/{daemon.pid}").exists():
        daemon.stop()


def load_of(folder: Path, daemon: RunningDaemon) -> tuple[Path, str, Path]:
    """The program, where to ask (no hello is needed on the Unix socket), and what to ask."""
    write_frames(folder / "frames", authorize_frames(PEOPLE, 100))
    return compiled("load", folder), str(daemon.unix), folder / "frames"


def test_the_daemon_has_the_whole_population_when_it_is_ready(daemon: RunningDaemon) -> None:
    status = daemon.status()
    assert (status.ready, status.accounts, status.quarantined) == (True, len(PEOPLE.accounts), 0)
    assert daemon.ready_seconds > 0
    assert daemon.ready_mb > 10
    assert os.sched_getaffinity(daemon.pid) == {CORE}


def test_a_daemon_that_dies_ends_the_bench_in_words(daemon: RunningDaemon) -> None:
    os.kill(daemon.pid, signal.SIGKILL)
    os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(SystemExit, match="died in the middle of the bench"):
        daemon.stop()


def test_a_daemon_that_cannot_start_says_so_and_leaves_no_process(dsn: str, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SystemExit, match=r"ended with .* before it was ready"),
    ):
        RunningDaemon(tmp_path, dsn, CORE, taken.getsockname()[1])
    with pytest.raises(FileNotFoundError):
        (tmp_path / "identd.sock").stat()


def test_every_request_of_a_closed_loop_is_answered_and_counted(daemon: RunningDaemon, tmp_path: Path) -> None:
    program, address, frames = load_of(tmp_path, daemon)
    run = run_load(program, CORE, address, 2, 4, 500, 0, frames)
    assert run["requests"] == run["granted"] + run["refused"] == 500
    assert run["errors"] == 0
    assert run["granted"] > run["refused"]
    assert 0 < run["p50_us"] <= run["p99_us"] <= run["max_us"]
    assert daemon.status().calls == run["granted"]


def test_an_open_loop_that_is_stopped_has_answers_to_all_it_asked(daemon: RunningDaemon, tmp_path: Path) -> None:
    program, address, frames = load_of(tmp_path, daemon)
    with Load(program, CORE, "-s", address, 2, 1, 1_000_000, 2000, frames) as load:
        while daemon.status().calls < 200:
            pass
        run = load.stop()
    assert 200 <= run["granted"] <= run["requests"] < 1_000_000
    assert run["requests"] == run["granted"] + run["refused"]
    assert run["per_second"] == pytest.approx(2000, rel=0.3)
    assert 0 < run["late_p99_us"] <= run["late_max_us"] <= run["max_us"]


def test_a_server_that_closes_fails_the_load_in_words(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames", authorize_frames(PEOPLE, 1))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with Load(compiled("load", tmp_path), CORE, f"127.0.0.1:{port}", 1, 1, 10, 0, tmp_path / "frames") as load:
            server.accept()[0].close()
            with pytest.raises(SystemExit, match="the load failed"):
                load.figures()
