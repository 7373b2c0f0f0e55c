"""What loader and daemon say to each other over their socket pair: typed values in length-prefixed frames. Pure.

A frame is a 4-byte big-endian length, then that many bytes of MessagePack. The daemon speaks first (`Configure`),
the loader streams updates, and the daemon acknowledges every message once it has taken it in. At most
`WINDOW_MESSAGES` are unacknowledged: both work at the same time, and neither side ever holds a whole update.

An update takes effect at its `UpdateCommit`, whatever the number of slices before it; without one it never was.
"""

from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from matcher.change import Change

FRAME_BYTES_MAX = 16 * 1024 * 1024
"""A slice stays far below (see `SLICE_WEIGHT_MAX`); a length above this is a broken peer, not a big account."""

WINDOW_MESSAGES = 4
"""Messages of the loader that may wait for their acknowledgement: enough to keep both cores busy, and no more."""

SLICE_CHANGES_MAX = 50
"""Changes a slice while calls are being answered: the daemon takes one in well under a millisecond."""

FIRST_SLICE_CHANGES_MAX = 500
"""Changes a slice of the first load: nobody is waiting for an answer yet, so fewer, bigger steps are faster."""

SLICE_WEIGHT_MAX = 8192
"""A slice is also cut at this many changes plus networks: one account may hold 4,096 networks."""

SEEN_RUNNING_MAX = 1_000
"""Transactions that were running when the database was read, as far as they are told: see `Seen`."""

ALIVE_SECONDS = 5.0
"""How often the loader says that it runs: a query over very many changes may rightly take a minute."""


LogLevel = Literal["debug", "info", "warning", "error"]


class StreamError(ValueError):
    """The peer broke the stream; nothing after this can be trusted, so the socket is to be closed."""


class Configure(msgspec.Struct, frozen=True, array_like=True, tag="configure"):
    """The first message of the daemon. `state_directory` "" keeps no snapshot on disk. Times in seconds.

    `daemon_ready`: the daemon already has data (this loader replaces one that died), so a snapshot from disk, which
    is older than what it has, must not be replayed to it, and slices stay small from the start.
    """

    dsn: str
    poll_seconds: float = 1.0
    heartbeat_seconds: float = 5.0
    state_directory: str = ""
    daemon_ready: bool = False

    def __repr__(self) -> str:  # the DSN may hold a password, which must not reach a log through a repr
        return f"Configure(dsn=***, poll_seconds={self.poll_seconds}, heartbeat_seconds={self.heartbeat_seconds})"


class Ack(msgspec.Struct, frozen=True, array_like=True, tag="ack"):
    """So many more messages of the loader, of whatever type, have been taken in."""

    count: int = 1


class Reconcile(msgspec.Struct, frozen=True, array_like=True, tag="reconcile"):
    """Read everything again, in a full update (an operator asked, or the daemon doubts what it holds)."""


class Stop(msgspec.Struct, frozen=True, array_like=True, tag="stop"):
    """End now. A closed socket says the same."""


class UpdateBegin(msgspec.Struct, frozen=True, array_like=True, tag="begin"):
    """The following slices are one step. `full`: rows that they do not name are gone at the commit.

    A quarantined row counts as named. Rows that are as before may be named again: they change nothing.
    """

    full: bool
    source: Literal["database", "snapshot"]


class UpdateSlice(msgspec.Struct, frozen=True, array_like=True, tag="slice"):
    """Some changes of the update. A row is named at most once in an update, with one exception: its last good
    version may come before the word that it cannot be used."""

    changes: tuple[Change, ...]


class UpdateCommit(msgspec.Struct, frozen=True, array_like=True, tag="commit"):
    """All slices since `UpdateBegin` take effect now, together.

    `recorded_at`: Unix time at which the database recorded the oldest change in it; None for a full update.
    """

    recorded_at: float | None = None


class UpdateAbandon(msgspec.Struct, frozen=True, array_like=True, tag="abandon"):
    """The slices since `UpdateBegin` must leave no trace: the database went away before the update was whole."""

    reason: str


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """The transactions whose changes have been told: all below `xmin`, and below `xmax` those not in `running`."""

    xmin: int
    xmax: int
    running: Annotated[tuple[int, ...], msgspec.Meta(max_length=SEEN_RUNNING_MAX)] = ()

    def includes(self, xid: int) -> bool:
        """Whether the transaction had ended when the database was read, so that what it wrote has been told."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)


class DatabaseState(msgspec.Struct, frozen=True, array_like=True, tag="database"):
    """Sent at every poll. `as_of`: Unix time at which what the daemon holds was last known to be what is there.

    `seen`: which transactions that includes; None says nothing new about it.
    """

    connected: bool
    error: str | None = None
    as_of: float | None = None
    seen: Seen | None = None


class Alive(msgspec.Struct, frozen=True, array_like=True, tag="alive"):
    """The loader runs, whatever it is waiting for; sent every `ALIVE_SECONDS`."""


class LogLine(msgspec.Struct, frozen=True, array_like=True, tag="log"):
    """Something for the daemon's log; it never holds a secret."""

    level: LogLevel
    event: str
    fields: dict[str, str | int | float | bool | None] = {}


LoaderMessage = UpdateBegin | UpdateSlice | UpdateCommit | UpdateAbandon | DatabaseState | Alive | LogLine
DaemonMessage = Configure | Ack | Reconcile | Stop

_Message = TypeVar("_Message")
_encoder = msgspec.msgpack.Encoder()


def encode(message: LoaderMessage | DaemonMessage) -> bytes:
    """One framed message. Raises `StreamError` when it is larger than a frame may be."""
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise StreamError(f"a {type(message).__name__} of {len(body)} bytes does not fit a frame")
    return len(body).to_bytes(4, "big") + body


class StreamDecoder(Generic[_Message]):
    """Bytes in any pieces -> the messages that are whole; what is left waits for its rest."""

    __slots__ = ("_buffer", "_decoder")

    def __init__(self, decoder: "msgspec.msgpack.Decoder[_Message]") -> None:
        self._buffer = bytearray()
        self._decoder = decoder

    def feed(self, data: bytes) -> list[_Message]:
        """The messages that `data` completes, in order. Raises `StreamError` on anything that is not a message."""
        buffer = self._buffer
        buffer += data
        messages = []
        start = 0
        while len(buffer) - start >= 4:
            length = int.from_bytes(buffer[start : start + 4], "big")
            if length > FRAME_BYTES_MAX:
                raise StreamError(f"a frame of {length} bytes is announced; the limit is {FRAME_BYTES_MAX}")
            end = start + 4 + length
            if len(buffer) < end:
                break
            # msgspec lets UnicodeDecodeError through, which is a ValueError but not one of its own errors
            try:
                messages.append(self._decoder.decode(bytes(buffer[start + 4 : end])))
            except (msgspec.MsgspecError, ValueError) as error:
                raise StreamError(f"a frame that is no message: {error}") from error
            start = end
        del buffer[:start]
        return messages

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame; at the end of the stream anything but 0 means that the peer died in it."""
        return len(self._buffer)


def from_loader() -> StreamDecoder[LoaderMessage]:
    """What the daemon reads with."""
    return StreamDecoder(msgspec.msgpack.Decoder(LoaderMessage))


def from_daemon() -> StreamDecoder[DaemonMessage]:
    """What the loader reads with."""
    return StreamDecoder(msgspec.msgpack.Decoder(DaemonMessage))
