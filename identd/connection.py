"""One accepted socket: what was read goes to the session, what it answers goes out, and nothing waits.

Takes one read's worth a turn and answers all of it with one write. Before that, `before_answers` puts what happened
on disk, so no peer hears of what a crash could forget. A peer that does not read is not read from either: its answers
wait here up to a bound, and then its requests wait in its own kernel.
"""

import socket
from collections.abc import Callable
from typing import Literal

from identd.session import Session

READ_BYTES = 65_536
"""One read: some 400 pipelined requests, 5 ms of work, before the next connection has its turn."""

LINGER_BYTES_MAX = 1_048_576
"""What a peer that we close on may still send. Closing with unread bytes resets the connection, and a reset can
overtake the error that says why."""

Wants = Literal["read", "write", "both"]


class Connection:
    """A socket and its session. `wants` is what the poller should wake it for; `over`: close it now."""

    __slots__ = (
        "_answers_waiting",
        "_before_answers",
        "_in_flight_max",
        "_lingered",
        "_out",
        "_output_bytes_max",
        "blocked_since",
        "heard_at",
        "lingering_since",
        "opened_at",
        "over",
        "partial_since",
        "session",
        "sock",
        "wants",
    )

    def __init__(
        self,
        sock: socket.socket,
        session: Session,
        now: float,
        in_flight_max: int,
        output_bytes_max: int,
        before_answers: Callable[[float], None],
    ) -> None:
        self._before_answers = before_answers
        self.sock = sock
        self.session = session
        self.opened_at = now
        self.heard_at = now
        self.partial_since: float | None = None
        self.blocked_since: float | None = None
        self.lingering_since: float | None = None
        self.wants: Wants = "read"
        self.over = False
        self._in_flight_max = in_flight_max
        self._output_bytes_max = output_bytes_max
        self._out = bytearray()
        self._answers_waiting = 0
        self._lingered = 0

    def was_deaf(self, seconds: float) -> None:
        """The daemon could not hear for so long: what the peer has to answer for began that much later."""
        self.opened_at += seconds
        self.heard_at += seconds
        if self.partial_since is not None:
            self.partial_since += seconds
        if self.blocked_since is not None:
            self.blocked_since += seconds
        if self.lingering_since is not None:
            self.lingering_since += seconds

    def readable(self, now: float) -> None:
        """Take one read's worth in and answer it. Raises OSError where the peer is gone."""
        data = self.sock.recv(READ_BYTES)
        if not data:
            if self.lingering_since is None and (self._out or self.session.waiting):
                self.wants = "write"  # it has said all and is owed answers; its end is read again after them
            else:
                self.over = True
            return
        if self.lingering_since is not None:
            self._lingered += len(data)
            self.over = self._lingered > LINGER_BYTES_MAX
            return
        self._answer(data, now)

    def writable(self, now: float) -> None:
        """Send on, and answer on what waited for its turn. Raises OSError where the peer is gone."""
        self._send(b"", 0, now)
        if self.session.waiting and not self._out:
            self._answer(b"", now)
        elif self.session.closing and not self._out:
            self._linger(now)

    def say_last(self, data: bytes, now: float) -> None:
        """Send this and close, as far as the peer still takes it."""
        self.session.closing = True
        try:
            self._send(data, 1, now)
        except OSError:
            self.over = True
            return
        if not self._out:
            self._linger(now)

    def _answer(self, data: bytes, now: float) -> None:
        session = self.session
        self.heard_at = now
        answered_before = session.answered
        answers = session.receive(data, now)
        if not session.partial:
            self.partial_since = None
        elif answers or self.partial_since is None:
            self.partial_since = now
        if answers:
            self._before_answers(now)
            self._send(answers, session.answered - answered_before, now)
        if session.closing and not self._out:
            self._linger(now)

    def _send(self, data: bytes, answers: int, now: float) -> None:
        out = self._out
        if out:
            out += data
            data = out  # type: ignore[assignment]  # send takes any buffer
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            if out:
                out.clear()
                self._answers_waiting = 0
            self.blocked_since = None
            self.wants = "write" if self.session.waiting else "read"  # a socket with room wakes us at once
            return
        if data is out:
            del out[:sent]
        else:
            out += memoryview(data)[sent:]
        self._answers_waiting += answers
        if sent or self.blocked_since is None:
            self.blocked_since = now
        full = self._answers_waiting >= self._in_flight_max or len(out) >= self._output_bytes_max
        self.wants = "write" if full or self.session.closing or self.session.waiting else "both"

    def _linger(self, now: float) -> None:
        """Everything is said: tell the peer, and wait for it to close so that our last answer is not reset away."""
        self.lingering_since = now
        self.wants = "read"
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.over = True
