"""UDP sockets: what was read is answered with one look at the journal before, and no sender can break the loop."""

import socket

import pytest

from identd.datagrams import DATAGRAM_BYTES, DATAGRAMS_MAX, DatagramSocket, bind_udp
from identd.endpoint import Endpoint
from identd.listener import ListenError


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", ""])
def test_the_source_is_told_packed_and_unwrapped(host: str):
    heard: list[tuple[bytes, bytes]] = []

    def receive(datagram: bytes, source: bytes, port: int, now: float) -> bytes | None:
        heard.append((datagram, source))
        return b"answer"

    with bind_udp(Endpoint(host, 0)) as sock, socket.socket(sock.family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.sendto(b"hello", (host or "::ffff:127.0.0.1", sock.getsockname()[1]))
        assert DatagramSocket(sock, "udp", receive).serve(0.0, lambda _: None, lambda _: None) == 1
        assert asker.recv(100) == b"answer"
        assert heard == [(b"hello", socket.inet_pton(sock.family, host) if host else bytes([127, 0, 0, 1]))]


def test_a_turn_ends_and_says_everything_after_the_journal():
    order: list[str] = []

    def receive(datagram: bytes, source: bytes, port: int, now: float) -> bytes | None:
        order.append("read")
        return datagram

    with bind_udp(Endpoint("127.0.0.1", 0)) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect(sock.getsockname())
        for _ in range(DATAGRAMS_MAX + 1):
            asker.send(b"x" * DATAGRAM_BYTES)
        served = DatagramSocket(sock, "udp", receive)
        assert served.serve(0.0, lambda _: order.append("journal"), lambda _: None) == DATAGRAMS_MAX
        assert order == ["read"] * DATAGRAMS_MAX + ["journal"]
        assert served.serve(0.0, lambda _: order.append("journal"), lambda _: None) == 1


@pytest.mark.parametrize(("bound", "asked"), [("0.0.0.0", "127.0.0.2"), ("", "127.0.0.3"), ("", "::1")])
def test_on_every_address_the_answer_leaves_from_the_one_that_was_asked(bound: str, asked: str):
    family = socket.AF_INET6 if ":" in asked else socket.AF_INET
    with bind_udp(Endpoint(bound, 0)) as sock, socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.connect((asked, sock.getsockname()[1]))  # a connected socket hears nobody else
        asker.send(b"hello")
        served = DatagramSocket(sock, "udp", lambda datagram, *_: datagram)
        assert served.serve(0.0, lambda _: None, lambda _: None) == 1
        assert asker.recv(100) == b"hello"


def test_what_gets_silence_is_no_answer():
    with bind_udp(Endpoint("127.0.0.1", 0)) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect(sock.getsockname())
        asker.send(b"hello")
        assert DatagramSocket(sock, "udp", lambda *_: None).serve(0.0, lambda _: None, lambda _: None) == 0


def test_an_answer_that_cannot_be_sent_costs_only_itself():
    with bind_udp(Endpoint("127.0.0.1", 0)) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.connect(sock.getsockname())
        asker.send(b"far too much")
        asker.send(b"short")
        served = DatagramSocket(sock, "udp", lambda datagram, *_: b"x" * 70_000 if b"far" in datagram else datagram)
        assert served.serve(0.0, lambda _: None, lambda _: None) == 2
        assert asker.recv(100) == b"short"


def test_a_port_that_is_taken_is_said():
    with bind_udp(Endpoint("127.0.0.1", 0)) as sock:
        taken = Endpoint("127.0.0.1", sock.getsockname()[1])
        with pytest.raises(ListenError, match="UDP"):
            bind_udp(taken)
