"""Everything that can keep the daemon from starting, as a service manager sees it: an exit code and a clear line."""

import os
import re
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.daemon import IDENTD, PATIENCE_SECONDS, DaemonProcess, eventually

LOG_LINE = r"\d{4}-\d\d-\d\dT[\d:.]+Z (info|warning) "
NO_DATABASE = "postgresql://nobody@127.0.0.1:9/none"
"""Nobody listens there: a daemon starts all the same, and is not ready."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: that of a Unix socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="identd-") as name:
        yield Path(name)


@pytest.fixture
def first(folder: Path) -> Iterator[DaemonProcess]:
    """A daemon that runs, and must not be disturbed."""
    daemon = DaemonProcess(folder / "first", NO_DATABASE)
    try:
        with daemon.start("started").wire() as bystander:
            assert bystander.ask("ping")["op"] == "pong"
            yield daemon
            assert bystander.ask("ping")["op"] == "pong", "its connections stay"
        assert daemon.ask("ping")["op"] == "pong", "its path is still its own"
        with daemon.wire("tcp") as switch:
            assert switch.ask("ping")["code"] == "hello_required"
        assert daemon.page("/healthz")[0] == 200
        assert daemon.stop() == 0
    finally:
        daemon.end()
    assert "Traceback" not in daemon.log()


def _start_of(config: Path, **environment: str) -> tuple[int, list[str]]:
    """The exit code and what it said on standard error, without the log."""
    ended = subprocess.run(
        [str(IDENTD), "serve", "--config", str(config)],
        env={**os.environ, "IDENTD_DATABASE_DSN": NO_DATABASE, **environment},
        cwd=config.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr, ended.stderr
    assert " started " not in ended.stderr, "who does not start does not say so"
    return ended.returncode, [line for line in ended.stderr.splitlines() if not re.match(LOG_LINE, line)]


@pytest.mark.parametrize(
    ("shares", "line"),
    [
        ("unix", "identd: cannot listen on {unix}: another identd is listening there"),
        ("state", "identd: {state}: another identd is using this state directory"),
        ("tcp", "identd: cannot listen on 127.0.0.1:{port}: Address already in use"),
        ("metrics", "identd: cannot listen on 127.0.0.1:{metrics_port} for metrics: Address already in use"),
    ],
)
def test_a_second_daemon_that_would_share_a_door_says_which_and_ends(
    first: DaemonProcess, folder: Path, shares: str, line: str
) -> None:
    second = DaemonProcess(folder / "second", NO_DATABASE)
    theirs: dict[str, dict[str, Any]] = {
        "unix": {"socket": {"unix": first.unix, "tcp": ""}},
        "state": {"state": first.sections["state"]},
        "tcp": {"socket": {"unix": second.unix, "tcp": f"127.0.0.1:{first.port}"}},
        "metrics": {"metrics": first.sections["metrics"]},
    }
    second.sections.update(theirs[shares])
    second.write_configuration()
    words = {"unix": first.unix, "state": first.sections["state"]["directory"]}
    expected = line.format(**words, port=first.port, metrics_port=first.metrics_port)
    assert _start_of(second.config) == (1, [expected])
    assert not Path(second.unix).exists(), "it leaves no socket behind"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("[limits]\ncalls_max = 0\n", ["line 2: limits.calls_max: Expected int >= 1"]),
        ("[limits]\ncalls_maximum = 9\n", ["line 2: limits.calls_maximum: is not known here; known are "]),
        (
            '[socket]\ntcp = "0.0.0.0:7878"\n\n[log]\nlevel = "loud"\n',
            [
                "line 2: socket.tcp: would listen on every address of this machine; if meant, set "
                "socket.allow_any = true",
                "line 5: log.level: Invalid enum value 'loud'",
            ],
        ),
        ("[limits\n", ["line 1: is not TOML: "]),
    ],
    ids=["out of bounds", "unknown key", "two at once", "no TOML"],
)
def test_a_configuration_that_cannot_be_used_is_refused_with_line_key_and_reason(
    folder: Path, text: str, problems: list[str]
) -> None:
    config = folder / "identd.toml"
    config.write_text(text)
    code, said = _start_of(config)
    assert (code, len(said)) == (2, len(problems))
    assert os.listdir(folder) == ["identd.toml"], "nothing was begun"
    for line, problem in zip(said, problems, strict=True):
        assert line.removeprefix("identd: ").startswith(f"{config}: {problem}")


def test_a_configuration_that_is_absent_or_no_file_is_said(folder: Path) -> None:
    absent = folder / "absent.toml"
    assert _start_of(absent) == (2, [f"identd: {absent}: cannot be read: No such file or directory"])
    directory = folder / "a.toml"
    directory.mkdir()
    assert _start_of(directory) == (2, [f"identd: {directory}: cannot be read: Is a directory"])


def test_what_the_daemon_may_not_read_or_write_is_said(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    daemon.config.chmod(0)
    if os.access(daemon.config, os.R_OK):
        pytest.skip("root may read and write everything")
    assert _start_of(daemon.config) == (2, [f"identd: {daemon.config}: cannot be read: Permission denied"])
    daemon.config.chmod(0o600)
    state = Path(daemon.sections["state"]["directory"])
    state.mkdir()
    state.chmod(0o500)
    assert _start_of(daemon.config) == (1, [f"identd: {state}: Permission denied"])
    state.chmod(0o700)
    run = Path(daemon.unix).parent
    run.mkdir()
    run.chmod(0o500)
    assert _start_of(daemon.config) == (1, [f"identd: cannot listen on {daemon.unix}: Permission denied"])
    run.chmod(0o700)


def test_a_state_directory_that_is_a_file_is_said(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    state = Path(daemon.sections["state"]["directory"])
    state.write_text("")
    assert _start_of(daemon.config) == (1, [f"identd: {state}: File exists"])
    assert not Path(daemon.unix).exists()


def test_a_journal_of_another_version_is_not_overwritten(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    try:
        daemon.start("started").kill()
        (calls,) = Path(daemon.sections["state"]["directory"]).glob("calls.[0-9]*")
        body = b"\x91\x93\xa1f\x01\x63"  # the file's head, of version 99
        data = calls.read_bytes()
        calls.write_bytes(_block(body))
        code, (line,) = _start_of(daemon.config)
        assert code == 1
        assert line.startswith(f"identd: {calls}: written by another version of identd: ")
        calls.write_bytes(data)
        assert daemon.start("started").ask("ping")["op"] == "pong"
        assert daemon.stop() == 0
    finally:
        daemon.end()


def _block(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body


def test_a_key_that_cannot_be_used_is_said_without_being_shown(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    code, (line,) = _start_of(daemon.config, IDENTD_CREDENTIALS_KEY="not-a-key-but-secret")
    assert code == 2
    assert "IDENTD_CREDENTIALS_KEY" in line
    assert "secret" not in line


def test_the_socket_file_of_a_daemon_that_was_killed_is_taken_over(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    try:
        daemon.start("started").kill()
        assert Path(daemon.unix).is_socket()
        assert daemon.start("started").ask("ping")["op"] == "pong"
        assert daemon.stop() == 0
        assert not Path(daemon.unix).exists()
    finally:
        daemon.end()


def test_sockets_of_the_service_manager_are_served_instead_of_the_configured(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    path = str(folder / "manager.sock")
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind(path)
        unix.listen()
        process = _handed_over(daemon, [unix, tcp])
        try:
            eventually(lambda: " started " in daemon.log(), f"it starts:\n{daemon.log()}")
            daemon.unix, daemon.port = path, tcp.getsockname()[1]
            assert daemon.ask("ping")["op"] == "pong"
            with daemon.wire("tcp") as switch:
                assert switch.ask("ping")["code"] == "hello_required"
            assert not (daemon.folder / "run").exists()
        finally:
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0
        assert Path(path).is_socket(), "the manager's own, for the next start"


def _handed_over(daemon: DaemonProcess, sockets: list[socket.socket]) -> subprocess.Popen[bytes]:
    """Started as sd_listen_fds(3) says: the sockets from descriptor 3 on, and whom they are for."""
    fds = " ".join(f"{3 + place}<&{sock.fileno()}" for place, sock in enumerate(sockets))
    script = f'exec env LISTEN_PID=$$ LISTEN_FDS={len(sockets)} "$@" {fds}'
    with daemon.log_path.open("ab") as log:
        return subprocess.Popen(
            ["/bin/bash", "-c", script, "bash", str(IDENTD), "serve", "--config", str(daemon.config)],
            env={**os.environ, "IDENTD_DATABASE_DSN": NO_DATABASE},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[sock.fileno() for sock in sockets],
            cwd=daemon.folder,
        )


def test_something_else_than_a_listening_socket_of_the_service_manager_is_refused(folder: Path) -> None:
    daemon = DaemonProcess(folder / "d", NO_DATABASE)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = _handed_over(daemon, [theirs])
        try:
            assert process.wait(PATIENCE_SECONDS) == 1
        finally:
            process.kill()
    assert daemon.log() == "identd: file descriptor 3 from the service manager is no listening stream socket\n"
