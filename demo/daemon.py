"""Starting and ending the daemon, and the configuration that it and the console share."""

import contextlib
import os
import secrets
import socket as sockets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from demo.process import last_words, running
from protocol.client_blocking import BlockingClient
from protocol.errors import IdentdUnavailable
from protocol.messages import Status, StatusAnswer

READY_SECONDS_MAX = 60.0
SOCKET_PATH_BYTES_MAX = 107  # sizeof(sun_path) - 1 (unix(7))
CONSOLE_PORT = 8878  # as in config/identd.toml; another where that one is taken

CONFIGURATION = """\
# Written by bin/demo. The DSNs come from the environment (IDENTD_DATABASE_DSN, IDENTD_CONSOLE_DSN).
[state]
directory = {directory}

[socket]
unix = {socket}
tcp = ""

[metrics]
listen = ""

[credentials]
key_file = {key_file}

[console]
listen = "127.0.0.1:{port}"
"""


class DaemonFailedError(Exception):
    """The daemon ended or did not get ready; the text ends with its last words."""


def _quoted(path: Path) -> str:
    """A TOML basic string."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def configuration_of(folder: Path) -> Path:
    """Where the configuration is."""
    return folder / "identd.toml"


def write_configuration(folder: Path) -> Path:
    """Configuration and key in `folder`; the Unix socket's path. Raises `DaemonFailedError`."""
    socket, state, key_file = folder / "run" / "identd.sock", folder / "state", folder / "credentials.key"
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES_MAX:
        raise DaemonFailedError(f"the path {socket} is too long for a Unix socket: choose a shorter --state")
    for path in (socket.parent, state):
        path.mkdir(exist_ok=True)
    if not key_file.exists():  # with --state it stays, as what it has sealed does
        key_file.touch(0o600)
        key_file.write_text(secrets.token_hex(32))
    configuration_of(folder).write_text(
        CONFIGURATION.format(
            directory=_quoted(state), socket=_quoted(socket), key_file=_quoted(key_file), port=_console_port()
        )
    )
    return socket


def _console_port() -> int:
    for port in (CONSOLE_PORT, 0):
        with sockets.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DaemonFailedError("no TCP port of 127.0.0.1 is free for the console")


@contextlib.contextmanager
def running_daemon(folder: Path, dsn: str) -> Iterator[BlockingClient]:
    """The daemon with its files in `folder` (configuration, socket, state, log), ready; a client on its Unix socket.

    Must be entered on a thread that outlives it. Raises `DaemonFailedError`.
    """
    socket = write_configuration(folder)
    log = folder / "identd.log"
    command = ("serve", "--config", configuration_of(folder))
    with (
        running(command, {"IDENTD_DATABASE_DSN": dsn}, log) as daemon,
        BlockingClient(str(socket), connect_seconds=0.2, timeout=10.0) as client,
    ):
        _await_ready(client, daemon, log)
        yield client


def _await_ready(client: BlockingClient, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and daemon.poll() is None:
        with contextlib.suppress(IdentdUnavailable):
            answer = client.call(Status(id=client.next_id()))
            if isinstance(answer, StatusAnswer) and answer.ready:
                return
        time.sleep(0.05)
    how = "did not get ready" if daemon.poll() is None else f"ended with status {daemon.returncode}"
    raise DaemonFailedError(f"the daemon {how}; the end of {log}:\n{last_words(log)}")
