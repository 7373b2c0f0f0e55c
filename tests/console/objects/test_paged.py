"""Rows N-M of T, and never a page that is not there."""

import pytest

from console.objects.listing import Paging
from console.objects.paged import Paged, clamped


@pytest.mark.parametrize(
    ("page", "total", "expected"), [(1, 0, 1), (0, 5, 1), (-3, 5, 1), (2, 20, 1), (2, 21, 2), (9, 45, 3)]
)
def test_the_page_is_one_that_is_there(page: int, total: int, expected: int):
    assert clamped(Paging(page=page, size=20), total).page == expected


def test_rows_say_where_they_stand():
    paged = Paged(rows=("a", "b"), total=42, paging=Paging(page=3, size=20))
    assert (paged.first, paged.last, paged.pages) == (41, 42, 3)


def test_no_rows_stand_nowhere():
    paged: Paged[str] = Paged(rows=(), total=0, paging=Paging())
    assert (paged.first, paged.last, paged.pages) == (0, 0, 1)
