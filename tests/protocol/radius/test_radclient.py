"""FreeRADIUS's own client asks, and verifies what we answer. Where it is not installed there is nothing to see."""

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from protocol.radius.answer import answer
from protocol.radius.attribute import USER_PASSWORD, attribute, vendor_attribute
from protocol.radius.authenticator import MessageAuthenticator, check_accounting, check_message_authenticator
from protocol.radius.packet import Code, Packet, decode
from protocol.radius.passwords import reveal
from protocol.radius.secret import Secret

SECRET = Secret(b"testing123")

pytestmark = pytest.mark.skipif(shutil.which("radclient") is None, reason="no radclient (Debian: freeradius-utils)")


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield sock


def asked(door: socket.socket, command: str, request: str, code: Code, secret: Secret = SECRET) -> tuple[Packet, str]:
    """What radclient sent, and what it says to our answer."""
    host, port = door.getsockname()
    radclient = subprocess.Popen(
        ["radclient", "-x", "-r", "1", "-t", "2", f"{host}:{port}", command, "testing123"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert radclient.stdin is not None
        radclient.stdin.write(request)
        radclient.stdin.close()
        datagram, peer = door.recvfrom(4096)
        packet = decode(datagram)
        said = vendor_attribute(9, 1, b"account=alpha") + attribute(18, b"hello")
        door.sendto(answer(code, packet, said, secret), peer)
        assert radclient.stdout is not None
        return packet, radclient.stdout.read()
    finally:
        radclient.kill()
        radclient.wait()
        assert radclient.stdout is not None
        radclient.stdout.close()


REQUESTS = [
    ("auth", "User-Name=rose, Proxy-State=0x7031, Message-Authenticator=0x00", Code.ACCESS_ACCEPT, "Access-Accept"),
    ("auth", "User-Name=rose, Proxy-State=0x7031, Message-Authenticator=0x00", Code.ACCESS_REJECT, "Access-Reject"),
    ("acct", "Acct-Status-Type=Start, Acct-Session-Id=a1, Proxy-State=0x7031, Message-Authenticator=0x00",
     Code.ACCOUNTING_RESPONSE, "Accounting-Response"),
    ("status", "Proxy-State=0x7031, Message-Authenticator=0x00", Code.ACCESS_ACCEPT, "Access-Accept"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "request_", "code", "name"), REQUESTS)
def test_radclient_takes_our_answer(door: socket.socket, command: str, request_: str, code: Code, name: str) -> None:
    packet, said = asked(door, command, request_, code)
    assert check_message_authenticator(packet, SECRET) is MessageAuthenticator.GOOD
    assert check_accounting(packet, SECRET) is (command == "acct")
    assert f"Received {name}" in said
    assert 'Cisco-AVPair = "account=alpha"' in said
    assert "Proxy-State = 0x7031" in said


def test_radclient_does_not_take_an_answer_under_another_secret(door: socket.socket) -> None:
    _, said = asked(door, "auth", "User-Name=rose, Message-Authenticator=0x00", Code.ACCESS_ACCEPT, Secret(b"other"))
    assert "Received Access-Accept" not in said


def test_radclients_password_is_revealed(door: socket.socket) -> None:
    packet, _ = asked(door, "auth", 'User-Name=rose, User-Password="correct horse battery"', Code.ACCESS_ACCEPT)
    assert reveal(packet.firsts[USER_PASSWORD], SECRET, packet.authenticator) == b"correct horse battery"
