"""`python -m loader.main --fd N`: the loader process, started by the daemon with its end of a socket pair.

It ends when the daemon says so, when its end of the socket closes, and on SIGTERM; never because of the database.
"""

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from loader.link import DaemonLink
from loader.recording import Recording
from loader.stream import ALIVE_SECONDS, Alive
from loader.supervise import supervise


async def serve(fd: int) -> None:
    """Follow the database for the daemon at the other end of `fd`, until it is told to end."""
    try:
        link = await DaemonLink.open(fd)
    except EOFError:
        return  # the daemon ended before it began: nobody is there to serve or to tell
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, link.ended.set)
    # Ctrl-C reaches the whole process group: the daemon drains first and tells us when
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    directory = link.configuration.state_directory
    recording = Recording(Path(directory) if directory else None)
    work = asyncio.create_task(supervise(link, recording))
    beat = asyncio.create_task(keep_saying_alive(link))
    ended = asyncio.create_task(link.ended.wait())
    try:
        done, _ = await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
        if work in done and not link.ended.is_set():
            with contextlib.suppress(ConnectionError):  # the daemon is gone, and a write has met that first
                await work  # a fault of ours, for the daemon to see as our exit code; it starts us again
    finally:
        work.cancel()
        beat.cancel()
        ended.cancel()
        await asyncio.wait({work}, timeout=1.0)
        recording.close()
        link.close()


async def keep_saying_alive(link: DaemonLink) -> None:
    """Tell the daemon that we run, for as long as it is there: it replaces a loader that has gone silent."""
    with contextlib.suppress(ConnectionError):  # whoever writes next finds the same, or has: `ended` is set
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            await link.send(Alive())


def run(arguments: list[str] | None = None) -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="loader", description="Streams accounts from PostgreSQL to identd.")
    parser.add_argument("--fd", type=int, required=True, help="the number of an open Unix stream socket")
    asyncio.run(serve(parser.parse_args(arguments).fd))


if __name__ == "__main__":
    run()
