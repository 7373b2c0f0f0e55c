"""Ids as they are typed, and what is none, however long."""

import pytest

from console.objects.row_id import ID_MAX, read_count, read_id


@pytest.mark.parametrize(
    ("text", "row_id"),
    [
        ("1", 1),
        ("0176", 176),
        (str(ID_MAX), ID_MAX),
        (str(ID_MAX + 1), None),
        ("0", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1_0", None),
        (" 1", None),
        ("1\n", None),
        ("٣", None),
        ("²", None),
        ("0" * 20 + "1", None),
        ("0" * 20 + "9" * 30, None),
        ("1" * 5000, None),
    ],
)
def test_an_id_is_what_a_bigint_holds(text: str, row_id: int | None) -> None:
    assert read_id(text) == row_id


def test_a_count_may_be_none() -> None:
    assert [read_count(text, 100) for text in ("0", "100", "101", "9" * 5000, "")] == [0, 100, None, None, None]
