"""The doors that switches knock on: every socket, of whatever protocol, served by one trio task.

A task a connection would cost trio some 20 µs a wake-up, twice what a whole call costs. So all sockets lie in one
epoll of ours, that epoll is the one thing trio waits for, and once woken we stay for as long as something arrives.
Nothing here waits for a peer: a slow one's answers lie in its `Connection`. Each connection is its own boundary:
what goes wrong in one is logged, costs that one, and the next is served.
"""

import contextlib
import errno
import select
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import trio

from identd.access import Peer
from identd.clock import Clock
from identd.connection import Connection
from identd.datagrams import DatagramSocket
from identd.listener import Listener, peer_of, tune
from identd.session import Session
from identd.settings import Limits

EVENTS_MAX = 256  # sockets served a turn; others get the thread back after some milliseconds at most
ACCEPTS_MAX = 64  # connections taken a turn from one listener
STAY_SECONDS = 0.002  # served without a look at other tasks; a loader's update or a scrape can wait that long
WAIT_SECONDS = 0.001  # the shortest wait that epoll knows
SWEEP_SECONDS = 0.25  # how late a deadline may be noticed
ACCEPT_PAUSE_SECONDS = 1.0  # without a free file descriptor, trying again at once would spin
SPARE_CONNECTIONS = 16  # on the Unix socket beyond the bound: whoever has to see what fills it gets in
LINGER_SECONDS = 1.0  # how long a peer has to take our last answer and close

_POLL = {"read": select.EPOLLIN, "write": select.EPOLLOUT, "both": select.EPOLLIN | select.EPOLLOUT}
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class ServerObserver(Protocol):
    """Who is told what happens at the doors."""

    def connected(self, transport: str) -> None:
        """A connection is served."""

    def turned_away(self, bound: str) -> None:
        """A connection was closed unserved, because of this bound."""

    def closed(self, peer: Peer, reason: str) -> None:
        """We closed a connection, and not because its peer had."""

    def broke(self, peer: Peer, error: Exception) -> None:
        """A bug: a connection's handling raised."""

    def took(self, seconds: float, decisions: int) -> None:
        """One turn was answered, so many requests, so long each."""

    def datagram_broke(self, listener: str, error: Exception) -> None:
        """A bug: a datagram's handling raised."""

    def cannot_accept(self, listener: str, error: OSError) -> None:
        """The process has no room for another connection."""


class Server:
    """All connections and datagrams. `run` until cancelled.

    `before_answers` is called before answers leave, `when_idle` when nobody waits for one, or after a long stay.
    """

    __slots__ = (
        "_before_answers",
        "_clock",
        "_connections",
        "_datagrams",
        "_epoll",
        "_listeners",
        "_make_session",
        "_observer",
        "_paused_until",
        "_per_address",
        "_when_idle",
        "_when_over",
        "limits",
    )

    def __init__(
        self,
        listeners: Iterable[Listener],
        make_session: Callable[[Peer], Session],
        limits: Limits,
        clock: Clock,
        observer: ServerObserver,
        before_answers: Callable[[float], None],
        when_idle: Callable[[float], None],
        datagrams: Iterable[DatagramSocket] = (),
    ) -> None:
        self._epoll = select.epoll()
        self._datagrams = {each.sock.fileno(): each for each in datagrams}
        self._when_over: dict[int, Callable[[], None]] = {}
        self._listeners = {listener.sock.fileno(): listener for listener in listeners}
        self._connections: dict[int, Connection] = {}
        self._per_address: Counter[bytes] = Counter()
        self._make_session = make_session
        self._clock = clock
        self._observer = observer
        self._before_answers = before_answers
        self._when_idle = when_idle
        self._paused_until = 0.0
        self.limits = limits
        for fd in (*self._listeners, *self._datagrams):
            self._epoll.register(fd, select.EPOLLIN)

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def may_hear(self) -> bool:
        """Whether anything may still be asked: a connection is open, or datagrams can come."""
        return bool(self._connections or self._datagrams)

    async def run(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep_forever)
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                self._stay()

    def _stay(self) -> None:
        """Serve turn after turn while there is something to serve, `STAY_SECONDS` at most.

        Going back to trio for every turn would cost more than most turns do, so between two of them a busy server
        waits here, `WAIT_SECONDS` at most: that much later may another task run, and no call waits for it.
        """
        began = now = self._clock.look()
        while now - began < STAY_SECONDS:
            events = self._epoll.poll(0, EVENTS_MAX)
            if not events:
                self._when_idle(now)
                events = self._epoll.poll(WAIT_SECONDS, EVENTS_MAX)
                if not events:
                    return
            now = self._clock.look()
            self._turn(events, now)
        self._when_idle(now)

    def _turn(self, events: Iterable[tuple[int, int]], now: float) -> None:
        """Answer what has arrived on these sockets, one read of each."""
        answered = 0
        for fd, event in events:
            connection = self._connections.get(fd)
            if connection is None:
                if (datagrams := self._datagrams.get(fd)) is not None:
                    answered += self._serve_datagrams(datagrams, now)
                elif (listener := self._listeners.get(fd)) is not None:
                    self._accept(listener, now)
                continue
            before = connection.session.answered
            self._serve(fd, connection, event, now)
            answered += connection.session.answered - before
        if answered:
            self._observer.took((self._clock.now() - now) / answered, answered)

    def was_deaf(self, seconds: float) -> None:
        """The daemon could not hear for so long: no peer's deadline pays for it."""
        for connection in self._connections.values():
            connection.was_deaf(seconds)

    def stop_listening(self) -> None:
        """Take no new connection; those that are there are served on."""
        for fd, listener in self._listeners.items():
            self._unregister(fd)
            listener.close()
        self._listeners.clear()

    def adopt(self, sock: socket.socket, session: Session, when_over: Callable[[], None]) -> None:
        """Serve a connection that we made ourselves; `when_over` is called once, when it is closed.

        Raises OSError where it is closed already.
        """
        tune(sock, session.peer.transport, self.limits.keepalive_seconds)
        self._serve_from_now(sock, session, self._clock.look())
        self._when_over[sock.fileno()] = when_over

    def close(self) -> None:
        """Close every socket at once."""
        self.stop_listening()
        for datagrams in self._datagrams.values():
            self._unregister(datagrams.sock.fileno())
            datagrams.sock.close()
        self._datagrams.clear()
        for fd in tuple(self._connections):
            self._drop(fd)
        self._epoll.close()

    def open_by_kind(self) -> Mapping[tuple[str, str], int]:
        """How many connections are open, by (transport, encoding)."""
        return Counter(
            (connection.session.peer.transport, connection.session.encoding or "unknown")
            for connection in self._connections.values()
        )

    def _serve(self, fd: int, connection: Connection, events: int, now: float) -> None:
        wanted = connection.wants
        try:
            if events & select.EPOLLOUT:
                connection.writable(now)
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and connection.wants != "write":
                connection.readable(now)
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                connection.over = True
        except OSError:
            connection.over = True  # the peer is gone; its calls are not
        except Exception as error:  # the boundary of one connection: a bug costs it, and is told
            self._observer.broke(connection.session.peer, error)
            connection.say_last(connection.session.broke(), now)
        if connection.over:
            self._drop(fd)
        elif connection.wants != wanted:
            self._epoll.modify(fd, _POLL[connection.wants])

    def _serve_datagrams(self, datagrams: DatagramSocket, now: float) -> int:
        return datagrams.serve(
            now, self._before_answers, lambda error: self._observer.datagram_broke(datagrams.name, error)
        )

    def _accept(self, listener: Listener, now: float) -> None:
        for _ in range(ACCEPTS_MAX):
            try:
                sock, sockaddr = listener.sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._observer.cannot_accept(listener.name, error)
                    self._paused_until = now + ACCEPT_PAUSE_SECONDS
                    self._unregister(listener.sock.fileno())
                return
            self._admit(listener, sock, sockaddr, now)

    def _admit(self, listener: Listener, sock: socket.socket, sockaddr: object, now: float) -> None:
        peer = peer_of(listener.transport, sockaddr)
        bound = self._bound_reached(peer)
        if bound is not None:
            self._observer.turned_away(bound)
            sock.close()
            return
        try:
            tune(sock, listener.transport, self.limits.keepalive_seconds)
        except OSError:  # gone before we looked
            sock.close()
            return
        self._serve_from_now(sock, self._make_session(peer), now)

    def _serve_from_now(self, sock: socket.socket, session: Session, now: float) -> None:
        limits, peer = self.limits, session.peer
        connection = Connection(
            sock, session, now, limits.in_flight_max, limits.output_bytes_max, self._before_answers
        )
        self._connections[sock.fileno()] = connection
        if peer.address is not None:
            self._per_address[peer.address] += 1
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._observer.connected(peer.transport)

    def _bound_reached(self, peer: Peer) -> str | None:
        spare = SPARE_CONNECTIONS if peer.transport == "unix" else 0
        if len(self._connections) >= self.limits.connections_max + spare:
            return "connections_max"
        if peer.address is not None and self._per_address[peer.address] >= self.limits.connections_per_address_max:
            return "connections_per_address_max"
        return None

    def _drop(self, fd: int) -> None:
        connection = self._connections.pop(fd)
        self._unregister(fd)
        connection.sock.close()
        address = connection.session.peer.address
        if address is not None:
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]
        if (when_over := self._when_over.pop(fd, None)) is not None:
            when_over()

    def _unregister(self, fd: int) -> None:
        with contextlib.suppress(FileNotFoundError):  # a listener that is paused
            self._epoll.unregister(fd)

    async def _sweep_forever(self) -> None:
        while True:
            await trio.sleep(SWEEP_SECONDS)
            self.sweep(self._clock.look())

    def sweep(self, now: float) -> None:
        """Close what has outstayed a deadline, and listen again where there was no room."""
        for fd, reason in tuple(self._overdue(now)):
            connection = self._connections[fd]
            if reason is not None:
                self._observer.closed(connection.session.peer, reason)
            self._drop(fd)
        if self._paused_until and now >= self._paused_until:
            self._paused_until = 0.0
            for fd in self._listeners:
                self._unregister(fd)
                self._epoll.register(fd, select.EPOLLIN)

    def _overdue(self, now: float) -> Iterator[tuple[int, str | None]]:
        limits = self.limits
        for fd, connection in self._connections.items():
            lingering, partial, blocked = (
                connection.lingering_since,
                connection.partial_since,
                connection.blocked_since,
            )
            if lingering is not None:
                if now - lingering > LINGER_SECONDS:
                    yield fd, None
            elif blocked is not None:
                if now - blocked > limits.write_seconds_max:
                    yield fd, "write_seconds_max"
            elif partial is not None and now - partial > limits.partial_frame_seconds_max:
                yield fd, "partial_frame_seconds_max"
            elif not connection.session.said_hello and now - connection.opened_at > limits.hello_seconds_max:
                yield fd, "hello_seconds_max"
            elif now - connection.heard_at > limits.idle_seconds_max and fd not in self._when_over:
                yield fd, "idle_seconds_max"
