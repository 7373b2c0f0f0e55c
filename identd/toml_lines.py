"""On which line of a TOML text a key stands. `tomllib` does not say, and an operator asks nothing else.

No second parser: a prefix of the lines that is TOML by itself ends a statement, so the first such prefix that has
the key ends the statement that sets it. Slow (one parse a line), exact, and only run when something is wrong.
"""

import re
import tomllib
from typing import Any

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)$")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line (from 1) where the statement that sets `path` begins, or None where the text does not set it."""
    lines = text.splitlines()
    statement_begins = 0
    for end in range(1, len(lines) + 1):
        try:
            tables = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a statement that spans lines
        if _holds(tables, path):
            return statement_begins + 1
        statement_begins = end
    return None


def path_of(key: str) -> tuple[str, ...]:
    """`radius.clients[0].network` as the steps to it."""
    return tuple(key.replace("[", ".").replace("]", "").split("."))


def line_of_error(text: str, error: tomllib.TOMLDecodeError) -> int:
    """The line (from 1) of a syntax error; the last line for an error at the end of the text."""
    found = _AT_LINE.search(str(error))
    return int(found[1]) if found else max(1, len(text.splitlines()))


def _holds(tables: dict[str, Any], path: tuple[str, ...]) -> bool:
    here: Any = tables
    for name in path:
        if isinstance(here, list) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        elif isinstance(here, dict) and name in here:
            here = here[name]
        else:
            return False
    return True
