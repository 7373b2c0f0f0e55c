"""Kamailios that listen, that are away, come back and close at once: what the connector does about each."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

import pytest
import trio

from identd import evapi as rules
from identd.access import Peer
from identd.asker import AssignedAsker
from identd.clock import Clock
from identd.door_settings import Kamailio
from identd.evapi import CLOSED_AT_ONCE, EvapiConnector
from identd.server import Server
from identd.session import Session
from identd.settings import Limits
from protocol.evapi import EvapiConnection
from protocol.netstring import netstring
from tests.identd.building import Facts, Heard, account, client, engine, gateway, verify
from tests.identd.test_server import Seen

PATIENCE_SECONDS = 5.0
AUTHORIZE = b'{"op":"authorize","call_id":"c","ip":"10.0.0.1","dnis":"4420"}'


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SETTLED_SECONDS", 0.05)
    monkeypatch.setattr(rules, "CONNECT_SECONDS_MAX", 0.1)


@contextmanager
def evapi_port(port: int = 0) -> Iterator[trio.socket.SocketType]:
    """A Kamailio that listens."""
    listening = socket.create_server(("127.0.0.1", port))
    with trio.socket.from_stdlib_socket(listening) as kamailio:
        yield kamailio


def address_of(listening: trio.socket.SocketType) -> str:
    return f"127.0.0.1:{listening.getsockname()[1]}"


class Edges:
    """An observer that writes down the edges, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self._said = trio.Event()

    def kamailio_connected(self, kamailio: Kamailio) -> None:
        self._note("connected", kamailio.gateway)

    def kamailio_away(self, kamailio: Kamailio, reason: str) -> None:
        self._note("away", reason)

    async def until(self, edge: str, times: int = 1) -> None:
        with trio.fail_after(PATIENCE_SECONDS):
            while sum(told == edge for told, _ in self.told) < times:
                await self._said.wait()

    def _note(self, edge: str, what: str) -> None:
        self.told.append((edge, what))
        self._said.set()
        self._said = trio.Event()


class House:
    """A server, the connector that hands it sockets, and what was told."""

    def __init__(self, *kamailios: Kamailio, uniform: Callable[[], float] = lambda: 0.5) -> None:
        self.edges = Edges()
        self.seen = Seen()
        self.heard = Heard()
        self.engine = engine(account(1), client(), gateway(1), gateway(2))
        self.server = Server(
            [], self._unasked, Limits(), Clock(lambda _: None), self.seen, lambda _: None, lambda _: None
        )
        self.connector = EvapiConnector(kamailios, self.server.adopt, self._session, self.edges, uniform)

    def _unasked(self, peer: Peer) -> Session:
        raise AssertionError(f"nobody listens, and {peer} has connected")

    def _session(self, peer: Peer, gateway_name: str) -> Session:
        asker = AssignedAsker(self.engine, peer, verify, gateway_name)
        return Session(self.engine, asker, Facts(), self.heard, EvapiConnection())


@asynccontextmanager
async def running(house: House) -> AsyncIterator[trio.Nursery]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.server.run)
        nursery.start_soon(house.connector.run)
        yield nursery
        nursery.cancel_scope.cancel()
    house.server.close()


async def said(kamailio: trio.socket.SocketType, request: bytes) -> bytes:
    """What Kamailio reads after it has written this."""
    await kamailio.send(netstring(b'{"tindex":1,"tlabel":2,"request":' + request + b"}"))
    with trio.fail_after(PATIENCE_SECONDS):
        return await kamailio.recv(65_536)


async def test_each_kamailio_is_connected_and_answered_as_the_gateway_that_the_configuration_says_it_is() -> None:
    with evapi_port() as first, evapi_port() as second:
        house = House(
            Kamailio(address=address_of(first), gateway="gw1"), Kamailio(address=address_of(second), gateway="gw2")
        )
        async with running(house):
            one, _ = await first.accept()
            two, _ = await second.accept()
            for kamailio in (one, two):
                answer = await said(kamailio, AUTHORIZE)
                assert b'{"tindex":1,"tlabel":2,"answer":{"id":0,"op":"authorize","decision":"grant"' in answer
            assert all(house.engine.live.find((gateway_id, "c", "")) for gateway_id in (1, 2))
            await house.edges.until("connected", 2)
            assert {kamailio.gateway for kamailio in house.connector.connected} == {"gw1", "gw2"}
            assert house.server.open_by_kind() == {("evapi", "json"): 2}
            one.close()
            two.close()


async def test_a_kamailio_that_restarts_is_connected_again_and_both_edges_are_told_once() -> None:
    with evapi_port() as kamailio:
        port = kamailio.getsockname()[1]
        house = House(Kamailio(address=address_of(kamailio), gateway="gw1"))
        async with running(house):
            connection, _ = await kamailio.accept()
            await house.edges.until("connected")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # killed: a reset
            connection.close()
            kamailio.close()
            await house.edges.until("away")
            assert house.connector.connected == frozenset()
            await trio.sleep(0.3)  # a few tries, none of which is told
            with evapi_port(port) as again:
                with trio.fail_after(PATIENCE_SECONDS):
                    connection, _ = await again.accept()
                await house.edges.until("connected", 2)
                assert b'"decision":"grant"' in await said(connection, AUTHORIZE)
                connection.close()
    assert [edge for edge, _ in house.edges.told] == ["connected", "away", "connected"]


async def test_one_that_was_never_there_is_told_once_and_found_when_it_comes() -> None:
    with evapi_port() as kamailio:
        port = kamailio.getsockname()[1]
    house = House(Kamailio(address=f"127.0.0.1:{port}", gateway="gw1"))
    async with running(house):
        await house.edges.until("away")
        await trio.sleep(0.3)
        assert house.edges.told == [("away", "Connection refused")]
        with evapi_port(port) as kamailio:
            with trio.fail_after(PATIENCE_SECONDS):
                connection, _ = await kamailio.accept()
            await house.edges.until("connected")
            connection.close()


async def test_one_that_closes_at_once_is_away_and_is_tried_later_and_later() -> None:
    with evapi_port() as kamailio:
        house = House(Kamailio(address=address_of(kamailio), gateway="gw1"))
        times = []
        async with running(house):
            for _ in range(6):
                connection, _ = await kamailio.accept()
                times.append(trio.current_time())
                connection.close()
            await house.edges.until("away")
        assert house.edges.told == [("away", CLOSED_AT_ONCE)]
        assert times[5] - times[4] > 0.07  # the last step of 0.1 s, less a quarter; the first was of 0.05


async def test_a_network_that_swallows_everything_is_given_up_and_tried_again() -> None:
    with evapi_port() as kamailio:
        full = []
        kamailio.listen(0)
        for _ in range(2):  # its backlog is full: what comes next is not answered
            waiting = trio.socket.socket()
            full.append(waiting)
            with trio.move_on_after(0.05):
                await waiting.connect(kamailio.getsockname())
        house = House(Kamailio(address=address_of(kamailio), gateway="gw1"))
        async with running(house):
            await house.edges.until("away")
        assert house.edges.told == [("away", "no answer in 0.1 s")]
        for waiting in full:
            waiting.close()


async def test_one_that_is_away_keeps_no_other_waiting() -> None:
    with evapi_port() as gone:
        away = address_of(gone)
    with evapi_port() as kamailio:
        house = House(Kamailio(address=away, gateway="gw1"), Kamailio(address=address_of(kamailio), gateway="gw2"))
        async with running(house):
            with trio.fail_after(PATIENCE_SECONDS):
                connection, _ = await kamailio.accept()
            await house.edges.until("connected")
            connection.close()
    assert ("connected", "gw2") in house.edges.told


async def test_after_stop_what_is_connected_is_served_on_and_nothing_is_connected_again() -> None:
    with evapi_port() as kamailio:
        house = House(Kamailio(address=address_of(kamailio), gateway="gw1"))
        async with running(house):
            connection, _ = await kamailio.accept()
            await house.edges.until("connected")
            house.connector.stop()
            assert b'"decision":"grant"' in await said(connection, AUTHORIZE)
            connection.close()
            with trio.move_on_after(0.3) as nobody:
                await kamailio.accept()
            assert nobody.cancelled_caught


async def test_no_connection_is_made_to_itself_on_a_port_that_the_kernel_gives_out() -> None:
    tried = count()
    with trio.socket.socket() as probe:
        await probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    class OnItsOwnPort(trio.abc.SocketFactory):
        """The kernel's choice, made certain."""

        def socket(
            self, family: int | None = None, type: int | None = None, proto: int | None = None
        ) -> trio.socket.SocketType:
            next(tried)
            sock = socket.socket(family or socket.AF_INET, type or socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return trio.socket.from_stdlib_socket(sock)

    house = House(Kamailio(address=f"127.0.0.1:{port}", gateway="gw1"))
    before = trio.socket.set_custom_socket_factory(OnItsOwnPort())
    try:
        async with running(house):
            await house.edges.until("away")
            assert next(tried) > 0
    finally:
        trio.socket.set_custom_socket_factory(before)
    assert house.edges.told == [("away", "nobody listens there")]
    assert len(house.server) == 0
