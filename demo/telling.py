"""How the tour looks: an aligned line a step; colour on a terminal only, and not where NO_COLOR is set."""

import os
from collections.abc import Mapping
from typing import Any, TextIO

TITLE_WIDTH = 48
PLAIN = {"right": "✓", "wrong": "✗"}
COLOURS = {"right": "\x1b[32m✓\x1b[0m", "wrong": "\x1b[1;31m✗\x1b[0m"}

SHOWN_AS = {"decision": "{}", "op": "{}", "reason": "{}", "result": "{}", "account": "{}", "code": "{}"}
"""Keys whose value speaks for itself; all others are shown as `key value`."""


def coloured(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ


def in_words(values: Mapping[str, Any]) -> str:
    """`{"decision": "grant", "account": "x", "calls": 2}` as `grant x, calls 2`; what is absent as `no calls`."""
    leading = [str(values[key]) for key in SHOWN_AS if values.get(key) is not None]
    rest = []
    for key, value in values.items():
        if key not in SHOWN_AS:
            rest.append(f"no {key}" if value is None else f"{key} {'…' if value is ... else _text(value)}")
    return ", ".join([" ".join(leading), *rest] if leading else rest)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(str, value)) + "]"
    return str(value)


def line(title: str, expected: str, answered: str, right: bool, colour: bool) -> str:
    """One step: mark, what was asked, what came back, and what was expected where that is something else."""
    mark = (COLOURS if colour else PLAIN)["right" if right else "wrong"]
    told = f"  {mark} {title:<{TITLE_WIDTH}} {answered}"
    return told if right else f"{told}\n    {'':<{TITLE_WIDTH}} expected: {expected}"
