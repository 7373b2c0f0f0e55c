"""The service manager: says how we are (sd_notify), shows that we live (watchdog), takes its sockets (activation).

Each does nothing where the environment does not ask for it, so the daemon runs the same without systemd. The
protocols are sd_notify(3) and sd_listen_fds(3): a datagram and three variables, less than a library would be.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping

import trio

FIRST_FD = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
LISTEN_FDS_MAX = 16


class ActivationError(Exception):
    """The service manager handed over something that cannot be served."""


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send one state (`READY=1`, `STOPPING=1`, …); whether anybody was there to be told. Never raises."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address or address[0] not in "/@":
        return False
    if address[0] == "@":  # an abstract name begins with NUL
        address = "\0" + address[1:]
    # a manager that is away, or no file free for a socket, must not stop a daemon that works
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
    ):
        sock.setblocking(False)
        sock.sendto(state.encode(), address)
        return True
    return False


def notify_reloading(
    environ: Mapping[str, str] = os.environ, monotonic_ns: Callable[[], int] = time.monotonic_ns
) -> bool:
    """Say that a reload begins; `READY=1` ends it. As `notify`.

    sd_notify(3) wants the moment with it, in microseconds of CLOCK_MONOTONIC: a manager that asked for the reload
    (`Type=notify-reload`) must know that this answers its signal and not an earlier one.
    """
    return notify(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}", environ)


def watchdog_seconds(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """How often to show that we live: half of what the manager waits. None where it does not wait for us."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isascii() or not microseconds.isdigit() or not int(microseconds):
        return None
    wanted = environ.get("WATCHDOG_PID", "")
    if wanted and wanted != str(os.getpid() if pid is None else pid):
        return None
    return int(microseconds) / 2_000_000


async def keep_watchdog(environ: Mapping[str, str] = os.environ) -> None:
    """Show that the loop that answers calls turns; forever, or not at all."""
    seconds = watchdog_seconds(environ)
    while seconds is not None:
        notify("WATCHDOG=1", environ)
        await trio.sleep(seconds)


def inherited_sockets(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> list[socket.socket]:
    """Listening stream sockets that the manager opened for us, in its order. Raises `ActivationError`."""
    if environ.get("LISTEN_PID", "") != str(os.getpid() if pid is None else pid):
        return []
    count = environ.get("LISTEN_FDS", "")
    if not count.isascii() or not count.isdigit() or int(count) > LISTEN_FDS_MAX:
        raise ActivationError(f"LISTEN_FDS is {count!r}: a number up to {LISTEN_FDS_MAX} is expected")
    sockets = []
    for fd in range(FIRST_FD, FIRST_FD + int(count)):
        try:
            sock = socket.socket(fileno=fd)
        except OSError as error:
            raise ActivationError(f"file descriptor {fd} from the service manager: {error.strerror}") from error
        stream = sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if sock.family not in {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX} or not stream:
            raise ActivationError(f"file descriptor {fd} from the service manager is no listening stream socket")
        sock.set_inheritable(False)
        sockets.append(sock)
    return sockets
