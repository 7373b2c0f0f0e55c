"""Listening sockets: opened with care on a Unix path or a TCP address, or handed over by the service manager."""

import fcntl
import os
import socket
from pathlib import Path

import msgspec

from identd.access import Peer, Transport
from identd.endpoint import Endpoint
from matcher.address import unwrapped

BACKLOG = 1024
"""Connections that wait to be accepted: a switch that restarts opens its whole pool at once."""


class ListenError(Exception):
    """A socket cannot be listened on; the text says which and why, for an operator."""


class Listener(msgspec.Struct, frozen=True):
    """A listening socket, non-blocking. `lock` holds the Unix path for this process; None for TCP."""

    transport: Transport
    sock: socket.socket
    name: str
    lock: int | None = None
    path: Path | None = None

    def close(self) -> None:
        """Stop listening, and leave no path behind."""
        self.sock.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self.lock is not None:
            os.close(self.lock)


def listen_unix(path: Path, mode: int) -> Listener:
    """Listen on a path that only this process may own: a lock beside it tells a stale socket from a live daemon.

    `mode` is who may connect. Raises ListenError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise ListenError(f"cannot listen on {path}: another identd is listening there") from error
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if path.is_socket():
            if _is_listened_on(path):
                sock.close()
                os.close(lock)
                raise ListenError(f"cannot listen on {path}: somebody is listening there")
            path.unlink()  # left by a daemon that was killed: its lock is gone with it
        umask = os.umask(0o777)  # nobody can connect before the mode is right
        try:
            sock.bind(str(path))
        finally:
            os.umask(umask)
        path.chmod(mode)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        os.close(lock)
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    return Listener("unix", sock, str(path), lock, path)


def _is_listened_on(path: Path) -> bool:
    """Whether anybody has this socket open, with or without our lock: the service manager holds ours without one.

    Only the kernel's word that nobody has makes it ours to remove; a socket that we may not connect to is somebody's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as caller:
        try:
            caller.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # its backlog is full, it is of another kind, or closed to us
            return True
    return True


def listen_tcp(endpoint: Endpoint, transport: Transport = "tcp") -> Listener:
    """Listen on an address and port; "" is every address, IPv4 and IPv6. `transport`: what is spoken over TCP there.

    Raises ListenError.
    """
    family = socket.AF_INET6 if not endpoint.host or ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not endpoint.host:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((endpoint.host, endpoint.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {endpoint}: {error.strerror}") from error
    return adopted(sock, transport)


def adopted(sock: socket.socket, transport: Transport = "tcp") -> Listener:
    """A socket that listens already, ours or the service manager's; `transport`: what is spoken on a TCP one."""
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        return Listener("unix", sock, str(sock.getsockname()))
    host, port = sock.getsockname()[:2]
    return Listener(transport, sock, str(Endpoint(host, port)))


def tune(sock: socket.socket, transport: Transport, keepalive_seconds: int) -> None:
    """Answers leave at once, and a TCP peer that vanished is noticed within some `keepalive_seconds` times four."""
    sock.setblocking(False)
    if transport != "unix":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, keepalive_seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, keepalive_seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def peer_of(transport: Transport, sockaddr: object) -> Peer:
    """Who connected, from what accept(2) told."""
    if transport == "unix" or not isinstance(sockaddr, tuple):
        return Peer("unix", "unix")
    host, port = str(sockaddr[0]), int(sockaddr[1])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host.partition("%")[0])
    return Peer(transport, str(Endpoint(host, port)), unwrapped(packed))
