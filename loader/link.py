"""The loader's end of the socket pair: sends messages to the daemon, at most a window of them unacknowledged.

Everything that arrives is handled here: acknowledgements open the window, `Reconcile` sets a flag, and `Stop`, a
closed socket or a broken stream end the loader through `ended`.
"""

import asyncio
import socket

from loader import stream

READ_BYTES = 65536


class DaemonLink:
    """Open with `await DaemonLink.open(fd)`; the first message of the daemon is then in `configuration`."""

    __slots__ = ("_decoder", "_pump", "_reader", "_window", "_writer", "configuration", "ended", "reconcile", "wake")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = stream.from_daemon()
        self._window = asyncio.Semaphore(stream.WINDOW_MESSAGES)
        self._pump: asyncio.Task[None] | None = None
        self.configuration = stream.Configure("")
        self.ended = asyncio.Event()
        self.wake = asyncio.Event()
        self.reconcile = False

    @classmethod
    async def open(cls, fd: int) -> "DaemonLink":
        """Takes the socket over and waits for `Configure`.

        Raises `StreamError` when anything else comes first, EOFError when nothing does.
        """
        link = cls(*await asyncio.open_unix_connection(sock=socket.socket(fileno=fd)))
        try:
            await link._configure()
        except (stream.StreamError, EOFError):
            link.close()
            await asyncio.sleep(0)  # the transport closes its socket on the next turn of the loop
            raise
        link._pump = asyncio.create_task(link._listen())
        return link

    async def send(self, message: stream.LoaderMessage) -> bytes:
        """Send one message when the window is open; returns its frame, so that a recording need not encode again."""
        frame = stream.encode(message)
        await self.send_frame(frame)
        return frame

    async def send_frame(self, frame: bytes) -> None:
        """As `send`, for a frame that was encoded before."""
        await self._window.acquire()
        self._writer.write(frame)
        await self._writer.drain()

    async def log(self, level: stream.LogLevel, event: str, **fields: str | int | float | bool | None) -> None:
        """A line for the daemon's log."""
        await self.send(stream.LogLine(level, event, fields))

    def close(self) -> None:
        """Let go of the socket."""
        if self._pump is not None:
            self._pump.cancel()
        self._writer.close()

    async def _configure(self) -> None:
        messages: list[stream.DaemonMessage] = []
        while not messages:
            data = await self._reader.read(READ_BYTES)
            if not data:
                raise EOFError("the daemon closed the stream before it said anything")
            messages = self._decoder.feed(data)
        first, *rest = messages
        if not isinstance(first, stream.Configure):
            raise stream.StreamError(f"the daemon began with {type(first).__name__}, not Configure")
        self.configuration = first
        self._take(rest)

    async def _listen(self) -> None:
        try:
            while data := await self._reader.read(READ_BYTES):
                self._take(self._decoder.feed(data))
        except (OSError, stream.StreamError):
            pass  # a daemon that is gone or talks nonsense is no daemon: in both cases there is nothing left to do
        self.ended.set()

    def _take(self, messages: list[stream.DaemonMessage]) -> None:
        for message in messages:
            match message:
                case stream.Ack(count=count):
                    for _ in range(count):
                        self._window.release()
                case stream.Reconcile():
                    self.reconcile = True
                    self.wake.set()
                case stream.Stop():
                    self.ended.set()
                case stream.Configure():
                    raise stream.StreamError("a second Configure")
