"""A daemon of the smallest kind, on real sockets and with the real codec, for tests of the clients.

It welcomes, pongs, tells its status and refuses every `identify`. It can be told to be rude: to close after so
many requests, or to say nothing, and `answer_to` may be another function.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protocol.connection import RequestError, ServerConnection
from protocol.messages import (
    AnyAnswer,
    AnyRequest,
    DecisionAnswer,
    ErrorAnswer,
    Hello,
    HelloAnswer,
    Identify,
    Ping,
    PongAnswer,
)


class SmallDaemon:
    """`heard`: every request, in order. `close_after`: requests of a connection until it is closed unanswered."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.heard: list[AnyRequest] = []
        self.connections = 0
        self.close_after: list[int] = []
        self.silent = False
        self.answer_to: Callable[[AnyRequest], AnyAnswer] = answer_to
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, peer: socket.socket) -> None:
        connection = ServerConnection()
        left = self.close_after.pop(0) if self.close_after else None
        with peer:
            while True:
                try:
                    data = peer.recv(65_536)
                except OSError:
                    return
                if not data:
                    return
                for event in connection.receive_data(data, now=0.0):
                    if left is not None:
                        if left == 0:
                            return
                        left -= 1
                    if isinstance(event, RequestError):
                        peer.sendall(connection.send(event.answer()))
                        continue
                    self.heard.append(event)
                    if not self.silent or isinstance(event, Hello):
                        peer.sendall(connection.send(self.answer_to(event)))

    def stop(self) -> None:
        for open_socket in (self.listener, *self._open):
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self._threads:
            thread.join(5)


def answer_to(request: AnyRequest) -> AnyAnswer:
    match request:
        case Hello(gateway="stranger"):
            return ErrorAnswer(
                id=request.id, op="error", code="forbidden", field="gateway", message="unknown gateway"
            )
        case Hello():
            return HelloAnswer(
                id=request.id,
                op="hello",
                version=1,
                server="small 1",
                gateway=request.gateway,
                ready=True,
                generation=1,
                reserve_seconds=120,
                active_seconds=14400,
            )
        case Ping():
            return PongAnswer(id=request.id, op="pong")
        case Identify():
            return DecisionAnswer(
                id=request.id,
                op="identify",
                decision="refuse",
                reason="unknown_source",
                dnis=request.dnis,
                generation=1,
            )
        case _:
            return ErrorAnswer(id=request.id, op="error", code="internal", message="too small for that")


@contextmanager
def small_daemon(address: Path | tuple[str, int]) -> Iterator[SmallDaemon]:
    """A `SmallDaemon` that listens there until the block ends. Port 0 takes a free one."""
    if isinstance(address, Path):
        address.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(address))
        listener.listen()
    else:
        listener = socket.create_server(address)
    daemon = SmallDaemon(listener)
    accepting = threading.Thread(target=daemon.accept)
    accepting.start()
    try:
        yield daemon
    finally:
        daemon.stop()
        accepting.join(5)
