"""Starting and ending the daemon as its own process, as an operator's service manager would."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from protocol.client_blocking import BlockingClient
from protocol.errors import IdentdUnavailable
from protocol.messages import Status, StatusAnswer

READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0  # the drain of config/identd.toml and a margin
SOCKET_PATH_BYTES_MAX = 107  # sizeof(sun_path) - 1 (unix(7))
PR_SET_PDEATHSIG = 1  # prctl(2)

CONFIGURATION = """\
# Written by bin/demo. The DSN comes from the environment (IDENTD_DATABASE_DSN).
[state]
directory = {directory}

[socket]
unix = {socket}
tcp = ""

[metrics]
listen = ""
"""


class DaemonFailedError(Exception):
    """The daemon ended or did not get ready; the text ends with its last words."""


def _quoted(path: Path) -> str:
    """A TOML basic string."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _end_with_parent() -> None:
    """In the child: SIGTERM when the thread that started us ends, so that a killed demo leaves no daemon behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def running_daemon(folder: Path, dsn: str) -> Iterator[BlockingClient]:
    """The daemon with its files in `folder` (configuration, socket, state, log), ready; a client on its Unix socket.

    Must be entered on a thread that outlives it. Raises `DaemonFailedError`.
    """
    socket = folder / "run" / "identd.sock"
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES_MAX:
        raise DaemonFailedError(f"the path {socket} is too long for a Unix socket: choose a shorter --state")
    state = folder / "state"
    for path in (socket.parent, state):
        path.mkdir(exist_ok=True)
    configuration = folder / "identd.toml"
    configuration.write_text(CONFIGURATION.format(directory=_quoted(state), socket=_quoted(socket)))
    log = folder / "identd.log"
    with log.open("ab") as output:
        daemon = subprocess.Popen(  # noqa: S603
            [Path(sys.executable).with_name("identd"), "serve", "--config", configuration],
            env={**os.environ, "IDENTD_DATABASE_DSN": dsn},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the demo; it then stops the daemon in good order
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has no other thread
        )
    try:
        with BlockingClient(str(socket), connect_seconds=0.2, timeout=10.0) as client:
            _await_ready(client, daemon, log)
            yield client
    finally:
        daemon.terminate()
        try:
            daemon.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _await_ready(client: BlockingClient, daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and daemon.poll() is None:
        with contextlib.suppress(IdentdUnavailable):
            answer = client.call(Status(id=client.next_id()))
            if isinstance(answer, StatusAnswer) and answer.ready:
                return
        time.sleep(0.05)
    how = "did not get ready" if daemon.poll() is None else f"ended with status {daemon.returncode}"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise DaemonFailedError(f"the daemon {how}; the end of {log}:\n{tail}")
