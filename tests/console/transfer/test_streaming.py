"""A file sent as it is made: whole to whoever reads it, ended with whoever goes, and the connection given back."""

from collections.abc import AsyncGenerator, Callable, MutableMapping
from typing import Any

import pytest
import trio

from console.database import Database, Transaction
from console.errors import DatabaseAwayError
from console.transfer import streaming
from console.transfer.streaming import FileStream

Message = MutableMapping[str, Any]


async def numbers(tx: Transaction, count: int = 3) -> AsyncGenerator[bytes, None]:
    for number in range(count):
        yield b"%d\n" % await tx.value("SELECT $1::int", number)


async def sent(
    stream: FileStream, *, method: str = "GET", gone: Callable[[list[Message]], bool] = lambda _: False
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

    await stream({"type": "http", "method": method}, receive, send)
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
