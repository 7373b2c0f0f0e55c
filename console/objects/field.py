"""The fields of what accounts refer to, and reading what was entered: text from forms, JSON from programs. Pure.

A table of `Field`s describes what is edited (`client.py`, `reseller.py`, `gateway.py`, `named.py`); the code here
loops over it. A field is read and written as its `Kind` says; the kinds that accounts have too are those of
`field_values.py`. What is read keeps the CHECKs of the schema, so that PostgreSQL has nothing left to refuse.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from console.errors import FieldErrors
from console.objects import field_values as v
from console.objects.references import NO_REFERENCES, References
from matcher.account import IDENT_ORDER
from protocol.reason import Reason

MONEY_MAX = Decimal(10) ** 12
MONEY_DECIMALS_MAX = 6
"""numeric(18, 6); the daemon counts in millionths too."""
SIP_CODE_MIN, SIP_CODE_MAX = 400, 699

_MONEY = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_ID = re.compile(r"#?([0-9]{1,19})")
_BETWEEN = re.compile(r"[;,\s]+")
_MONEY_AS = "such as 1250.50, without a currency"
_IDENTS = f"Write some of {', '.join(IDENT_ORDER)}, each once, the one to be tried first in front"


class Kind(msgspec.Struct, frozen=True):
    """How values of a kind are read and written. Readers raise `BadValueError` and get neither "" nor None.

    `widget`: what a form needs: text, lines, number, flag, choice, reference.
    """

    widget: str
    read: Callable[[str], Any]
    read_json: Callable[[Any], Any]
    write: Callable[[Any], str] = str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. `name` is the column's, the form's and the API's; `empty` says what it means to leave it empty.

    `choices`: value and label; those of a text are offers. `refers_to`: of what kind the entry is that it names.
    """

    name: str
    label: str
    kind: Kind
    block: str = "General"
    help: str = ""
    required: bool = False
    empty: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    refers_to: str = ""


def read_text(
    fields: Sequence[Field], entered: Mapping[str, str], references: References = NO_REFERENCES
) -> dict[str, Any]:
    """Columns -> values from a form; what is empty is left out, and other keys (csrf, etag) are not looked at.

    Raises FieldErrors with every fault at once.
    """

    def read(field: Field) -> Any:
        text = entered.get(field.name, "").strip()
        if not text:
            return None
        return _referred(field, text, references) if field.refers_to else field.kind.read(text)

    return _read(fields, read, {})


def read_values(fields: Sequence[Field], entered: Mapping[str, Any]) -> dict[str, Any]:
    """Columns -> values from JSON; null is not set. Raises FieldErrors with every fault at once.

    A name that is none is a fault: what a program misspells is not left out in silence.
    """

    def read(field: Field) -> Any:
        value = entered.get(field.name)
        return None if value is None else field.kind.read_json(value)

    known = {field.name for field in fields}
    unknown = {
        name: f"There is no such field: use {', '.join(sorted(known))}" for name in entered if name not in known
    }
    return _read(fields, read, unknown)


def to_text(fields: Sequence[Field], value: object) -> dict[str, str]:
    """What a form shows, field by field, "" where nothing is set; the inverse of `read_text`."""
    values = ((field, getattr(value, field.name)) for field in fields)
    return {field.name: "" if each is None else field.kind.write(each) for field, each in values}


def to_values(fields: Sequence[Field], value: object) -> dict[str, Any]:
    """What the API shows; the inverse of `read_values`. Money is text, so that no float rounds it."""
    return {field.name: _plain(getattr(value, field.name)) for field in fields}


def changes(fields: Sequence[Field], before: object, after: object) -> list[tuple[str, str, str]]:
    """What differs: label, before, after, as forms show them."""
    was, became = to_text(fields, before), to_text(fields, after)
    return [(f.label, was[f.name], became[f.name]) for f in fields if was[f.name] != became[f.name]]


def _read(fields: Sequence[Field], read: Callable[[Field], Any], faults: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        try:
            value = read(field)
            if value is None and field.required:
                raise v.BadValueError(f"Write the {field.label.lower()}: it is needed")
        except v.BadValueError as fault:
            faults[field.name] = str(fault)
        else:
            if value is not None:
                values[field.name] = value
    if faults:
        raise FieldErrors(faults)
    return values


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value:f}"
        case tuple():
            return list(value)
    return value


def _referred(field: Field, text: str, references: References) -> int:
    """The id that a text means: that of a name, else `#12` or 12 itself; whether it is there, the table decides."""
    found: Mapping[Any, int] = references.ids
    if (row_id := found.get((field.refers_to, text))) is not None:
        return row_id
    if (written := _ID.fullmatch(text)) and 1 <= int(written[1]) <= v.ID_MAX:
        return int(written[1])
    near: Mapping[Any, tuple[str, ...]] = references.nearest
    names = " or ".join(v.shown(name) for name in near.get((field.refers_to, text), ()))
    hint = f"did you mean {names}?" if names else "choose one that is there, by name or as #id"
    raise v.BadValueError(f"There is no {field.label.lower()} {v.shown(text)}: {hint}")


def _money(text: str) -> Decimal:
    if not _MONEY.fullmatch(text):
        raise v.BadValueError(f"{v.shown(text)} is no amount: write one {_MONEY_AS}")
    value = Decimal(text)
    if abs(value) >= MONEY_MAX:
        raise v.BadValueError("Write an amount of less than a million millions")
    if value != (kept := round(value, MONEY_DECIMALS_MAX)):
        raise v.BadValueError(f"Write at most {MONEY_DECIMALS_MAX} digits behind the point: finer is not counted")
    return kept + 0  # no minus zero


def _money_of_json(value: Any) -> Decimal:
    if isinstance(value, str):
        return _money(value)
    if type(value) in (int, float):
        return _money(f"{Decimal(repr(value)):f}")
    raise v.BadValueError('Send an amount as a string such as "1250.50"')


def _idents(text: str) -> tuple[str, ...]:
    return _idents_of_json([part for part in _BETWEEN.split(text.lower()) if part])


def _idents_of_json(value: Any) -> tuple[str, ...]:
    known: Sequence[object] = IDENT_ORDER
    if not isinstance(value, list) or not value or not all(each in known for each in value):
        raise v.BadValueError(_IDENTS)
    if len(set(value)) < len(value):
        raise v.BadValueError(_IDENTS)
    return tuple(value)


def _codes(text: str) -> dict[str, int]:
    codes: dict[str, int] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        reason, equals, code = (part.strip() for part in line.partition("="))
        if not equals or not re.fullmatch("[0-9]{1,9}", code):
            raise v.BadValueError(f"{v.shown(line)} is no line of reason = code: write no_credit = 402")
        if reason in codes:
            raise v.BadValueError(f"{v.shown(reason)} stands there twice: leave one of them")
        codes[reason] = int(code)
    return _codes_of_json(codes)


def _codes_of_json(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise v.BadValueError('Send an object of reasons and codes: {"no_credit": 402}')
    for reason, code in value.items():
        if reason not in set(Reason):
            raise v.BadValueError(f"{v.shown(reason)} is no reason: use {', '.join(Reason)}")
        if type(code) is not int or not SIP_CODE_MIN <= code <= SIP_CODE_MAX:
            raise v.BadValueError(f"{v.shown(code)} is no SIP code of a final failure: write 400 to 699")
    return dict(value)


def _codes_text(codes: Mapping[str, int]) -> str:
    return "\n".join(f"{reason} = {code}" for reason, code in codes.items())


def whole(least: int, most: int, example: str = "") -> Kind:
    """Whole numbers from `least` to `most`."""
    return Kind("number", v.whole(least, most, example), v.json_whole(least, most))


def rate(least: int) -> Kind:
    """Calls a second from `least`."""
    return Kind("number", v.rate(least), v.json_rate(least), v.rate_text)


def choice(*words: str) -> Kind:
    """One of the words."""
    read = v.choice(words)
    return Kind("choice", read, v.json_text(read))


TEXT = Kind("text", v.line, v.json_text(v.line))
CAPACITY = whole(0, v.INTEGER_MAX, ", or nothing for no limit")
REFERENCE = Kind("reference", int, v.json_whole(1, v.ID_MAX))
FLAG = Kind("flag", v.flag, v.json_flag, lambda is_on: "on" if is_on else "")
NETWORKS = Kind("lines", v.networks, v.json_texts(v.network_list), "; ".join)
MONEY = Kind("text", _money, _money_of_json, "{:f}".format)
IDENTS = Kind("text", _idents, _idents_of_json, ", ".join)
CODES = Kind("lines", _codes, _codes_of_json, _codes_text)
