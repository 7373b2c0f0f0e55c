"""A reader is waited for as long as the piece is worth, and then the server is told to end it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from console import slow_readers
from console.slow_readers import CLOSING_SECONDS, ENDED_SECONDS, SEND_BYTES_PER_SECOND_MIN, Ended, send_within

BODY = {"type": "http.response.body", "body": b"a"}


class Server:
    """Sends nothing until it is told that the application has ended; shielded, as Hypercorn's writing is."""

    def __init__(self, *, listens: bool = True) -> None:
        self.ended = trio.Event()
        self.listens = listens

    async def send(self, message: Any) -> None:
        if message is None:
            self.ended.set()
        else:
            with trio.CancelScope(shield=self.listens):
                await (self.ended if self.listens else trio.Event()).wait()


async def seconds_of(work: Callable[[], Awaitable[bool]]) -> float:
    began = trio.current_time()
    await work()
    return trio.current_time() - began


async def test_the_connection_is_ended_when_patience_is(autojump_clock: trio.testing.MockClock):
    server = Server()
    assert await seconds_of(lambda: send_within(server.send, BODY, 10.0, None)) == pytest.approx(10.0, abs=0.1)
    assert server.ended.is_set()


async def test_a_large_piece_may_take_a_slow_line_s_time(autojump_clock: trio.testing.MockClock):
    large = {**BODY, "body": b"a" * (20 * SEND_BYTES_PER_SECOND_MIN)}
    assert await seconds_of(lambda: send_within(Server().send, large, 10.0, None)) == pytest.approx(30.0, abs=0.1)


async def test_a_server_that_goes_on_waiting_is_left(autojump_clock: trio.testing.MockClock):
    server = Server(listens=False)
    taken = await seconds_of(lambda: send_within(server.send, BODY, 10.0, None))
    assert taken == pytest.approx(10.0 + CLOSING_SECONDS, abs=0.1)


async def test_the_rest_of_a_body_is_taken_so_that_the_server_can_close(autojump_clock: trio.testing.MockClock):
    taken = trio.Event()

    async def rest() -> None:
        taken.set()
        await trio.sleep_forever()

    assert not await send_within(Server().send, BODY, 1.0, rest)
    assert taken.is_set()


async def test_a_reader_who_reads_is_not_told_of():
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    assert await send_within(send, BODY, slow_readers.SEND_SECONDS, None)
    assert told == [BODY]


def asked_by(client: tuple[str, int], version: str = "1.1") -> dict[str, Any]:
    return {"type": "http", "client": client, "http_version": version}


async def test_a_connection_that_was_ended_is_known_once_and_for_a_moment(autojump_clock: trio.testing.MockClock):
    ended = Ended()
    for port in (1, 2):
        ended.add(asked_by(("192.0.2.1", port)))
    ended.add(asked_by(("192.0.2.2", 1), "2"))  # others go on asking on that one
    assert [ended.has(asked_by(("192.0.2.1", 1))) for _ in range(2)] == [True, False]
    assert not ended.has(asked_by(("192.0.2.2", 1)))
    await trio.sleep(ENDED_SECONDS + 0.1)
    assert not ended.has(asked_by(("192.0.2.1", 2)))
