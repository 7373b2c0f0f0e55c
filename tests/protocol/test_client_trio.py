"""The client for trio against a small daemon on real sockets: many tasks, giving up, restarts, silence."""

import threading
from pathlib import Path

import pytest
import trio
import trio.testing

from protocol.client import Client, IdentdUnavailable, RequestRefused
from protocol.framing import Encoding
from protocol.messages import (
    AnyAnswer,
    AnyRequest,
    DecisionAnswer,
    Hello,
    Identify,
    Ping,
    PongAnswer,
    Start,
)
from tests.protocol.small_daemon import answer_to, small_daemon


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.rule("P0.2")
async def test_client_asks_over_a_unix_socket_in_either_encoding(tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon:
        async with Client(str(path), encoding=encoding) as client:
            assert await client.call(Ping(id=5)) == PongAnswer(id=5, op="pong")
        assert daemon.heard == [Ping(id=5)]


@pytest.mark.rule("P0.2", "P1.3")
async def test_client_says_hello_first_over_tcp() -> None:
    with small_daemon(("127.0.0.1", 0)) as daemon:
        async with Client(daemon.listener.getsockname()[:2], gateway="gw1", secret="s") as client:
            await client.call(Ping(id=client.next_id()))
            assert client.hello is not None
        assert [type(request) for request in daemon.heard] == [Hello, Ping]


async def test_refused_hello_is_told_and_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon:
        async with Client(str(path), gateway="stranger", connect_seconds=2) as client:
            with pytest.raises(RequestRefused, match="forbidden"):
                await client.call(Ping(id=1))
        assert daemon.connections == 1


@pytest.mark.rule("P0.10", "P0.11")
async def test_a_thousand_pipelined_requests_are_answered_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path):
        async with Client(str(path)) as client:
            answers = await client.call_many([Identify(id=n % 7, dnis=str(n), ip="192.0.2.1") for n in range(1000)])
        assert [answer.dnis for answer in answers if isinstance(answer, DecisionAnswer)] == [
            str(n) for n in range(1000)
        ]


async def test_many_tasks_ask_at_once_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    path = tmp_path / "s"
    right: list[bool] = []
    with small_daemon(path) as daemon:
        async with Client(str(path)) as client:

            async def ask(number: int) -> None:
                for turn in range(10):
                    dnis = f"{number}-{turn}"
                    answer = await client.call(Identify(id=1, dnis=dnis, ip="192.0.2.1"))
                    right.append(isinstance(answer, DecisionAnswer) and answer.dnis == dnis)

            async with trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(ask, number)
        assert daemon.connections == 1
    assert right == [True] * 500


async def test_task_that_gives_up_leaves_the_others_their_answers(tmp_path: Path) -> None:
    path = tmp_path / "s"
    got: list[object] = []
    with small_daemon(path) as daemon:
        async with Client(str(path)) as client:
            await client.call(Ping(id=0))
            daemon.silent = True

            async def impatient() -> None:
                with trio.move_on_after(0.05):
                    await client.call(Ping(id=1))
                got.append("gave up")

            async def patient() -> None:
                with pytest.raises(IdentdUnavailable, match="in time"):
                    await client.call(Ping(id=2), timeout=0.2)
                got.append("told")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(impatient)
                nursery.start_soon(patient)
    assert got == ["gave up", "told"]


async def test_connection_that_has_gone_silent_is_left_for_another(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon:
        async with Client(str(path)) as client:
            daemon.silent = True
            with pytest.raises(IdentdUnavailable, match="in time"):
                await client.call(Ping(id=1), timeout=0.1)
            daemon.silent = False
            assert await client.call(Ping(id=2)) == PongAnswer(id=2, op="pong")
        assert daemon.connections == 2


async def test_exception_of_the_caller_is_not_wrapped_in_a_group(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path):  # noqa: SIM117 - raises() must stand around the client
        with pytest.raises(RequestRefused, match="too small"):
            async with Client(str(path)) as client:
                await client.call(Start(id=1, call_id="c"))


async def test_no_daemon_is_told_with_the_address(tmp_path: Path) -> None:
    async with Client(str(tmp_path / "none"), connect_seconds=0.1) as client:
        with pytest.raises(IdentdUnavailable, match="no daemon at"):
            await client.call(Ping(id=1))


async def test_client_finds_back_after_a_restart_of_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with Client(str(path), gateway="gw1") as client:
        with small_daemon(path):
            await client.call(Ping(id=1))
        with pytest.raises(IdentdUnavailable):
            await client.call(Ping(id=2))
        with small_daemon(path) as daemon:
            assert await client.call(Ping(id=3)) == PongAnswer(id=3, op="pong")
            assert [type(request) for request in daemon.heard] == [Hello, Ping]


async def test_what_a_closed_connection_left_unanswered_is_asked_again_once(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon:
        daemon.close_after = [3, 99]
        async with Client(str(path)) as client:
            assert [answer.id for answer in await client.call_many([Ping(id=n) for n in range(5)])] == [0, 1, 2, 3, 4]
        assert daemon.connections == 2


async def test_closing_the_client_tells_whoever_waits(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with small_daemon(path) as daemon:
        async with Client(str(path)) as client:
            await client.call(Ping(id=0))
            daemon.silent = True

            async def wait() -> None:
                with pytest.raises(IdentdUnavailable, match="closed"):
                    await client.call(Ping(id=1), timeout=5)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked(0.05)
                with trio.fail_after(3):
                    await client.aclose()


async def test_answer_to_a_task_that_gave_up_is_not_taken_for_anothers(tmp_path: Path) -> None:
    path = tmp_path / "s"
    go_on = threading.Event()

    def late(request: AnyRequest) -> AnyAnswer:
        if isinstance(request, Identify) and request.dnis == "late":
            go_on.wait(5)
        return answer_to(request)

    with small_daemon(path) as daemon:
        daemon.answer_to = late
        async with Client(str(path)) as client:
            with trio.move_on_after(0.05) as given_up:
                await client.call(Identify(id=1, dnis="late", ip="192.0.2.1"))
            assert given_up.cancelled_caught
            go_on.set()
            answer = await client.call(Identify(id=1, dnis="next", ip="192.0.2.1"))
            assert isinstance(answer, DecisionAnswer)
            assert answer.dnis == "next"
        assert daemon.connections == 1
