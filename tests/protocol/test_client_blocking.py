"""The client for plain threads against a small daemon on real sockets, kind and rude."""

import time
from pathlib import Path

import pytest

from protocol.client import BlockingClient, IdentdUnavailable, RequestRefused
from protocol.framing import Encoding
from protocol.messages import DecisionAnswer, ErrorAnswer, Hello, Identify, Ping, PongAnswer, Start
from tests.protocol.small_daemon import small_daemon


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.rule("P0.2")
def test_client_asks_over_a_unix_socket_in_either_encoding(tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon, BlockingClient(str(path), encoding=encoding) as client:
        assert client.call(Ping(id=5)) == PongAnswer(id=5, op="pong")
        assert daemon.heard == [Ping(id=5)], "no gateway, no hello"


@pytest.mark.rule("P0.2", "P1.3")
def test_client_says_hello_first_over_tcp() -> None:
    with small_daemon(("127.0.0.1", 0)) as daemon:
        with BlockingClient(daemon.listener.getsockname()[:2], gateway="gw1", secret="s", boot_id=9) as client:
            client.call(Ping(id=client.next_id()))
            client.call(Ping(id=client.next_id()))
            assert client.hello is not None
            assert client.hello.gateway == "gw1"
        assert daemon.heard[0] == Hello(id=2, version=1, gateway="gw1", secret="s", boot_id=9)
        assert [type(request) for request in daemon.heard[1:]] == [Ping, Ping]


def test_refused_hello_is_told_and_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon, BlockingClient(str(path), gateway="stranger", connect_seconds=2) as client:
        with pytest.raises(RequestRefused, match=r"forbidden \(gateway\)"):
            client.connect()
        assert daemon.connections == 1


@pytest.mark.rule("P0.10", "P0.11")
def test_a_thousand_pipelined_requests_are_answered_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path), BlockingClient(str(path)) as client:
        answers = client.call_many([Identify(id=n % 7, dnis=str(n), ip="192.0.2.1") for n in range(1000)])
        assert [answer.dnis for answer in answers if isinstance(answer, DecisionAnswer)] == [
            str(n) for n in range(1000)
        ]


def test_error_answer_raises_alone_and_stands_in_its_place_among_many(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path), BlockingClient(str(path)) as client:
        with pytest.raises(RequestRefused, match="internal: too small for that"):
            client.call(Start(id=1, call_id="c"))
        kinds = [type(answer) for answer in client.call_many([Ping(id=1), Start(id=2, call_id="c"), Ping(id=3)])]
        assert kinds == [PongAnswer, ErrorAnswer, PongAnswer]


def test_no_daemon_is_told_at_once_with_the_address(tmp_path: Path) -> None:
    with (
        BlockingClient(str(tmp_path / "none")) as client,
        pytest.raises(IdentdUnavailable, match=f"no daemon at {tmp_path}/none: No such file"),
    ):
        client.call(Ping(id=1))


def test_client_waits_for_a_daemon_as_long_as_it_is_told_to(tmp_path: Path) -> None:
    with BlockingClient(str(tmp_path / "none"), connect_seconds=0.3) as client:
        started = time.monotonic()
        with pytest.raises(IdentdUnavailable):
            client.call(Ping(id=1))
        assert 0.1 < time.monotonic() - started < 2


def test_client_finds_back_after_a_restart_of_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with BlockingClient(str(path), gateway="gw1") as client:
        with small_daemon(path):
            client.call(Ping(id=1))
        with pytest.raises(IdentdUnavailable):
            client.call(Ping(id=2))
        with small_daemon(path) as daemon:
            assert client.call(Ping(id=3)) == PongAnswer(id=3, op="pong")
            assert [type(request) for request in daemon.heard] == [Hello, Ping]


def test_what_a_closed_connection_left_unanswered_is_asked_again_once(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon, BlockingClient(str(path)) as client:
        daemon.close_after = [3, 99]
        assert [answer.id for answer in client.call_many([Ping(id=n) for n in range(5)])] == [0, 1, 2, 3, 4]
        assert daemon.connections == 2


def test_daemon_that_closes_every_time_is_not_asked_forever(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon, BlockingClient(str(path)) as client:
        daemon.close_after = [0] * 10
        with pytest.raises(IdentdUnavailable, match="lost"):
            client.call(Ping(id=1))
        assert daemon.connections <= 2


def test_silent_daemon_costs_no_more_than_the_timeout_and_the_late_answer_is_never_taken(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon, BlockingClient(str(path)) as client:
        daemon.silent = True
        with pytest.raises(IdentdUnavailable, match="in time"):
            client.call(Ping(id=1), timeout=0.1)
        daemon.silent = False
        assert client.call(Ping(id=2)) == PongAnswer(id=2, op="pong")
        assert daemon.connections == 2
