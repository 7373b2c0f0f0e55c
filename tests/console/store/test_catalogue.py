"""Searches, whatever is typed; and tags that change with what can be edited and with nothing else."""

import pytest

from console.database import Database
from console.objects.listing import Paging
from console.store.catalogue import Conditions, Shelf, changed, etag_of_row, find_rows

SHELF = Shelf(table="rate_tables", word="rate table", columns={"name": "$"}, select="t.id, t.name", referrers=())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1, 2, 30]),
        ("  ", [1, 2, 30]),
        ("30", [2, 30]),
        ("#30", [30]),
        ("%", [2]),
        ("rt", [1, 2]),
        ("\0", [1, 2, 30]),
        ("٣", []),
        ("#", []),
        ("9" * 30, []),
        ("1" * 5000, []),
        ("') OR true; --", []),
    ],
)
async def test_the_quick_search_finds_an_id_or_a_part_of_a_name(store: Database, text: str, ids: list[int]):
    await store.execute("INSERT INTO identd.rate_tables (id, name) VALUES (1, 'RT'), (2, 'Rt 30%'), (30, 'x')")
    conditions = Conditions()
    conditions.quick_search(text)
    found = await find_rows(store, SHELF, conditions, Paging())
    assert [row["id"] for row in found.rows] == ids


async def test_an_order_that_the_shelf_does_not_have_is_by_id(store: Database):
    await store.execute("INSERT INTO identd.rate_tables (id, name) VALUES (1, 'b'), (2, 'a')")
    found = await find_rows(store, SHELF, Conditions(), Paging(sort="tech_prefix", descending=True))
    assert [row["id"] for row in found.rows] == [2, 1]


def test_only_what_differs_is_written():
    assert changed({"a": 1, "b": None}, {"a": 1, "b": 2}) == {"b": 2}


def test_an_etag_tells_nothing_from_a_text_that_says_none():
    assert etag_of_row(SHELF, {"name": None}) != etag_of_row(SHELF, {"name": "None"})
    assert len(etag_of_row(SHELF, {"name": "x"})) == 16
