"""A machine that allows few open files, to a real daemon: it says so at once, not when the last one is taken."""

import os
import re
import resource
import shlex
import signal
import subprocess
from pathlib import Path

from tests.end_to_end.daemon import IDENTD, DaemonProcess, eventually

NO_DATABASE = "postgresql://nobody@127.0.0.1:9/none"
"""Nobody listens there: a daemon starts all the same, and is not ready."""


def _warnings(log: str) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in re.findall(r"warning open_files_too_few allowed=(\d+) wanted=(\d+)", log)]


def test_daemon_says_at_its_start_that_it_may_open_too_few_files(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, NO_DATABASE, limits={"connections_max": 100, "connections_per_address_max": 10})
    command = f"ulimit -n 227; exec {shlex.join((str(IDENTD), 'serve', '--config', str(daemon.config)))}"
    with daemon.log_path.open("ab") as log:
        daemon.process = subprocess.Popen(
            ["sh", "-c", command], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        eventually(lambda: " started " in daemon.log(), "it starts all the same")
        eventually(lambda: daemon.ask("ping")["op"] == "pong", "and answers")
        assert _warnings(daemon.log()) == [(227, 228)]
    finally:
        daemon.end()


def test_daemon_says_at_a_reload_that_more_connections_need_more_files(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, NO_DATABASE, limits={"connections_max": 100, "connections_per_address_max": 10})
    try:
        daemon.start("started")
        eventually(lambda: daemon.page("/healthz")[0] == 200, "it hears signals")
        assert _warnings(daemon.log()) == []
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (264, 264))
        daemon.sections["limits"]["connections_max"] = 137
        daemon.write_configuration()
        daemon.signal(signal.SIGHUP)
        eventually(lambda: _warnings(daemon.log()) == [(264, 265)], "it warns")
        assert daemon.stop() == 0
    finally:
        daemon.end()


def test_daemon_without_a_free_file_goes_on_and_starts_its_loader_when_there_is_one(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, NO_DATABASE)
    try:
        daemon.start("started")
        with daemon.wire() as bystander:
            first = daemon.loader_pid()
            assert bystander.ask("ping")["op"] == "pong", "it is served already"
            soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (0, hard))
            os.kill(first, signal.SIGKILL)
            eventually(lambda: "cannot be started: Too many open files" in daemon.log(), "it says why")
            assert bystander.ask("ping")["op"] == "pong", "and answers"
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
            eventually(lambda: daemon.loader_pid() != first, "a loader runs again")
            assert bystander.ask("ping")["op"] == "pong"
        assert daemon.stop() == 0
    finally:
        daemon.end()
    assert "Traceback" not in daemon.log()
