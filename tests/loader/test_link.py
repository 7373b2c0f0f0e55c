"""The loader's end of the stream: the window, wishes, endings."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from loader import stream
from loader.link import DaemonLink

LINE = stream.LogLine("info", "x")


def run(dialogue: Callable[[DaemonLink, socket.socket], Awaitable[None]], opening: bytes) -> None:
    async def scene() -> None:
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            ours.sendall(opening)
            link = await DaemonLink.open(theirs.detach())
            try:
                await dialogue(link, ours)
            finally:
                link.close()
                await asyncio.sleep(0)

    asyncio.run(scene())


CONFIGURE = stream.encode(stream.Configure("dsn", 2.0))


def test_no_more_messages_than_the_window_wait_for_their_acknowledgement() -> None:
    async def dialogue(link: DaemonLink, daemon: socket.socket) -> None:
        assert link.configuration.poll_seconds == 2.0
        for _ in range(stream.WINDOW_MESSAGES):
            await link.send(LINE)
        blocked = asyncio.create_task(link.send(LINE))
        await asyncio.sleep(0.05)
        assert not blocked.done()
        daemon.sendall(stream.encode(stream.Ack(1)))
        await asyncio.wait_for(blocked, 5.0)
        assert len(stream.from_loader().feed(daemon.recv(1 << 16))) == stream.WINDOW_MESSAGES + 1

    run(dialogue, CONFIGURE)


def test_a_wish_to_read_everything_wakes_the_loader_even_with_the_first_bytes() -> None:
    async def dialogue(link: DaemonLink, daemon: socket.socket) -> None:
        assert link.reconcile
        assert link.wake.is_set()

    run(dialogue, CONFIGURE + stream.encode(stream.Reconcile()))


@pytest.mark.parametrize("last", [stream.encode(stream.Stop()), b"\xff\xff\xff\xff", CONFIGURE, b""])
def test_stop_nonsense_and_a_closed_socket_all_end_it(last: bytes) -> None:
    async def dialogue(link: DaemonLink, daemon: socket.socket) -> None:
        assert not link.ended.is_set()
        daemon.sendall(last)
        if not last:
            daemon.close()
        await asyncio.wait_for(link.ended.wait(), 5.0)

    run(dialogue, CONFIGURE)


def test_anything_before_the_configuration_is_refused() -> None:
    async def dialogue(link: DaemonLink, daemon: socket.socket) -> None:
        raise AssertionError("the link opened")

    with pytest.raises(stream.StreamError, match="not Configure"):
        run(dialogue, stream.encode(stream.Stop()))
