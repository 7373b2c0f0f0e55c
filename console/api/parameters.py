"""The parameters of a URL: one table a list, read strictly. Pure.

What was misspelt or cannot be understood is an error: a filter that was not understood must not find more than was
asked for. The types are those of the OpenAPI document.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from console.errors import FieldErrors
from console.objects.field_values import ID_MAX, shown
from console.objects.listing import PAGE_SIZES, Paging
from console.objects.listing_query import PAGE_MAX, TEXT_CHARACTERS_MAX

Id = Annotated[int, Meta(ge=1, le=ID_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX)]
Page = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Size = Literal[20, 50, 100, 500]
assert get_args(Size) == PAGE_SIZES, "the sizes of the pages' tables"

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_FLAGS = {"true": True, "false": False}


class Parameter(msgspec.Struct, frozen=True):
    """One parameter. `type`: an annotation of msgspec; `several`: it may stand there more than once."""

    name: str
    type: Any
    description: str
    several: bool = False


PAGING: tuple[Parameter, ...] = (
    Parameter("page", Page, "The page, from 1; past the end it is the last one."),
    Parameter("size", Size, "Rows a page; 20 unless said otherwise."),
    Parameter("descending", bool, "The other way round."),
)


def sorting(*keys: str) -> Parameter:
    """What the rows can be sorted by."""
    return Parameter("sort", Literal[keys], f"{', '.join(keys)}; id unless said otherwise.")


def read_parameters(parameters: Sequence[Parameter], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Name -> value, a tuple where there may be several. FieldErrors with every fault at once."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, text in pairs:
        parameter = known.get(name)
        if parameter is None:
            faults[name[:TEXT_CHARACTERS_MAX]] = (
                f"There is no such parameter: use {', '.join(known)}" if known else "There are no parameters here"
            )
            continue
        if name in values and not parameter.several:
            faults[name] = "It stands there twice: leave one of them"
            continue
        try:
            value = msgspec.convert(_typed(text, parameter.type), parameter.type)
        except msgspec.ValidationError as error:
            faults[name] = f"{shown(text)} does not do: {str(error)[0].lower()}{str(error)[1:]}"
        else:
            values[name] = (*values.get(name, ()), value) if parameter.several else value
    if faults:
        raise FieldErrors(faults)
    return values


def paging_of(values: dict[str, Any]) -> Paging:
    """The part that says which page."""
    return Paging(**{name: values[name] for name in Paging.__struct_fields__ if name in values})


def _typed(text: str, wanted: Any) -> str | int | bool:
    """The text as JSON would have it, where numbers, true and false are wanted."""
    match msgspec.inspect.type_info(wanted):
        case msgspec.inspect.BoolType():
            return _FLAGS.get(text, text)
        case msgspec.inspect.IntType():
            return int(text) if _WHOLE.fullmatch(text) else text
        case msgspec.inspect.LiteralType(values=values) if isinstance(values[0], int):
            return int(text) if _WHOLE.fullmatch(text) else text
    return text
