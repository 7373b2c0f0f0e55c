"""Netstrings into frames and back: a length in decimal digits, `:`, that many bytes, `,` (D. J. Bernstein, 1997).

What Kamailio's evapi puts around its messages. Nothing here knows what is in a frame.

Like the splitters of `framing.py`: at most one unfinished frame is kept, nothing is raised, and a fault lets the
whole frames before it come out and drops what follows. Two faults: `frame_too_large`, and `bad_frame` for what is no
netstring: whoever lost count of his own bytes cannot be followed any further. White space before a netstring is
skipped, as evapi does itself: people press Enter.
"""

from protocol.errors import ErrorCode
from protocol.framing import FRAME_BYTES_MAX

_COMMA = ord(",")
_ZERO = ord("0")
_BLANKS = b" \t\r\n"


class NetstringSplitter:
    """Cuts what arrives into the contents of netstrings. `fault` is None as long as they are netstrings."""

    __slots__ = ("_digits_max", "_frame_bytes_max", "_held", "_wanted", "fault")

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._digits_max = len(str(frame_bytes_max))
        self._held = bytearray()
        self._wanted = 0  # held bytes below which there is nothing to do yet
        self.fault: ErrorCode | None = None

    @property
    def partial(self) -> int:
        """Bytes held of a frame that is not complete yet."""
        return len(self._held)

    def split(self, data: bytes) -> list[bytes]:
        """Take what was read; give the contents of the netstrings that are complete now."""
        held = self._held
        if held:
            held += data
            if len(held) < self._wanted:
                return []
            data = bytes(held)
            held.clear()
        at, end = 0, len(data)
        frames: list[bytes] = []
        while at < end:
            if data[at] in _BLANKS:
                at += 1
                continue
            colon = data.find(b":", at, at + self._digits_max + 1)
            digits = data[at : colon if colon >= 0 else at + self._digits_max + 1]
            if not digits.isdigit() or (digits[0] == _ZERO and len(digits) > 1):
                self.fault = ErrorCode.BAD_FRAME
                return frames
            length = int(digits)
            if length > self._frame_bytes_max:
                self.fault = ErrorCode.FRAME_TOO_LARGE
                return frames
            comma = colon + 1 + length
            if colon < 0 or comma >= end:
                held += data[at:]
                self._wanted = (comma if colon >= 0 else end) + 1 - at
                return frames
            if data[comma] != _COMMA:
                self.fault = ErrorCode.BAD_FRAME
                return frames
            frames.append(data[colon + 1 : comma])
            at = comma + 1
        return frames

    def drop(self) -> None:
        """Forget what is held."""
        self._held.clear()


def netstring(content: bytes) -> bytes:
    """The content as a netstring."""
    return b"%d:%b," % (len(content), content)
