"""CSV as it comes in: bytes -> the columns of the header and, lazily, one record a line. Pure.

A file is whole or it is refused: what is no text, has an unknown column or a quotation mark that nobody closes raises
`CsvError` with the line where it happened. A record with too few or too many cells is its own line's trouble only.
"""

import csv
import difflib
import io
from collections.abc import Iterator, Sequence

import msgspec

DELIMITERS = (",", ";", "\t")
COLUMNS_MAX = 100
"""Three times the fields of an account."""
LINE_BYTES_MAX = 1_048_576
"""Of one line of the file; the longest record that can be right has 4,096 networks and 64 KB of notes."""
CELL_CHARACTERS_MAX = 262_144
"""4,096 networks of up to 43 characters, divided by `;`, and room to spare."""
NAMES_SHOWN = 3
BOM = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

SPREADSHEET_ID = "spreadsheet_id"
"""A file with this column instead of `id` was made for spreadsheets: its cells may begin with a guard (export.py)."""
GUARD = "'"

csv.field_size_limit(CELL_CHARACTERS_MAX)  # of the whole process; nothing else in it reads CSV


class CsvError(Exception):
    """The file cannot be read from `line` on (1 is the first); `reason` is a sentence that says what to do."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


class Record(msgspec.Struct, frozen=True):
    """One record: the line on which it begins, and its cells by column; or what is wrong with it as a whole."""

    line: int
    cells: dict[str, str]
    error: str = ""


class CsvFile:
    """A file that is being read: `columns` at once, the records as they are asked for. Raises `CsvError` in both.

    `known`: the columns that may be there. Their order is free, letters may be large, and a space is as good as `_`.
    """

    __slots__ = ("_is_guarded", "_reader", "columns")

    def __init__(self, data: bytes, known: Sequence[str]) -> None:
        if data.startswith(UTF16_MARKS):
            raise CsvError(1, "this is UTF-16: save the file as “CSV UTF-8”")
        lines = _lines(data.removeprefix(BOM))
        first = next(lines, None)
        if first is None or not first.strip():
            raise CsvError(1, f"the first line names the columns, such as {','.join(known[:NAMES_SHOWN])}")
        names = [(delimiter, _names(first, delimiter)) for delimiter in DELIMITERS]
        wanted = {*known, SPREADSHEET_ID}
        delimiter, columns = max(names, key=lambda pair: len(wanted.intersection(pair[1])))  # the first of equals
        _check_columns(columns, known)
        self._is_guarded = SPREADSHEET_ID in columns
        self.columns = tuple("id" if name == SPREADSHEET_ID else name for name in columns)
        self._reader = csv.reader(lines, delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[Record]:
        columns, count, reader = self.columns, len(self.columns), self._reader
        line = 2
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise CsvError(line, _sentence(error)) from None
            if cells is None:
                return
            if self._is_guarded:
                cells = [cell.removeprefix(GUARD) for cell in cells]
            if len(cells) == count:
                yield Record(line, dict(zip(columns, cells, strict=True)))
            elif cells:  # an empty line is nothing
                yield Record(line, {}, f"this line has {len(cells)} cells, the first line names {count} columns")
            line = reader.line_num + 2


def _lines(data: bytes) -> Iterator[str]:
    """Text lines with their ends, of whichever kind; decoded one by one so that a wrong byte has a line number."""
    number = 0
    stream = io.BytesIO(data)
    while raw := stream.readline(LINE_BYTES_MAX + 1):
        if len(raw) > LINE_BYTES_MAX:
            raise CsvError(number + 1, f"this line is longer than {LINE_BYTES_MAX} bytes")
        for part in raw.splitlines(keepends=True) if b"\r" in raw else (raw,):
            number += 1
            try:
                text = part.decode()
            except UnicodeDecodeError:
                raise CsvError(number, "this line is not UTF-8: save the file as “CSV UTF-8”") from None
            if "\0" in text:
                raise CsvError(number, "this line has a NUL in it, so this is no text file: save it as “CSV UTF-8”")
            yield text


def _names(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return ["_".join(cell.lower().split()) for cell in cells]


def _check_columns(columns: Sequence[str], known: Sequence[str]) -> None:
    if not columns:
        raise CsvError(1, "the first line names the columns: a quotation mark in it is never closed")
    if len(columns) > COLUMNS_MAX:
        raise CsvError(1, f"there are {len(columns)} columns, and an account has no more than {len(known)}")
    faults = []
    for place, name in enumerate(columns):
        if not name:
            faults.append(f"column {place + 1} has no name")
        elif name in columns[:place]:
            faults.append(f"column {name} is there twice")
        elif name not in known and name != SPREADSHEET_ID:
            near = difflib.get_close_matches(name, known, NAMES_SHOWN) or [one for one in known if name in one]
            meant = f": did you mean {' or '.join(near[:NAMES_SHOWN])}?" if near else ""
            faults.append(f"there is no column {name[:60]}{meant}")
    if SPREADSHEET_ID in columns and "id" in columns:
        faults.append(f"only one of id and {SPREADSHEET_ID} can be there")
    if faults:
        more = f"; and {len(faults) - NAMES_SHOWN} more" if len(faults) > NAMES_SHOWN else ""
        raise CsvError(1, "; ".join(faults[:NAMES_SHOWN]) + more)


_SENTENCES = (
    ("unexpected end of data", "a quotation mark is opened here and never closed"),
    ("expected after", "after a closing quotation mark comes the delimiter: write a quotation mark in a cell twice"),
    (
        "field larger",
        f"a cell here has more than {CELL_CHARACTERS_MAX} characters: is a quotation mark never closed?",
    ),
)
"""Part of what Python's csv says -> what we say."""


def _sentence(error: csv.Error) -> str:
    return next((ours for theirs, ours in _SENTENCES if theirs in str(error)), "this line is no CSV")
