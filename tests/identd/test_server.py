"""The doors with real peers at them: who is let in, who is shown out and when, and what a bug costs."""

import json
import os
import resource
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from identd import server as rules
from identd.access import Peer
from identd.asker import Asker, AssignedAsker
from identd.clock import Clock
from identd.datagrams import DatagramSocket, bind_udp
from identd.endpoint import Endpoint
from identd.listener import Listener, listen_tcp, listen_unix
from identd.server import Server
from identd.session import Session
from identd.settings import Limits
from protocol.connection import ServerConnection
from tests.identd.building import NOW, Facts, Heard, account, client, engine, gateway, verify

PATIENCE_SECONDS = 5.0
GATEWAY = gateway(1, secret_hash="hash of secret")
HELLO = {"op": "hello", "version": 1, "gateway": "gw1", "secret": "secret"}


class Seen:
    """An observer that writes down what happens at the doors."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.answered = 0

    def connected(self, transport: str) -> None:
        self.events.append(("connected", transport))

    def turned_away(self, bound: str) -> None:
        self.events.append(("turned away", bound))

    def closed(self, peer: Peer, reason: str) -> None:
        self.events.append(("closed", reason))

    def broke(self, peer: Peer, error: Exception) -> None:
        self.events.append(("broke", str(error)))

    def took(self, seconds: float, decisions: int) -> None:
        assert seconds >= 0
        self.answered += decisions

    def datagram_broke(self, listener: str, error: Exception) -> None:
        self.events.append(("datagram broke", str(error)))

    def cannot_accept(self, listener: str, error: OSError) -> None:
        self.events.append(("cannot accept", str(error.strerror)))


class Fragile(Session):
    """A session with a bug: one word makes it raise."""

    def receive(self, data: bytes, now: float) -> bytes:
        if b"boom" in data:
            raise RuntimeError("boom")
        return super().receive(data, now)


class House:
    """A server on a Unix socket and a TCP port, whose clock stands still unless the test moves it."""

    def __init__(self, folder: Path, **limits: float) -> None:
        self.seen = Seen()
        self.now = 0.0
        self.turns = 0
        self.limits = msgspec.convert(limits, Limits)
        self.unix, self.tcp = listen_unix(folder / "s", 0o600), listen_tcp(Endpoint("127.0.0.1", 0))
        self.port: int = self.tcp.sock.getsockname()[1]
        self.made = made = engine(account(), client(), GATEWAY)
        self.udp = bind_udp(Endpoint("127.0.0.1", 0))
        self.written: list[float] = []
        self.server = Server(
            [self.unix, self.tcp],
            lambda peer: Fragile(made, Asker(made, peer, verify), Facts(), Heard(), ServerConnection()),
            self.limits,
            Clock(lambda _: None, monotonic=lambda: self.now, wall=lambda: NOW),
            self.seen,
            self.written.append,
            self._after_turn,
            [DatagramSocket(self.udp, "udp", self._echo)],
        )
        self.began = NOW
        self._callers: list[trio.SocketStream] = []

    def _echo(self, datagram: bytes, source: bytes, port: int, now: float) -> bytes | None:
        """Answers every datagram but the silent ones, before anything of it is written down."""
        assert source == bytes([127, 0, 0, 1])
        assert port
        assert now == self.began + self.now
        if datagram == b"boom":
            raise RuntimeError("boom")
        return None if datagram.startswith(b"silence") else datagram + str(len(self.written)).encode()

    def _after_turn(self, now: float) -> None:
        assert now == self.began + self.now
        self.turns += 1

    async def dial(self, listener: Listener) -> "Caller":
        if listener.transport == "unix":
            return self.met(await trio.open_unix_socket(listener.name))
        return self.met(await trio.open_tcp_stream("127.0.0.1", self.port))

    def met(self, stream: trio.SocketStream) -> "Caller":
        """A caller that is gone with the house."""
        self._callers.append(stream)
        return Caller(stream)

    def close(self) -> None:
        self.server.close()
        for stream in self._callers:
            stream.socket.close()

    async def until(self, look: Callable[[], object]) -> None:
        with trio.fail_after(PATIENCE_SECONDS):
            while not look():  # noqa: ASYNC110 - the server has no event for a test
                await trio.sleep(0.002)

    def sweep_at(self, seconds: float) -> None:
        """What the sweep does so long after the beginning."""
        self.now = seconds
        self.server.sweep(self.began + seconds)


class Caller:
    """One peer, speaking JSON."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._held = b""

    async def ask(self, op: str = "ping", **keys: object) -> str:
        """The `op` of the answer, or "closed"."""
        try:
            await self.stream.send_all(json.dumps({"op": op, "id": 1, **keys}).encode() + b"\n")
        except trio.BrokenResourceError:
            return "closed"
        return await self.hears()

    async def hears(self) -> str:
        with trio.fail_after(PATIENCE_SECONDS):
            while b"\n" not in self._held:
                try:
                    data = await self.stream.receive_some()
                except trio.BrokenResourceError:
                    return "closed"
                if not data:
                    return "closed"
                self._held += data
        line, _, self._held = self._held.partition(b"\n")
        answer: dict[str, str] = json.loads(line)
        return answer["op"] if "code" not in answer else answer["code"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="identd-") as name:
        yield Path(name)


@asynccontextmanager
async def opened(folder: Path, **limits: float) -> AsyncIterator[House]:
    house = House(folder, **limits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.server.run)
        try:
            yield house
        finally:
            nursery.cancel_scope.cancel()
            house.close()


async def test_peers_of_both_doors_are_answered_and_counted_by_kind(folder: Path) -> None:
    async with opened(folder) as house:
        local, remote, silent = [await house.dial(one) for one in (house.unix, house.tcp, house.unix)]
        assert await local.ask() == "pong"
        assert await remote.ask(**HELLO) == "hello"  # type: ignore[arg-type]  # `op` is among the keys
        await house.until(lambda: len(house.server) == 3)
        assert house.server.open_by_kind() == {("unix", "json"): 1, ("tcp", "json"): 1, ("unix", "unknown"): 1}
        await house.until(lambda: house.turns)
        assert house.seen.answered == 2
        for caller in (local, remote, silent):
            await caller.stream.aclose()
        await house.until(lambda: len(house.server) == 0)
        assert house.server.open_by_kind() == {}
        assert {event for event, _ in house.seen.events} == {"connected"}, "a peer that goes is no trouble"


async def test_one_connection_too_many_is_turned_away_until_one_leaves(folder: Path) -> None:
    async with opened(folder, connections_max=2, connections_per_address_max=2) as house:
        first, second = await house.dial(house.unix), await house.dial(house.tcp)
        assert await first.ask() == "pong"
        late = await house.dial(house.tcp)
        assert await late.hears() == "closed"
        assert house.seen.events[-1] == ("turned away", "connections_max")
        assert await first.ask() == "pong"
        operator = await house.dial(house.unix)
        assert await operator.ask() == "pong", "who has to see what fills it gets in"
        await operator.stream.aclose()
        await second.stream.aclose()
        await house.until(lambda: len(house.server) == 1)
        assert await (await house.dial(house.unix)).ask() == "pong"


async def test_one_address_too_often_is_turned_away_and_the_unix_socket_is_not_an_address(folder: Path) -> None:
    async with opened(folder, connections_per_address_max=2) as house:
        callers = [await house.dial(house.tcp) for _ in range(2)]
        for caller in callers:
            assert await caller.ask(**HELLO) == "hello"  # type: ignore[arg-type]
        late = await house.dial(house.tcp)
        assert await late.hears() == "closed"
        assert house.seen.events[-1] == ("turned away", "connections_per_address_max")
        for _ in range(3):
            assert await (await house.dial(house.unix)).ask() == "pong"
        elsewhere = house.met(await trio.open_tcp_stream("127.0.0.1", house.port, local_address="127.0.0.2"))
        assert await elsewhere.ask(**HELLO) == "hello"  # type: ignore[arg-type]
        before = len(house.server)
        await callers[0].stream.aclose()
        await house.until(lambda: len(house.server) == before - 1)
        assert await (await house.dial(house.tcp)).ask(**HELLO) == "hello"  # type: ignore[arg-type]


@contextmanager
def _no_file_free() -> Iterator[Callable[[], None]]:
    """From the call of what this gives, the process may open no file; given back at the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def now() -> None:
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # the listing's own is among them
        free = []
        while (fd := os.dup(0)) < highest:
            free.append(fd)
        free.append(fd)
        held.extend(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (fd + 1, hard))

    held: list[int] = []
    try:
        yield now
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in held:
            os.close(fd)


async def test_without_a_free_file_the_doors_rest_a_second_and_those_inside_are_served(folder: Path) -> None:
    async with opened(folder) as house:
        inside = await house.dial(house.unix)
        assert await inside.ask() == "pong"
        outside = trio.socket.socket(trio.socket.AF_UNIX)
        with _no_file_free() as now:
            now()
            await outside.connect(house.unix.name)
            await house.until(lambda: ("cannot accept", "Too many open files") in house.seen.events)
            turns = house.turns
            await trio.sleep(0.1)
            assert house.turns == turns, "it would spin on a door that cannot be opened"
            assert await inside.ask() == "pong"
        house.sweep_at(rules.ACCEPT_PAUSE_SECONDS / 2)
        await trio.sleep(0.05)
        assert len(house.server) == 1
        house.sweep_at(rules.ACCEPT_PAUSE_SECONDS)
        assert await house.met(trio.SocketStream(outside)).ask() == "pong"
        assert [event for event, _ in house.seen.events].count("cannot accept") == 1


@pytest.mark.rule("P2.17")
async def test_a_bug_costs_the_one_connection_that_met_it(folder: Path) -> None:
    async with opened(folder) as house:
        bystander, unlucky, unheard = [await house.dial(house.unix) for _ in range(3)]
        assert await bystander.ask() == "pong"
        assert await unlucky.ask() == "pong"
        assert await unlucky.ask("boom") == "internal"
        assert await unlucky.hears() == "closed"
        await unheard.stream.send_all(b"boom")  # before it is known what the peer speaks
        assert await unheard.hears() == "closed"
        assert [said for event, said in house.seen.events if event == "broke"] == ["boom", "boom"]
        assert await bystander.ask() == "pong"
        for caller in (unlucky, unheard):
            await caller.stream.aclose()
        await house.until(lambda: len(house.server) == 1)


DEADLINES = {
    "hello_seconds_max": 1.0,
    "partial_frame_seconds_max": 2.0,
    "write_seconds_max": 3.0,
    "idle_seconds_max": 10.0,
}


@pytest.mark.parametrize(
    ("door", "says", "bound"),
    [
        ("tcp", b"", "hello_seconds_max"),
        ("unix", b'{"op":', "partial_frame_seconds_max"),
        ("unix", b"\x00\x00", "partial_frame_seconds_max"),
        ("unix", b"", "idle_seconds_max"),
        ("unix", b'{"op":"ping"}\n', "idle_seconds_max"),
    ],
)
async def test_a_peer_is_shown_out_when_its_deadline_has_passed_and_not_before(
    folder: Path, door: str, says: bytes, bound: str
) -> None:
    async with opened(folder, **DEADLINES) as house:
        caller = await house.dial(house.tcp if door == "tcp" else house.unix)
        await house.until(lambda: len(house.server) == 1)
        if says:
            await caller.stream.send_all(says)
            await house.until(lambda: ("unix", "unknown") not in house.server.open_by_kind())
        house.sweep_at(DEADLINES[bound] - 0.01)
        assert len(house.server) == 1
        house.sweep_at(DEADLINES[bound] + 0.01)
        assert len(house.server) == 0
        assert house.seen.events[-1] == ("closed", bound)


async def test_a_peer_that_reads_nothing_is_shown_out_though_it_asks_on(folder: Path) -> None:
    async with opened(folder, **DEADLINES, output_bytes_max=65_536) as house:
        caller = await house.dial(house.unix)
        with trio.move_on_after(0.5):
            while True:
                await caller.stream.send_all(b'{"op":"status","id":1}\n' * 500)
        house.sweep_at(2.9)
        assert len(house.server) == 1
        house.sweep_at(3.1)
        assert len(house.server) == 0
        assert house.seen.events[-1] == ("closed", "write_seconds_max")


async def test_a_peer_that_we_close_on_and_that_stays_is_left_after_a_second_without_a_word(folder: Path) -> None:
    async with opened(folder) as house:
        rude = await house.dial(house.unix)
        await rude.stream.send_all(b"{nonsense\n")
        assert await rude.hears() == "bad_frame"
        assert await rude.hears() == "closed"
        house.sweep_at(rules.LINGER_SECONDS - 0.01)
        assert len(house.server) == 1
        house.sweep_at(rules.LINGER_SECONDS + 0.01)
        assert len(house.server) == 0
        assert house.seen.events == [("connected", "unix")]


async def test_whoever_asks_within_its_deadlines_stays(folder: Path) -> None:
    async with opened(folder, **DEADLINES) as house:
        caller = await house.dial(house.tcp)
        assert await caller.ask(**HELLO) == "hello"  # type: ignore[arg-type]
        for seconds in (0.9, 9.0, 18.0, 27.0):
            house.sweep_at(seconds)
            assert await caller.ask() == "pong"
        house.sweep_at(27.0 + DEADLINES["idle_seconds_max"] + 0.1)
        assert await caller.hears() == "closed"


async def test_a_server_that_stops_listening_serves_those_that_are_there(folder: Path) -> None:
    async with opened(folder) as house:
        inside = await house.dial(house.unix)
        assert await inside.ask() == "pong"
        house.server.stop_listening()
        assert "s" not in os.listdir(folder)
        with pytest.raises(OSError, match="all attempts to connect"):
            await house.dial(house.tcp)
        assert await inside.ask() == "pong"
        house.server.stop_listening()  # again is nothing
        house.server.close()
        assert await inside.hears() == "closed"


@pytest.mark.parametrize("count", [1, 200])
async def test_datagrams_are_answered_one_by_one_and_a_bug_costs_one_of_them(folder: Path, count: int) -> None:
    async with opened(folder) as house:
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as asker:
            await asker.connect(house.udp.getsockname())
            for number in range(count):
                await asker.send(b"%d." % number)
                await asker.send(b"silence")
            await asker.send(b"boom")
            with trio.fail_after(PATIENCE_SECONDS):
                answers = [await asker.recv(100) for _ in range(count)]
                assert [answer.partition(b".")[0] for answer in answers] == [
                    b"%d" % number for number in range(count)
                ]
                await house.until(lambda: ("datagram broke", "boom") in house.seen.events)
            assert house.written, "what the answers say is in the journal before they leave"


async def test_a_connection_of_our_own_is_served_like_any_other_and_its_end_is_told(folder: Path) -> None:
    async with opened(folder, idle_seconds_max=1) as house:
        over = trio.Event()
        peer = Peer("evapi", "far", bytes([127, 0, 0, 1]))
        far_side = socket.create_server(("127.0.0.1", 0))
        sock = socket.create_connection(far_side.getsockname())
        theirs, _ = far_side.accept()
        far_side.close()
        house.server.adopt(
            sock,
            Session(house.made, AssignedAsker(house.made, peer, verify, "gw1"), Facts(), Heard(), ServerConnection()),
            over.set,
        )
        house.sweep_at(3600)
        assert len(house.server) == 1, "whom we called may be silent for as long as it likes"
        caller = house.met(trio.SocketStream(trio.socket.from_stdlib_socket(theirs)))
        assert await caller.ask("ping") == "pong"
        assert await caller.ask("identify", ip="10.0.0.1", dnis="4420") == "identify"
        await caller.stream.aclose()
        with trio.fail_after(PATIENCE_SECONDS):
            await over.wait()
        assert len(house.server) == 0
