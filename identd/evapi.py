"""The Kamailios that we connect to: Kamailio's evapi module is a TCP server, and who connects to it is who answers.

One task a Kamailio: connect, hand the socket to the server, wait until that is over, and try again, later each time
up to a bound and never in step with others. Serving it is the server's, what is said on it protocol/evapi.py's.

Told are edges, not tries: a Kamailio that is away for a night is one line in the evening and one in the morning. One
that closes as soon as it is connected counts as away: its configuration does not know our address.
"""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from identd.access import Peer
from identd.door_settings import Kamailio
from identd.endpoint import Endpoint
from identd.listener import peer_of
from identd.session import Session
from protocol.backoff import delays

CONNECT_SECONDS_MAX = 2.0
"""Also the longest wait between two tries: a network that swallows packets is tried as often as one that refuses."""

SETTLED_SECONDS = 0.5
"""A connection that lasts so long was wanted; shorter ones are tries like any other."""

CLOSED_AT_ONCE = "it closes what we connect: does its configuration allow our address?"


class EvapiObserver(Protocol):
    """Who is told when a Kamailio comes and goes."""

    def kamailio_connected(self, kamailio: Kamailio) -> None:
        """It is connected, and has been for `SETTLED_SECONDS`."""

    def kamailio_away(self, kamailio: Kamailio, reason: str) -> None:
        """It was connected, or was never seen, and cannot be reached."""


class EvapiConnector:
    """Keeps a connection to every Kamailio of the configuration. `run` until cancelled or stopped.

    `adopt` is the server's: it serves a socket and calls back once when that is over, and raises OSError where it is
    over already. `make_session` is given the peer and the name of the gateway that this Kamailio is. `uniform` gives
    numbers in [0, 1).
    """

    __slots__ = ("_adopt", "_connected", "_kamailios", "_make_session", "_observer", "_scope", "_uniform")

    def __init__(
        self,
        kamailios: Sequence[Kamailio],
        adopt: Callable[[socket.socket, Session, Callable[[], None]], None],
        make_session: Callable[[Peer, str], Session],
        observer: EvapiObserver,
        uniform: Callable[[], float],
    ) -> None:
        self._kamailios = kamailios
        self._adopt = adopt
        self._make_session = make_session
        self._observer = observer
        self._uniform = uniform
        self._scope = trio.CancelScope()
        self._connected: set[Kamailio] = set()

    @property
    def connected(self) -> frozenset[Kamailio]:
        """Those that are connected now."""
        return frozenset(self._connected)

    async def run(self) -> None:
        """Connect, and connect again."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                for kamailio in self._kamailios:
                    nursery.start_soon(self._keep, kamailio)

    def stop(self) -> None:
        """Connect no more; the server serves on what is connected."""
        self._scope.cancel()

    async def _keep(self, kamailio: Kamailio) -> None:
        waits = delays(self._uniform, most=CONNECT_SECONDS_MAX)
        told_away = False
        while True:
            over = trio.Event()
            try:
                await self._connect(kamailio, over)
            except (OSError, trio.TooSlowError) as error:
                reason = _said(error)
            else:
                with trio.move_on_after(SETTLED_SECONDS):
                    await over.wait()
                reason = CLOSED_AT_ONCE
                if not over.is_set():
                    self._connected.add(kamailio)
                    self._observer.kamailio_connected(kamailio)
                    await over.wait()
                    self._connected.discard(kamailio)
                    reason, told_away = "it has closed the connection", False
                    waits = delays(self._uniform, most=CONNECT_SECONDS_MAX)
            if not told_away:
                self._observer.kamailio_away(kamailio, reason)
                told_away = True
            await trio.sleep(next(waits))

    async def _connect(self, kamailio: Kamailio, over: trio.Event) -> None:
        """One try. Raises OSError, or TooSlowError."""
        endpoint = kamailio.endpoint
        with trio.fail_after(CONNECT_SECONDS_MAX):
            sock = await _socket_to(endpoint)
        try:
            peer = peer_of("evapi", sock.getpeername())
            self._adopt(sock, self._make_session(peer, kamailio.gateway), over.set)
        except OSError:
            sock.close()
            raise


async def _socket_to(endpoint: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with trio.socket.socket(family, socket.SOCK_STREAM) as trying:
        await trying.connect((endpoint.host, endpoint.port))
        if (
            trying.getsockname() == trying.getpeername()
        ):  # a port of those that the kernel gives out, and nobody there
            raise ConnectionRefusedError("nobody listens there")
        return socket.socket(family, socket.SOCK_STREAM, fileno=trying.detach())


def _said(error: OSError | trio.TooSlowError) -> str:
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)  # trio's own text would repeat the address
    return f"no answer in {CONNECT_SECONDS_MAX:g} s"
