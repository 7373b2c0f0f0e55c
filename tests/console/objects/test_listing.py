"""Rows N to M of T."""

import pytest

from console.objects.listing import AccountPage, AccountRow, Paging


def _row(**columns: object) -> AccountRow:
    return AccountRow(**dict.fromkeys(AccountRow.__struct_fields__) | columns)  # type: ignore[arg-type]  # all


@pytest.mark.parametrize(
    ("page", "size", "total", "shown", "numbers"),
    [
        (1, 20, 0, 0, (0, 0, 1)),
        (1, 20, 1, 1, (1, 1, 1)),
        (1, 20, 20, 20, (1, 20, 1)),
        (2, 20, 21, 1, (21, 21, 2)),
        (3, 50, 1_000, 50, (101, 150, 20)),
    ],
)
def test_rows_are_numbered_from_one(page: int, size: int, total: int, shown: int, numbers: tuple[int, ...]) -> None:
    made = AccountPage(rows=(_row(),) * shown, total=total, paging=Paging(page=page, size=size))
    assert (made.first, made.last, made.pages) == numbers


@pytest.mark.parametrize(("orig", "term", "off"), [(False, False, True), (True, False, False), (False, True, False)])
def test_off_is_off_in_both_directions(orig: bool, term: bool, off: bool) -> None:
    assert _row(orig_enabled=orig, term_enabled=term).is_off is off
