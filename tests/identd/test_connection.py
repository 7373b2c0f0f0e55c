"""One accepted socket with a real peer at its other end: slow, silent, rude or gone."""

import contextlib
import json
import select
import socket
from collections.abc import Iterator

import pytest

from identd.connection import LINGER_BYTES_MAX, READ_BYTES, Connection
from tests.identd.building import NOW, Talk, account, client, engine, gateway, to_bytes

OUTPUT_BYTES_MAX = 200_000
IN_FLIGHT_MAX = 100_000
PING = b'{"op":"ping","id":1}\n'

Ends = tuple[Connection, socket.socket]


def connected(family: int, in_flight_max: int = IN_FLIGHT_MAX) -> Ends:
    """A connection, and the socket of its peer."""
    if family == socket.AF_UNIX:
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            theirs = socket.create_connection(listening.getsockname())
            ours, _ = listening.accept()
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    ours.setblocking(False)
    theirs.settimeout(5)
    session = Talk(engine(account(), client(), gateway(1))).session
    return Connection(ours, session, NOW, in_flight_max, OUTPUT_BYTES_MAX, lambda _: None), theirs


@pytest.fixture(params=[socket.AF_UNIX, socket.AF_INET], ids=["unix", "tcp"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    connection, peer = connected(request.param)
    yield connection, peer
    connection.sock.close()
    peer.close()


def served(connection: Connection, now: float = NOW, turns: int = 10_000) -> int:
    """Obey `wants` until the socket has nothing for us or it is over; how often it was woken."""
    woken = 0
    for _ in range(turns):
        if connection.over:
            break
        readable, writable, _ = select.select(
            [connection.sock] if connection.wants != "write" else [],
            [connection.sock] if connection.wants != "read" else [],
            [],
            0.02,
        )
        if writable:
            connection.writable(now)
        if readable and connection.wants != "write":
            connection.readable(now)
        if not readable and not writable:
            break
        woken += 1
    return woken


def drained(connection: Connection, peer: socket.socket, now: float = NOW) -> bytes:
    """Everything that the peer gets to read while the connection is served, until it ends or falls silent."""
    data = bytearray()
    peer.setblocking(False)
    idle = 0
    while idle < 25:  # half a second: TCP opens a window that was shut after some 0.2
        woken = served(connection, now, turns=1)
        try:
            part = peer.recv(65_536)
        except BlockingIOError:
            idle = 0 if woken else idle + 1
            continue
        idle = 0
        if not part:
            break
        data += part
    return bytes(data)


BULK = PING * 1000


def flooded(peer: socket.socket, sent: int = 0) -> int:
    """Write pings until the kernel takes no more; how many bytes in all, `sent` before."""
    try:
        while True:
            sent += peer.send(BULK[sent % len(PING) :])
    except BlockingIOError:
        return sent


def answers(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.rule("P0.10", "P0.11")
def test_all_that_one_read_brings_is_answered(ends: Ends) -> None:
    connection, peer = ends
    peer.sendall(PING * 100)
    assert served(connection) == 1
    assert len(answers(peer.recv(65_536))) == 100
    assert connection.wants == "read"


def test_a_message_sent_byte_by_byte_is_answered_once_and_its_age_counts_from_the_first_byte(ends: Ends) -> None:
    connection, peer = ends
    message = to_bytes({"op": "authorize", "id": 1, "call_id": "c", "ip": "10.0.0.1", "dnis": "44"}, "msgpack")
    for at in range(len(message) - 1):
        peer.sendall(message[at : at + 1])
        served(connection, NOW + at, turns=1)
        assert connection.partial_since == NOW
    peer.sendall(message[-1:])
    served(connection, NOW + 999, turns=1)
    assert connection.partial_since is None
    assert int.from_bytes(peer.recv(4), "big") == len(peer.recv(65_536))


def test_the_age_of_an_unfinished_message_is_not_that_of_the_one_before(ends: Ends) -> None:
    connection, peer = ends
    peer.sendall(PING[:5])
    served(connection, NOW, turns=1)
    peer.sendall(PING[5:] + PING[:3])
    served(connection, NOW + 4, turns=1)
    assert connection.partial_since == NOW + 4


@pytest.mark.parametrize("how", ["close", "shutdown"])
def test_a_peer_that_goes_in_the_middle_of_a_message_is_over(ends: Ends, how: str) -> None:
    connection, peer = ends
    peer.sendall(PING[:9])
    served(connection, turns=1)
    if how == "close":
        peer.close()
    else:
        peer.shutdown(socket.SHUT_WR)
    served(connection)
    assert connection.over


@pytest.mark.rule("P0.10")
def test_a_peer_that_never_reads_is_not_read_from_either_and_costs_a_bounded_buffer(ends: Ends) -> None:
    connection, peer = ends
    peer.setblocking(False)
    sent = 0
    for turn in range(400):
        sent = flooded(peer, sent)
        served(connection, NOW + turn, turns=2)
        if connection.wants == "write":
            break
    assert connection.wants == "write", "reading stops"
    assert connection.blocked_since is not None
    one_read_answered = READ_BYTES // len(PING) * 40
    assert len(connection._out) < OUTPUT_BYTES_MAX + one_read_answered  # the bound itself is what is tested
    assert served(connection, turns=3) == 0
    data = drained(connection, peer)
    assert connection.wants == "read", "and starts again when the peer has read"
    assert connection.blocked_since is None
    assert sent // len(PING) - 1 <= len(answers(data)) <= sent // len(PING)


def test_many_answers_waiting_stop_the_reading_too() -> None:
    connection, peer = connected(socket.AF_UNIX, in_flight_max=10)
    peer.setblocking(False)
    sent = 0
    with connection.sock, peer:
        for _ in range(50):
            if connection.wants == "write":
                break
            sent = flooded(peer, sent)
            served(connection, turns=1)
        assert connection.wants == "write"
        assert len(connection._out) < OUTPUT_BYTES_MAX  # it was the count and not the bytes
        drained(connection, peer)
        assert connection.wants == "read"


def test_a_peer_that_reads_slowly_shows_life(ends: Ends) -> None:
    connection, peer = ends
    peer.setblocking(False)
    sent = 0
    for turn in range(200):
        if connection.wants == "write":
            break
        sent = flooded(peer, sent)
        served(connection, NOW + turn, turns=1)
    blocked = connection.blocked_since
    assert blocked is not None
    for turn in range(50):
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            peer.recv(65_536)
        served(connection, NOW + 1000 + turn, turns=1)
    assert connection.blocked_since is None or connection.blocked_since >= NOW + 1000


def test_who_says_all_and_then_shuts_its_side_still_gets_every_answer(ends: Ends) -> None:
    """`printf … | nc -N` of a long script: the end of what it says comes before it has read what we say."""
    connection, peer = ends
    peer.setblocking(False)
    wanted, sent = PING * 20_000, 0
    received = bytearray()
    while sent < len(wanted):
        try:
            sent += peer.send(wanted[sent:])
        except BlockingIOError:
            served(connection, turns=2)
            if connection.wants == "write":
                received += peer.recv(65_536)
    peer.shutdown(socket.SHUT_WR)
    received += drained(connection, peer)
    received += drained(connection, peer)
    assert len(answers(bytes(received))) == 20_000
    served(connection)
    assert connection.over


@pytest.mark.rule("P2.18")
def test_the_last_error_arrives_although_the_peers_bytes_lie_unread(ends: Ends) -> None:
    connection, peer = ends
    peer.sendall(b"{nonsense}\n" + PING * 300)
    served(connection, turns=1)
    assert connection.lingering_since == NOW
    peer.sendall(b"more of what nobody reads\n" * 100)
    data = drained(connection, peer)
    served(connection)
    assert [answer["code"] for answer in answers(data)] == ["bad_frame"]
    assert not connection.over, "the peer has not closed yet"
    peer.close()
    served(connection)
    assert connection.over


def test_a_peer_that_goes_on_talking_to_a_closing_connection_is_cut_off(ends: Ends) -> None:
    connection, peer = ends
    peer.sendall(b"{nonsense}\n")
    served(connection, turns=1)
    peer.setblocking(False)
    sent = 0
    while not connection.over:
        with contextlib.suppress(BlockingIOError):
            sent += peer.send(bytes(65_536))
        served(connection, turns=2)
        assert sent < LINGER_BYTES_MAX + 2_000_000
    assert connection.session.answered == 1


def test_last_words_are_said_to_a_peer_that_is_there_and_cost_nothing_where_it_is_not(ends: Ends) -> None:
    connection, peer = ends
    connection.say_last(b"goodbye\n", NOW)
    assert peer.recv(100) == b"goodbye\n"
    assert peer.recv(100) == b""
    assert not connection.over
    gone_connection, gone_peer = connected(socket.AF_UNIX)
    gone_peer.close()
    gone_connection.say_last(b"goodbye\n", NOW)
    assert gone_connection.over
    gone_connection.sock.close()


def test_last_words_wait_behind_the_answers_that_are_owed(ends: Ends) -> None:
    connection, peer = ends
    peer.setblocking(False)
    sent = 0
    for _ in range(400):
        if connection.wants == "write":
            break
        sent = flooded(peer, sent)
        served(connection, turns=1)
    connection.say_last(b'{"op":"error","id":null}\n', NOW)
    assert connection.lingering_since is None
    data = drained(connection, peer)
    assert answers(data)[-1] == {"op": "error", "id": None}
    assert connection.lingering_since is not None
