"""The base of every table: a key that is not known, or of another type, is refused."""

import msgspec
import pytest

from identd.section import Count, PathText, Seconds, Section


class Table(Section, frozen=True, kw_only=True):
    path: PathText = ""
    pause_seconds: Seconds = 1.0
    calls_max: Count = 1


@pytest.mark.parametrize(
    "given",
    [
        {"pathh": ""},
        {"path": "a\0b"},
        {"pause_seconds": 0},
        {"pause_seconds": 86_401},
        {"calls_max": 0},
        {"calls_max": "1"},
    ],
)
def test_what_is_misspelt_or_out_of_bounds_is_refused(given):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Table, strict=True)


def test_what_is_left_out_has_its_default():
    assert msgspec.convert({}, Table) == Table()
