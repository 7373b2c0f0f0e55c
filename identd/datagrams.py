"""One UDP socket of the daemon: read what lies there, answer each datagram, all sends after one look at the journal.

Shell: the meaning of a datagram is a function that is handed in and gives the answer or silence. Nothing here waits:
an answer that the kernel has no room for is dropped, as the network might have done, and its sender asks again.

An answer leaves from the address that was asked, which a socket on every address has to be told each time: a client
believes no other.
"""

import socket
from collections.abc import Callable
from struct import Struct as Layout

from identd.endpoint import Endpoint
from identd.listener import ListenError
from matcher.address import unwrapped

DATAGRAMS_MAX = 64  # read a turn from one socket: some 2 ms of answers, then others have theirs
DATAGRAM_BYTES = 4097  # one more than a RADIUS packet may have (RFC 2865 §3), so that a longer one is seen as such
RECEIVE_BUFFER_BYTES = 4_194_304
"""What waits while the thread is busy: some 10,000 packets. The kernel caps it at net.core.rmem_max."""

IP_PKTINFO = 8  # ip(7); Python 3.11 does not name it
_PKTINFO = Layout("=I4s4s")  # interface, our address, the address in the header
_PKTINFO6 = Layout("=16sI")  # our address, interface (RFC 3542 §6)
_TELL_WHERE = {
    socket.AF_INET: (socket.IPPROTO_IP, IP_PKTINFO),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO),
}
WHERE_BYTES = socket.CMSG_SPACE(_PKTINFO6.size)

Receive = Callable[[bytes, bytes, int, float], bytes | None]
"""(datagram, packed source address, source port, now) -> the answer, None for silence."""


Where = list[tuple[int, int, bytes]]
"""What recvmsg(2) tells beside the bytes, and sendmsg(2) takes: here which of our addresses was asked."""


class DatagramSocket:
    """A bound UDP socket, non-blocking, and what answers there. `name` is for logs."""

    __slots__ = ("_is_wildcard", "_receive", "name", "sock")

    def __init__(self, sock: socket.socket, name: str, receive: Receive) -> None:
        self.sock = sock
        self.name = name
        self._receive = receive
        self._is_wildcard = Endpoint(*sock.getsockname()[:2]).is_wildcard

    def serve(self, now: float, before_answers: Callable[[float], None], broke: Callable[[Exception], None]) -> int:
        """Answer what has arrived, `DATAGRAMS_MAX` at most; how many were answered.

        `before_answers` is called before the first answer leaves; `broke` is told of a bug, which costs one datagram.
        """
        answers: list[tuple[bytes, tuple[str, int], Where]] = []
        recvfrom, receive, packed, is_wildcard = self.sock.recvfrom, self._receive, _packed, self._is_wildcard
        asked_at: Where = []
        for _ in range(DATAGRAMS_MAX):
            try:
                if is_wildcard:
                    data, asked_at, _, sender = self.sock.recvmsg(DATAGRAM_BYTES, WHERE_BYTES)
                else:
                    data, sender = recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier send: it says nothing about what else lies here
                continue
            try:
                answer = receive(data, packed(sender[0]), sender[1], now)
            except Exception as error:  # the boundary of one datagram
                broke(error)
                continue
            if answer is not None:
                answers.append((answer, sender, asked_at))
        if answers:
            before_answers(now)
            sendto = self.sock.sendto
            for answer, sender, asked_at in answers:
                try:
                    if is_wildcard:
                        self.sock.sendmsg((answer,), _from(asked_at), 0, sender)
                    else:
                        sendto(answer, sender)
                except OSError:
                    continue  # no room, or no way back: as lost as any datagram may be
        return len(answers)


def bind_udp(endpoint: Endpoint) -> socket.socket:
    """Bind an address and port; "" is every address, IPv4 and IPv6. Raises ListenError.

    On every address the kernel tells for each datagram which one was asked.
    """
    family = socket.AF_INET6 if not endpoint.host or ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if not endpoint.host:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if endpoint.is_wildcard:
            sock.setsockopt(*_TELL_WHERE[family], 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.bind((endpoint.host, endpoint.port))
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {endpoint} (UDP): {error.strerror}") from error
    return sock


def _from(asked_at: Where) -> Where:
    """For sendmsg: from the address that was asked, by whatever interface leads back (unless it is link-local)."""
    told: Where = []
    for level, kind, where in asked_at:
        if level == socket.IPPROTO_IP:
            _, ours, _ = _PKTINFO.unpack(where)
            told.append((level, kind, _PKTINFO.pack(0, ours, ours)))
        else:
            ours, interface = _PKTINFO6.unpack(where)
            is_link_local = ours[0] == 0xFE and ours[1] & 0xC0 == 0x80
            told.append((level, kind, _PKTINFO6.pack(ours, interface if is_link_local else 0)))
    return told


def _packed(host: str) -> bytes:
    if ":" not in host:
        return socket.inet_pton(socket.AF_INET, host)
    return unwrapped(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]))
