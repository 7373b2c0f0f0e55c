"""How the loader process ends."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from loader import main
from loader.link import DaemonLink
from loader.stream import WINDOW_MESSAGES, Ack, Alive, Configure, Stop, encode, from_loader
from tests.loader.conftest import Daemon, Session

Start = Callable[..., Daemon]


def test_a_closed_socket_ends_it(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database)
    daemon.update()
    assert daemon.end() == 0


def test_stop_ends_it_even_in_the_middle_of_an_update(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database)
    daemon.say(Stop())
    assert daemon.process.wait(5.0) == 0


@pytest.mark.parametrize("away", [True, False])
def test_sigterm_ends_it_with_and_without_a_database(
    database: str, billing: Session, start_loader: Start, away: bool
) -> None:
    daemon = start_loader("postgresql://x@127.0.0.1:1/x" if away else database)
    daemon.state(connected=not away)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(5.0) == 0


def test_ctrl_c_at_the_terminal_is_left_to_the_daemon(database: str, billing: Session, start_loader: Start) -> None:
    daemon = start_loader(database)
    daemon.update()
    daemon.state(connected=True)
    daemon.process.send_signal(signal.SIGINT)
    billing("UPDATE identd.accounts SET orig_capacity = 1")
    daemon.update()


def test_a_daemon_that_does_not_begin_with_its_configuration_is_refused() -> None:
    from loader import stream

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(stream.encode(Ack()))
        command = [sys.executable, "-m", "loader.main", "--fd", str(theirs.fileno())]
        ended = subprocess.run(
            command, check=False, pass_fds=[theirs.fileno()], capture_output=True, text=True, timeout=20
        )
    assert ended.returncode == 1
    assert "not Configure" in ended.stderr


def test_the_daemon_is_told_again_and_again_that_the_loader_lives_until_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(main, "ALIVE_SECONDS", 0.01)

    async def scene() -> None:
        ours, theirs = socket.socketpair()
        ours.sendall(encode(Configure("")))
        link = await DaemonLink.open(theirs.detach())
        beat = asyncio.create_task(main.keep_saying_alive(link))
        ours.setblocking(False)
        decoder, heard = from_loader(), 0
        while heard < 3 * WINDOW_MESSAGES:
            messages = decoder.feed(await asyncio.get_running_loop().sock_recv(ours, 4096))
            assert set(messages) == {Alive()}
            heard += len(messages)
            ours.sendall(encode(Ack(len(messages))))
        ours.close()
        await asyncio.wait_for(link.ended.wait(), 5.0)
        beat.cancel()
        await asyncio.wait({beat})
        link.close()
        await asyncio.sleep(0)

    asyncio.run(scene())
