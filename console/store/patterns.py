"""Texts as patterns of LIKE: every character means itself."""

import re

_WILD = re.compile(r"([\\%_])")


def literal(text: str) -> str:
    """The text, to be put between wildcards of ours."""
    return _WILD.sub(r"\\\1", text)


def part_of(text: str) -> str:
    """What contains the text."""
    return f"%{literal(text)}%"


def beginning_with(text: str) -> str:
    """What begins with it."""
    return f"{literal(text)}%"
