"""Ids of rows as people type them: digits that a bigint holds. Pure.

Python takes seconds to read some thousand digits, and refuses more: how many there are is looked at first.
"""

import re
from typing import Final

ID_MAX: Final = 2**63 - 1

_DIGITS = re.compile(r"[0-9]{1,19}")


def read_id(text: str, greatest: int = ID_MAX) -> int | None:
    """The whole number from 1 to `greatest` that the text is; None where it is none."""
    number = read_count(text, greatest)
    return number or None


def read_count(text: str, greatest: int) -> int | None:
    """The same from 0. `greatest` has at most 19 digits."""
    if not _DIGITS.fullmatch(text):
        return None
    number = int(text)
    return number if number <= greatest else None
