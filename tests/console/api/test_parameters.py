"""Parameters of URLs: strict, typed, every fault at once."""

from typing import Literal

import pytest

from console.api.parameters import PAGING, Id, Parameter, Text, paging_of, read_parameters, sorting
from console.errors import FieldErrors
from console.objects.listing import Paging

TABLE = (
    Parameter("q", Text, ""),
    Parameter("id", Id, ""),
    Parameter("orig", bool, ""),
    Parameter("tags", Text, "", several=True),
    Parameter("state", Literal["on", "off"], ""),
    *PAGING,
    sorting("id", "name"),
)

READ = [
    ([], {}),
    ([("q", "Rose")], {"q": "Rose"}),
    ([("q", "")], {"q": ""}),
    ([("id", "176")], {"id": 176}),
    ([("orig", "true"), ("descending", "false")], {"orig": True, "descending": False}),
    ([("tags", "a"), ("tags", "b")], {"tags": ("a", "b")}),
    ([("state", "on"), ("size", "500"), ("sort", "name")], {"state": "on", "size": 500, "sort": "name"}),
]


@pytest.mark.parametrize(("pairs", "values"), READ)
def test_parameters_are_read_as_their_types(pairs: list[tuple[str, str]], values: dict[str, object]):
    assert read_parameters(TABLE, pairs) == values


REFUSED = [
    ("id", ""), ("id", "0"), ("id", "-1"), ("id", "1.0"), ("id", "+1"), ("id", "１"), ("id", " 1"), ("id", "007"),
    ("id", "9223372036854775808"), ("orig", "yes"), ("orig", ""), ("orig", "True"), ("state", "On"), ("state", ""),
    ("size", "21"), ("page", "0"), ("sort", "client"), ("q", "x" * 256), ("Q", "x"), ("", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_what_is_not_understood_is_refused_at_its_name(name: str, text: str):
    with pytest.raises(FieldErrors) as wrong:
        read_parameters(TABLE, [("q", "Rose"), (name, text)] if name != "q" else [(name, text)])
    assert wrong.value.errors.keys() == {name}


def test_a_parameter_that_stands_there_twice_is_a_mistake():
    with pytest.raises(FieldErrors) as wrong:
        read_parameters(TABLE, [("id", "1"), ("id", "2")])
    assert wrong.value.errors.keys() == {"id"}


def test_where_there_are_none_none_is_taken():
    with pytest.raises(FieldErrors):
        read_parameters((), [("dry_run", "true")])


def test_the_page_is_what_was_asked_for_or_the_first():
    assert paging_of({"page": 3, "descending": True, "q": "x"}) == Paging(page=3, descending=True)
    assert paging_of({}) == Paging()
