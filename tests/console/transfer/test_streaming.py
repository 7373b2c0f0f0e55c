"""A file sent as it is made: whole to whoever reads it, ended with whoever goes, and the connection given back."""

from collections.abc import AsyncGenerator, Callable, MutableMapping
from typing import Any

import pytest
import trio
import trio.testing
from starlette.applications import Starlette

from console.database import Database, Transaction
from console.errors import DatabaseAwayError
from console.transfer import streaming
from console.transfer.streaming import FILES_MAX, FileStream

Message = MutableMapping[str, Any]


async def numbers(tx: Transaction, count: int = 3) -> AsyncGenerator[bytes, None]:
    for number in range(count):
        yield b"%d\n" % await tx.value("SELECT $1::int", number)


async def sent(
    stream: FileStream,
    *,
    method: str = "GET",
    gone: Callable[[list[Message]], bool] = lambda _: False,
    app: Starlette | None = None,
) -> list[Message]:
    """What goes out; `gone` says after which messages the reader has gone."""
    messages: list[Message] = []
    left = trio.Event()

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)
        if gone(messages):
            left.set()
        await trio.lowlevel.checkpoint()

    scope = {"type": "http", "method": method, "path": "/file", "headers": [], "app": app or Starlette()}
    await stream(scope, receive, send)
    return messages


async def test_file_is_sent_whole(store: Database) -> None:
    start, *pieces = await sent(FileStream("a-1.csv", store.transaction("x", readonly=True), numbers))
    assert start["status"] == 200
    headers = dict(start["headers"])
    assert headers[b"content-disposition"] == b'attachment; filename="a-1.csv"'
    assert headers[b"content-type"] == b"text/csv; charset=utf-8"
    assert b"content-length" not in headers
    assert b"".join(piece["body"] for piece in pieces) == b"0\n1\n2\n"
    assert [piece["more_body"] for piece in pieces][-2:] == [True, False]


async def test_a_large_piece_goes_in_small_ones(store: Database) -> None:
    async def large(_tx: Transaction) -> AsyncGenerator[bytes, None]:
        yield b"head"
        yield b"a" * 150_000

    _start, head, *pieces = await sent(FileStream("a.csv", store.transaction("x", readonly=True), large))
    assert [len(piece["body"]) for piece in (head, *pieces)] == [4, 65_536, 65_536, 18_928, 0]


async def test_reader_that_goes_ends_it_and_the_connection_is_free(store: Database) -> None:
    for _ in range(6):  # the pool has four
        stream = FileStream("a.csv", store.transaction("x", readonly=True), lambda tx: numbers(tx, 1_000_000))
        messages = await sent(stream, gone=lambda messages: len(messages) > 5)
        assert len(messages) < 50
    assert await store.value("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == 0


async def test_reader_that_does_not_read_is_left(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SECONDS_MAX", 0.2)
    with trio.fail_after(10):
        stream = FileStream("a.csv", store.transaction("x", readonly=True), lambda tx: numbers(tx, 1_000_000_000))
        assert (await sent(stream))[-1]["more_body"]


async def test_head_gets_the_head(store: Database) -> None:
    start, end = await sent(FileStream("a.csv", store.transaction("x", readonly=True), numbers), method="HEAD")
    assert (start["status"], end["body"]) == (200, b"")


async def test_database_that_is_away_is_told_before_anything_is_sent(store: Database) -> None:
    async def away(_tx: Transaction) -> AsyncGenerator[bytes, None]:
        raise DatabaseAwayError("gone")
        yield b""

    with pytest.raises(DatabaseAwayError):
        await sent(FileStream("a.csv", store.transaction("x", readonly=True), away))


@pytest.mark.parametrize("name", ['a".csv', "a\r\nx: y", "ä.csv", "../a", ""])
async def test_file_name_is_one_of_ours(store: Database, name: str) -> None:
    with pytest.raises(AssertionError):
        FileStream(name, store.transaction("x"), numbers)


async def test_reader_that_goes_while_the_database_works_leaves_no_fault(store: Database) -> None:
    async def slow(tx: Transaction) -> AsyncGenerator[bytes, None]:
        yield b"first\n"
        await tx.value("SELECT pg_sleep(20)::text")
        yield b"second\n"

    with trio.fail_after(10):
        messages = await sent(
            FileStream("a.csv", store.transaction("x", readonly=True), slow), gone=lambda messages: len(messages) == 2
        )
    assert [message.get("body") for message in messages] == [None, b"first\n"]
    assert await store.value("SELECT 1") == 1


async def test_a_file_more_than_the_pages_can_bear_is_asked_to_come_again(store: Database) -> None:
    app, goes_on = Starlette(), trio.Event()

    async def waiting(tx: Transaction) -> AsyncGenerator[bytes, None]:
        yield b"first\n"
        await goes_on.wait()
        yield b"second\n"

    def stream() -> FileStream:
        return FileStream("a.csv", store.transaction("x", readonly=True), waiting)

    async def whole() -> None:
        assert (await sent(stream(), app=app))[-2]["body"] == b"second\n"

    async with trio.open_nursery() as nursery:
        for _ in range(FILES_MAX):
            nursery.start_soon(whole)
        await trio.sleep(0.5)
        start, body = await sent(stream(), app=app)
        assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"10")
        assert b"try again" in body["body"]
        goes_on.set()
    await whole()
