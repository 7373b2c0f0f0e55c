"""Filter and paging from the query of a URL, and back. Pure.

One table says how each field is read. A page is lenient: a link that somebody cut short or typed shows what of it can
be understood. The API is strict: a filter that was not understood must not find more than was asked for.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, get_args

from console.errors import FieldErrors
from console.objects.listing import PAGE_SIZES, AccountFilter, Paging, SortKey
from console.objects.row_id import ID_MAX, read_id

TEXT_CHARACTERS_MAX = 255
TAGS_MAX = 64
PAGE_MAX = 10**9

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_SORTS = get_args(SortKey)
_STATES = ("on", "off", "blocked")


def _text(text: str) -> str:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"Shorten it to {TEXT_CHARACTERS_MAX} characters.")
    return text


def _flag(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError("Write true or false.")
    return text.lower() in _YES


def _number(sentence: str, greatest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = read_id(text, greatest)
        if number is None:
            raise ValueError(sentence)
        return number

    return read


def _choice(of: tuple[Any, ...]) -> Callable[[str], Any]:
    by_text = {str(each): each for each in of}

    def read(text: str) -> Any:
        if text not in by_text:
            raise ValueError(f"Write one of {', '.join(by_text)}.")
        return by_text[text]

    return read


_id = _number("Write an id: a whole number from 1.", ID_MAX)

_FILTER: dict[str, Callable[[str], Any]] = {
    "q": _text,
    "ident": _text,
    "tech_prefix": _text,
    "orig": _flag,
    "orig_rate_table_id": _id,
    "routing_plan_id": _id,
    "orig_tags": _text,
    "term": _flag,
    "term_rate_table_id": _id,
    "term_tags": _text,
    "client_type": _text,
    "client": _text,
    "client_id": _id,
    "gateway_id": _id,
    "state": _choice(_STATES),
}
_PAGING: dict[str, Callable[[str], Any]] = {
    "page": _number("Write a page's number: a whole number from 1.", PAGE_MAX),
    "size": _choice(PAGE_SIZES),
    "sort": _choice(_SORTS),
    "descending": _flag,
}
"""Field -> what reads one value of it; ValueError with a sentence that says what to do."""

_TAGS = ("orig_tags", "term_tags")


def read_query(pairs: Iterable[tuple[str, str]], *, strict: bool = False) -> tuple[AccountFilter, Paging]:
    """What a query asks for. Empty values are not set; tags are divided by `,` or `;` or given several times.

    Of another field given twice the last counts. What cannot be understood is left out, or with `strict` raises
    FieldErrors, as a name that is no field does.
    """
    values: dict[str, dict[str, Any]] = {"filter": {}, "paging": {}}
    faults: dict[str, str] = {}
    for name, given in pairs:
        text = given.strip()
        part, read = ("filter", _FILTER.get(name)) if name in _FILTER else ("paging", _PAGING.get(name))
        if read is None:
            faults[name] = "There is no such filter."
        elif text:
            try:
                value = read(text)
                if name in _TAGS:
                    value = _tags(values[part].get(name, ()), text)
                values[part][name] = value
            except ValueError as fault:
                faults[name] = str(fault)
    if strict and faults:
        raise FieldErrors(faults)
    return AccountFilter(**values["filter"]), Paging(**values["paging"])


def _tags(before: tuple[str, ...], text: str) -> tuple[str, ...]:
    tags = (*before, *filter(None, (tag.strip() for tag in re.split("[,;]", text))))
    if len(tags) > TAGS_MAX:
        raise ValueError(f"Name at most {TAGS_MAX} tags.")
    return tuple(dict.fromkeys(tags))


def write_query(wanted: AccountFilter, paging: Paging | None = None) -> list[tuple[str, str]]:
    """The shortest query that asks for this, in the order of the fields; the inverse of `read_query`."""
    pairs = _pairs(wanted, AccountFilter())
    return pairs if paging is None else pairs + _pairs(paging, Paging())


def _pairs(asked: AccountFilter | Paging, nothing: AccountFilter | Paging) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name in asked.__struct_fields__:
        value = getattr(asked, name)
        if value == getattr(nothing, name):
            continue
        several = value if isinstance(value, tuple) else (value,)
        pairs += [(name, str(each).lower() if isinstance(each, bool) else str(each)) for each in several]
    return pairs
