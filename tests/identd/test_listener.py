"""Real listening sockets: who may connect, who owns the path, what is said when it cannot be had."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from identd.access import Peer
from identd.endpoint import Endpoint
from identd.listener import Listener, ListenError, adopted, listen_tcp, listen_unix, peer_of, tune
from matcher.address import canonical_address

LISTENS_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from identd.listener import listen_unix
listener = listen_unix(Path(sys.argv[1]), 0o600)
print("listening", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's path, short enough, in a folder that is not there yet."""
    with tempfile.TemporaryDirectory(prefix="identd-") as name:
        yield Path(name) / "run" / "identd.sock"


def _met(listener: Listener, address: str | tuple[str, int], family: int) -> tuple[socket.socket, object, str]:
    """The accepted end, what accept(2) told, and the name that the caller has for itself."""
    with socket.socket(family) as caller:
        caller.settimeout(5)
        caller.connect(address)
        listener.sock.setblocking(True)
        sock, sockaddr = listener.sock.accept()
        return sock, sockaddr, str(caller.getsockname()[1]) if family != socket.AF_UNIX else ""


@pytest.mark.parametrize("mode", [0o660, 0o600, 0o666])
def test_the_mode_of_the_unix_socket_says_who_may_connect_whatever_the_umask(path: Path, mode: int) -> None:
    before = os.umask(0o027)
    try:
        listener = listen_unix(path, mode)
        assert os.umask(0o027) == 0o027, "the umask is the process's, and is given back"
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert stat.S_IMODE(Path(f"{path}.lock").stat().st_mode) == 0o600
    sock, sockaddr, _ = _met(listener, str(path), socket.AF_UNIX)
    assert peer_of("unix", sockaddr) == Peer("unix", "unix")
    sock.close()
    listener.close()
    assert not path.exists()


def test_a_path_on_which_a_daemon_listens_is_refused_and_it_listens_on(path: Path) -> None:
    first = listen_unix(path, 0o600)
    with pytest.raises(ListenError, match=f"^cannot listen on {path}: another identd is listening there$"):
        listen_unix(path, 0o600)
    _met(first, str(path), socket.AF_UNIX)[0].close()
    first.close()
    listen_unix(path, 0o600).close()


def test_the_socket_of_a_daemon_that_was_killed_is_taken_over(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTENS_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "listening\n"
            with pytest.raises(ListenError, match="another identd"):
                listen_unix(path, 0o600)
        finally:
            other.send_signal(signal.SIGKILL)
    assert path.is_socket(), "nobody has cleared up"
    listener = listen_unix(path, 0o600)
    _met(listener, str(path), socket.AF_UNIX)[0].close()
    listener.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_path_on_which_somebody_listens_without_our_lock_is_refused(path: Path, kind: int) -> None:
    """The service manager, another program: a socket handed over to an identd has no lock beside it."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, kind) as theirs:
        theirs.bind(str(path))
        if kind == socket.SOCK_STREAM:
            theirs.listen(1)
        before = path.stat().st_ino
        for _ in range(4):  # more often than its backlog holds
            with pytest.raises(ListenError, match=f"^cannot listen on {path}: somebody is listening there$"):
                listen_unix(path, 0o600)
        assert path.stat().st_ino == before


def test_a_file_that_is_no_socket_is_not_ours_to_remove(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ListenError, match=f"^cannot listen on {path}: Address already in use$"):
        listen_unix(path, 0o600)
    assert path.read_text() == "precious"
    path.unlink()
    listen_unix(path, 0o600).close()  # the lock was given back


def test_a_path_whose_folder_cannot_be_made_is_said(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(ListenError, match=f"^cannot listen on {path}: "):
        listen_unix(path, 0o600)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", ""])
def test_a_port_in_use_is_refused_with_its_name(host: str) -> None:
    first = listen_tcp(Endpoint(host, 0))
    port = first.sock.getsockname()[1]
    with pytest.raises(ListenError) as raised:
        listen_tcp(Endpoint(host, port))
    assert str(raised.value) == f"cannot listen on {Endpoint(host, port)}: Address already in use"
    first.close()
    listen_tcp(Endpoint(host, port)).close()


def test_an_address_that_is_not_this_machine_s_is_refused() -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on 192\.0\.2\.1:7878: "):
        listen_tcp(Endpoint("192.0.2.1", 7878))


@pytest.mark.parametrize(
    ("host", "dials", "seen"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("::1", "::1", "::1"),
        ("", "::1", "::1"),
        ("", "127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_a_tcp_peer_is_known_by_its_canonical_address(host: str, dials: str, seen: str) -> None:
    listener = listen_tcp(Endpoint(host, 0))
    assert listener.transport == "tcp"
    family = socket.AF_INET6 if ":" in dials else socket.AF_INET
    sock, sockaddr, port = _met(listener, (dials, listener.sock.getsockname()[1]), family)
    peer = peer_of(listener.transport, sockaddr)
    assert peer == Peer("tcp", str(Endpoint(seen, int(port))), canonical_address(dials))
    assert peer.is_local
    sock.close()
    listener.close()


@pytest.mark.parametrize(
    ("sockaddr", "name", "address"),
    [
        (("192.0.2.7", 40000), "192.0.2.7:40000", "192.0.2.7"),
        (("2001:db8::7", 40000, 0, 0), "[2001:db8::7]:40000", "2001:db8::7"),
        (("::ffff:192.0.2.7", 40000, 0, 0), "[::ffff:192.0.2.7]:40000", "192.0.2.7"),
        (("fe80::7%eth0", 40000, 0, 2), "[fe80::7%eth0]:40000", "fe80::7"),
    ],
)
def test_a_peer_elsewhere_is_known_too(sockaddr: object, name: str, address: str) -> None:
    peer = peer_of("tcp", sockaddr)
    assert (peer.name, peer.address) == (name, canonical_address(address))
    assert not peer.is_local


def test_answers_leave_at_once_and_a_peer_that_vanished_is_noticed() -> None:
    listener = listen_tcp(Endpoint("127.0.0.1", 0))
    sock, _, _ = _met(listener, listener.sock.getsockname(), socket.AF_INET)
    with sock:
        tune(sock, "tcp", 7)
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [7, 7, 3]
    listener.close()


def test_a_socket_of_the_service_manager_is_served_and_its_path_left_to_it(path: Path) -> None:
    path.parent.mkdir()
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    listener = adopted(sock)
    assert (listener.transport, listener.name, listener.sock.getblocking()) == ("unix", str(path), False)
    listener.close()
    assert path.is_socket()
