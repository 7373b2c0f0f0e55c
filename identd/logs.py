"""Log lines: one event, its fields, standard error; text for people or JSON for machines. Edges only, no line a call.

What a peer sent is data: control characters are escaped, so nobody writes lines into our log. Telephone numbers are
masked unless the configuration says otherwise; secrets never get here. Standard error may be a pipe that nobody
reads, and a blocked write would stop every answer: a thread of its own writes, from a bounded queue, and what does
not fit is dropped and counted.
"""

import json
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

Field = str | int | float | bool | None
Level = Literal["debug", "info", "warning", "error"]

LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
QUEUE_LINES_MAX = 1000  # some 200 KB; a reader that is this far behind is not reading
CLOSE_SECONDS = 1.0  # how long the last lines may take when the daemon ends
VALUE_CHARS_MAX = 2000  # of one field; a traceback is cut from the front

NUMBER_FIELDS = frozenset({"ani", "dnis", "number"})
"""Fields that hold a telephone number."""

_ESCAPED = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\\"]')
_PLAIN = re.compile(r"[\w.:/@+,*#%\[\]-]+", re.ASCII)


class Log:
    """Takes events on any thread, never blocks, never raises."""

    __slots__ = ("_clear_numbers", "_format", "_level", "_queue", "_stream", "_thread", "_wall", "dropped")

    def __init__(
        self,
        level: Level = "info",
        format: Literal["text", "json"] = "text",
        numbers: Literal["masked", "clear"] = "masked",
        stream: TextIO | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._wall = wall
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.dropped = 0
        self.configure(level, format, numbers)
        self._thread = threading.Thread(target=self._write_forever, name="log", daemon=True)
        self._thread.start()

    def configure(
        self,
        level: Level,
        format: Literal["text", "json"],
        numbers: Literal["masked", "clear"],
    ) -> None:
        """How much is written, and how, from now on."""
        self._level = LEVELS[level]
        self._format = format
        self._clear_numbers = numbers == "clear"

    def debug(self, event: str, **fields: Field) -> None:
        """For whoever looks for a fault in identd itself."""
        self.log("debug", event, fields)

    def info(self, event: str, **fields: Field) -> None:
        """The daemon's life: started, ready, stopping."""
        self.log("info", event, fields)

    def warning(self, event: str, **fields: Field) -> None:
        """Something outside is not as it should be; calls go on."""
        self.log("warning", event, fields)

    def error(self, event: str, exception: BaseException | None = None, **fields: Field) -> None:
        """Something of ours does not work; `exception` adds where it was raised."""
        if exception is not None:
            fields["traceback"] = "".join(traceback.format_exception(exception))[-VALUE_CHARS_MAX:]
        self.log("error", event, fields)

    def close(self) -> None:
        """Write what is waiting, as far as somebody reads it, and end the thread."""
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)

    def log(self, level: Level, event: str, fields: Mapping[str, Field]) -> None:
        """One line, if its level is wanted and somebody reads."""
        if LEVELS[level] < self._level:
            return
        if self._queue.qsize() >= QUEUE_LINES_MAX:
            self.dropped += 1
            return
        if not self._clear_numbers:
            fields = {name: masked(value) if name in NUMBER_FIELDS else value for name, value in fields.items()}
        at = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json_line if self._format == "json" else text_line
        self._queue.put(line(at, level, event, fields))

    def _write_forever(self) -> None:
        while (line := self._queue.get()) is not None:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # the reader is gone, or the stream is closed
                self.dropped += 1


def masked(value: Field) -> Field:
    """A telephone number without its middle: enough to recognise it, not enough to call it."""
    if not isinstance(value, str) or len(value) < 4:
        return "***" if isinstance(value, str) and value else value
    return f"{value[:3]}***{value[-2:]}" if len(value) >= 8 else f"{value[:1]}***"


def text_line(at: str, level: str, event: str, fields: Mapping[str, Field]) -> str:
    """`2026-01-01T00:00:00.000Z warning event key=value key="two words"`."""
    shown = "".join(f" {name}={_text(value)}" for name, value in fields.items() if value is not None)
    return f"{at} {level:<7} {event}{shown}\n"


def json_line(at: str, level: str, event: str, fields: Mapping[str, Field]) -> str:
    """One JSON object a line; `at`, `level` and `event` cannot be overwritten by a field."""
    shown = {name: value[:VALUE_CHARS_MAX] if isinstance(value, str) else value for name, value in fields.items()}
    return json.dumps({**shown, "at": at, "level": level, "event": event}) + "\n"


def _text(value: Field) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)[:VALUE_CHARS_MAX]
    if _PLAIN.fullmatch(text):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in '\\"':
        return "\\" + character
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character, f"\\u{ord(character):04x}")
