"""Bytes into frames and back: where one message ends and the next begins, and nothing about what is in it.

Two framings on one port, told apart by the first byte of a connection (docs/protocol.md): JSON lines end with LF,
binary frames begin with a 4-byte big-endian length. No frame may be longer than 65,536 bytes.

A splitter keeps at most one unfinished frame. It never raises: a frame that is too long sets `fault`, the whole
frames before it still come out, and everything after it is dropped. Every byte is copied a bounded number of
times however the peer cuts its writes: whole frames are cut straight out of the data just read, and an unfinished
one is only collected until it is complete.
"""

from struct import Struct
from typing import Literal, Protocol

from protocol.errors import ErrorCode

FRAME_BYTES_MAX = 65_536
Encoding = Literal["json", "msgpack"]

JSON_FIRST_BYTES = frozenset(b"{ \t\r\n")
"""A connection that begins with one of these speaks JSON lines; with any other byte, binary.

No binary connection can begin with one: the first byte of a length up to 65,536 is zero.
"""

_LENGTH = Struct(">I")
_unpack_length = _LENGTH.unpack_from
_pack_length = _LENGTH.pack
_LENGTH_BYTES = _LENGTH.size
_BLANKS = b" \t\r"


def encoding_of(first_byte: int) -> Encoding:
    """Which encoding a connection speaks, from its first byte."""
    return "json" if first_byte in JSON_FIRST_BYTES else "msgpack"


class Splitter(Protocol):
    """What both framings offer."""

    fault: ErrorCode | None

    @property
    def partial(self) -> int:
        """Bytes held of a frame that is not complete yet."""

    def split(self, data: bytes) -> list[bytes]:
        """Take what was read; give the whole frames that are complete now, without their framing."""

    def drop(self) -> None:
        """Forget what is held."""


class BinarySplitter:
    """Frames with a 4-byte big-endian length before them."""

    __slots__ = ("_frame_bytes_max", "_held", "_wanted", "fault")

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._held = bytearray()
        self._wanted = _LENGTH_BYTES  # held bytes below which there is nothing to do yet
        self.fault: ErrorCode | None = None

    @property
    def partial(self) -> int:
        return len(self._held)

    def split(self, data: bytes) -> list[bytes]:
        held = self._held
        if held:
            held += data
            if len(held) < self._wanted:
                return []
            data = bytes(held)
            held.clear()
        at, end = 0, len(data)
        frames: list[bytes] = []
        while end - at >= _LENGTH_BYTES:
            (length,) = _unpack_length(data, at)
            if length > self._frame_bytes_max:
                self.fault = ErrorCode.FRAME_TOO_LARGE
                return frames
            frame_end = at + _LENGTH_BYTES + length
            if frame_end > end:
                self._wanted = frame_end - at
                held += data[at:]
                return frames
            frames.append(data[at + _LENGTH_BYTES : frame_end])
            at = frame_end
        self._wanted = _LENGTH_BYTES
        if at < end:
            held += data[at:]
        return frames

    def drop(self) -> None:
        self._held.clear()


class LineSplitter:
    """Lines that end with LF. Lines of nothing but blanks are skipped: people press Enter."""

    __slots__ = ("_frame_bytes_max", "_held", "fault")

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._held = bytearray()
        self.fault: ErrorCode | None = None

    @property
    def partial(self) -> int:
        return len(self._held)

    def split(self, data: bytes) -> list[bytes]:
        held = self._held
        *lines, rest = data.split(b"\n")
        if lines and held:
            lines[0] = bytes(held) + lines[0]
            held.clear()
        frames: list[bytes] = []
        for line in lines:
            if len(line) > self._frame_bytes_max:
                self.fault = ErrorCode.FRAME_TOO_LARGE
                return frames
            if line.strip(_BLANKS):
                frames.append(line)
        held += rest
        if len(held) > self._frame_bytes_max:
            self.fault = ErrorCode.FRAME_TOO_LARGE
            held.clear()
        return frames

    def drop(self) -> None:
        self._held.clear()


def splitter(encoding: Encoding, frame_bytes_max: int = FRAME_BYTES_MAX) -> Splitter:
    """The framing that belongs to an encoding."""
    return LineSplitter(frame_bytes_max) if encoding == "json" else BinarySplitter(frame_bytes_max)


def framed_binary(payload: bytes) -> bytes:
    """A payload with its length before it."""
    return _pack_length(len(payload)) + payload


def framed_line(payload: bytes) -> bytes:
    """A payload with LF after it; the encoder escapes every LF inside."""
    return payload + b"\n"
