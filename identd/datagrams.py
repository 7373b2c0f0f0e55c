"""One UDP socket of the daemon: read what lies there, answer each datagram, all sends after one look at the journal.

Shell: the meaning of a datagram is a function that is handed in and gives the answer or silence. Nothing here waits:
an answer that the kernel has no room for is dropped, as the network might have done, and its sender asks again.
"""

import socket
from collections.abc import Callable

import msgspec

from identd.endpoint import Endpoint
from identd.listener import ListenError
from matcher.address import unwrapped

DATAGRAMS_MAX = 64  # read a turn from one socket: some 2 ms of answers, then others have theirs
DATAGRAM_BYTES = 4097  # one more than a RADIUS packet may have (RFC 2865 §3), so that a longer one is seen as such
RECEIVE_BUFFER_BYTES = 4_194_304
"""What waits while the thread is busy: some 10,000 packets. The kernel caps it at net.core.rmem_max."""

Receive = Callable[[bytes, bytes, int, float], bytes | None]
"""(datagram, packed source address, source port, now) -> the answer, None for silence."""


class DatagramSocket(msgspec.Struct, frozen=True):
    """A bound UDP socket, non-blocking, and what answers there. `name` is for logs."""

    sock: socket.socket
    name: str
    receive: Receive

    def serve(self, now: float, before_answers: Callable[[float], None], broke: Callable[[Exception], None]) -> int:
        """Answer what has arrived, `DATAGRAMS_MAX` at most; how many were read.

        `before_answers` is called before the first answer leaves; `broke` is told of a bug, which costs one datagram.
        """
        answers: list[tuple[bytes, tuple[str, int]]] = []
        read = 0
        recvfrom, receive, packed = self.sock.recvfrom, self.receive, _packed
        for _ in range(DATAGRAMS_MAX):
            try:
                data, sender = recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier send: it says nothing about what else lies here
                continue
            read += 1
            try:
                answer = receive(data, packed(sender[0]), sender[1], now)
            except Exception as error:  # the boundary of one datagram
                broke(error)
                continue
            if answer is not None:
                answers.append((answer, sender))
        if answers:
            before_answers(now)
            sendto = self.sock.sendto
            for answer, sender in answers:
                try:
                    sendto(answer, sender)
                except OSError:
                    continue  # no room, or no way back: as lost as any datagram may be
        return read


def bind_udp(endpoint: Endpoint) -> socket.socket:
    """Bind an address and port; "" is every address, IPv4 and IPv6. Raises ListenError."""
    family = socket.AF_INET6 if not endpoint.host or ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if not endpoint.host:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.bind((endpoint.host, endpoint.port))
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {endpoint} (UDP): {error.strerror}") from error
    return sock


def _packed(host: str) -> bytes:
    if ":" not in host:
        return socket.inet_pton(socket.AF_INET, host)
    return unwrapped(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]))
