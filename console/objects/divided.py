"""Several values in one text, divided by `;` or `,`: tags, gateways, realms. Pure.

A value that holds a divider, a quotation mark or blanks at its ends is written in quotation marks, as in CSV
(`"a, b"; c`), so that whatever is in the table can be written and read back.
"""

import re
from collections.abc import Iterable

_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?=[;,\n]|$)|([^;,\n]*))[;,\n]?')


def divided(text: str) -> tuple[str, ...]:
    """The values, each once, in the order written, without blanks around them; empty ones are left out."""
    if not text:
        return ()
    if '"' not in text:
        parts = re.split(r"[;,\n]", text)
        return tuple(dict.fromkeys(part for part in map(str.strip, parts) if part))
    found: dict[str, None] = {}
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        assert match is not None, "the second branch fits anything"
        quoted, plain = match.groups()
        value = plain.strip() if quoted is None else quoted.replace('""', '"')
        if value:
            found[value] = None
        at = match.end() if match.end() > at else at + 1
    return tuple(found)


def joined(values: Iterable[str]) -> str:
    """The text that `divided` reads back as these values."""
    return "; ".join(_written(value) for value in values)


def _written(value: str) -> str:
    if any(character in value for character in ';,\n"') or value != value.strip():
        return '"' + value.replace('"', '""') + '"'
    return value
