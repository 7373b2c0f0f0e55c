"""The service manager, played by real sockets: what it is told, and what it hands over."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from identd.systemd import (
    ActivationError,
    inherited_sockets,
    keep_watchdog,
    notify,
    notify_reloading,
    watchdog_seconds,
)


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = f"@identd-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind("\0" + name[1:] if name[0] == "@" else name)
        hears.settimeout(2)
        yield name, hears


def test_the_manager_is_told_over_its_socket(manager: tuple[str, socket.socket]) -> None:
    name, hears = manager
    assert notify("READY=1", {"NOTIFY_SOCKET": name})
    assert hears.recv(100) == b"READY=1"


def test_a_reload_is_told_with_its_moment_on_the_monotonic_clock(manager: tuple[str, socket.socket]) -> None:
    name, hears = manager
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert notify_reloading({"NOTIFY_SOCKET": name})
    state, moment = hears.recv(100).decode().split("\n")
    assert state == "RELOADING=1"
    assert moment.startswith("MONOTONIC_USEC=")
    assert before <= int(moment.partition("=")[2]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize(
    "address", ["", "/nowhere/to/be/found", "@nobody-listens-here", "vsock:2:1", "/" + "x" * 300]
)
def test_a_manager_that_is_not_there_raises_nothing(address: str) -> None:
    assert not notify("READY=1", {"NOTIFY_SOCKET": address})
    assert not notify("READY=1", {})


def test_a_daemon_without_a_free_file_goes_on_untold(manager: tuple[str, socket.socket]) -> None:
    name, _ = manager
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        told = notify("READY=1", {"NOTIFY_SOCKET": name})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not told


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "77"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked_and_only_by_whom_it_means(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_seconds(environ, pid=77) == seconds


async def test_a_loop_that_turns_feeds_the_watchdog(manager: tuple[str, socket.socket]) -> None:
    name, hears = manager
    with trio.move_on_after(0.3):
        await keep_watchdog({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "40000"})
    assert [hears.recv(100) for _ in range(5)] == [b"WATCHDOG=1"] * 5
    with trio.fail_after(1):
        await keep_watchdog({"NOTIFY_SOCKET": name})  # nobody asked: it ends


def test_sockets_for_another_process_are_not_ours() -> None:
    assert inherited_sockets({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, pid=77) == []
    assert inherited_sockets({}, pid=77) == []


@pytest.mark.parametrize("count", ["", "x", "-1", "17", "99999999999999999999"])
def test_a_count_that_makes_no_sense_is_told(count: str) -> None:
    with pytest.raises(ActivationError, match="LISTEN_FDS"):
        inherited_sockets({"LISTEN_PID": "77", "LISTEN_FDS": count}, pid=77)


CHILD = """
import os, sys
from identd.systemd import inherited_sockets, ActivationError
os.dup2(int(sys.argv[1]), 3)
try:
    [one] = inherited_sockets({"LISTEN_PID": "77", "LISTEN_FDS": "1"}, pid=77)
except ActivationError as error:
    print(error)
else:
    print(one.getsockname(), one.get_inheritable())
"""


def child(passed: socket.socket | int) -> str:
    number = passed if isinstance(passed, int) else passed.fileno()
    command = [sys.executable, "-c", CHILD, str(number)]
    return subprocess.run(command, pass_fds=[number], capture_output=True, text=True, check=True, timeout=20).stdout


def test_a_listening_socket_is_taken_over_and_anything_else_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert child(listener) == f"{listener.getsockname()} False\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert "no listening stream socket" in child(datagrams)
    with socket.socket() as deaf:
        assert "no listening stream socket" in child(deaf)
    with (tmp_path / "file").open("wb") as file:
        assert "descriptor 3" in child(file.fileno())
