"""Text for a terminal: aligned pairs, tables, colour where a person looks. Knows no message of the protocol.

Nothing that came over the wire reaches a terminal unescaped: a caller chooses its ANI, and an escape sequence in it
must not repaint an operator's screen.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

_COLOURS = {"green": "32", "red": "31", "yellow": "33", "bold": "1", "faint": "2"}


def printable(text: str) -> str:
    """The text with everything escaped that is not printable: control characters, line ends, direction marks."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Colour only on a terminal, never where NO_COLOR is set (https://no-color.org) or the terminal is dumb."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


class Paint:
    """Colours a word, or leaves it as it is."""

    __slots__ = ("_on",)

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, colour: str, text: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._on else text


def pairs(rows: Iterable[tuple[str, object]], indent: str = "  ") -> list[str]:
    """Keys and values in two columns; underscores of a key become spaces."""
    shown = [(key.replace("_", " "), _value(value)) for key, value in rows]
    width = max((len(key) for key, _ in shown), default=0)
    return [f"{indent}{key:<{width}}  {value}" for key, value in shown]


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], paint: Paint) -> list[str]:
    """Columns under headings; numbers to the right, everything else to the left."""
    lines = list(rows)
    cells = [[_value(value) for value in row] for row in lines]
    widths = [max(len(text) for text in column) for column in zip(headings, *cells, strict=True)]
    right = [bool(lines) and all(_is_number(row[place]) for row in lines) for place in range(len(headings))]

    def line(texts: Sequence[str]) -> str:
        columns = zip(texts, widths, right, strict=True)
        return "  ".join(f"{t:>{w}}" if to_right else f"{t:<{w}}" for t, w, to_right in columns).rstrip()

    return [paint("bold", line(headings)), *map(line, cells)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case tuple() | list():
            return ", ".join(map(_value, value)) or "-"
        case "":
            return '""'
        case _:
            return printable(str(value))
