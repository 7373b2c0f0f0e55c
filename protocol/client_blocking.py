"""The client for plain threads and scripts: a thin shell of stdlib sockets over `ClientConnection`."""

import random
import socket
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from protocol.backoff import delays
from protocol.client_connection import ClientConnection
from protocol.client_settings import OUTSTANDING_MAX, READ_BYTES, ClientSettings, ConnectionLost, granted
from protocol.errors import IdentdUnavailable
from protocol.messages import AnyAnswer, AnyRequest


class BlockingClient(ClientSettings):
    """A client for plain threads; one thread at a time. A context manager; connects when first needed.

    with BlockingClient("run/identd.sock", gateway="gw1") as client:
        answer = client.call(Identify(id=client.next_id(), ip="192.0.2.1", dnis="4420712345"))
    """

    _socket: socket.socket | None = None
    _connection: ClientConnection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and say hello now rather than with the first request."""
        self._connected(time.monotonic() + self.timeout)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def call(self, request: AnyRequest, timeout: float | None = None) -> AnyAnswer:
        """Ask and wait for the answer, `timeout` seconds at most.

        Raises `RequestRefused` for an error answer and `IdentdUnavailable` where there is no answer.
        """
        return granted(self.call_many((request,), timeout)[0])

    def call_many(self, requests: Sequence[AnyRequest], timeout: float | None = None) -> list[AnyAnswer]:
        """Ask all, pipelined; the answers in the order of the requests, error answers among them.

        `timeout` counts for all together.
        """
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        answers: list[AnyAnswer] = []
        fresh = self._socket is None
        while True:
            opened = self._connected(deadline)
            answered_before = len(answers)
            try:
                self._exchange(opened, requests, answers, deadline)
            except TimeoutError as error:
                self.close()  # the late answer would be taken for that of the next request
                raise IdentdUnavailable("no answer in time") from error
            except (OSError, ConnectionLost) as error:
                self.close()
                if fresh and len(answers) == answered_before:
                    raise IdentdUnavailable(f"the connection was lost: {error}") from error
                fresh = True
            except BaseException:
                self.close()
                raise
            else:
                return answers

    def _exchange(
        self, opened: socket.socket, requests: Sequence[AnyRequest], answers: list[AnyAnswer], deadline: float
    ) -> None:
        sent = len(answers)
        while len(answers) < len(requests):
            window = requests[sent : len(answers) + OUTSTANDING_MAX]
            if window:
                data = b"".join(map(self._connection.send, window))
                sent += len(window)
                opened.settimeout(_left(deadline))
                opened.sendall(data)
            answers += self._read(opened, deadline)

    def _read(self, opened: socket.socket, deadline: float) -> list[AnyAnswer]:
        opened.settimeout(_left(deadline))
        data = opened.recv(READ_BYTES)
        if not data:
            raise ConnectionLost("closed by the daemon")
        return self._connection.receive_data(data)

    def _connected(self, deadline: float) -> socket.socket:
        if self._socket is not None:
            return self._socket
        keep_trying_until = min(deadline, time.monotonic() + self.connect_seconds)
        for delay in delays(random.random):
            try:
                opened = self._opened(deadline)
            except (OSError, ConnectionLost) as error:
                if time.monotonic() + delay > keep_trying_until:
                    raise self._nobody(error) from error
                time.sleep(delay)
            else:
                self._socket = opened
                break
        assert self._socket is not None, "delays() has no end"
        return self._socket

    def _opened(self, deadline: float) -> socket.socket:
        if isinstance(self.address, str):
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            opened = socket.create_connection(self.address, timeout=_left(deadline))
        try:
            opened.settimeout(_left(deadline))
            if isinstance(self.address, str):
                opened.connect(self.address)
            else:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = ClientConnection(self._encoding)
            hello = self._hello_request()
            if hello is not None:
                opened.sendall(self._connection.send(hello))
                answers: list[AnyAnswer] = []
                while not answers:
                    answers = self._read(opened, deadline)
                self._welcomed(answers[0])
        except BaseException:
            opened.close()
            raise
        return opened


def _left(deadline: float) -> float:
    """Seconds left; a socket takes 0 for "do not wait", so never that."""
    return max(deadline - time.monotonic(), 0.001)
