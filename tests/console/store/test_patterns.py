"""Patterns have no wildcards but ours: asked of PostgreSQL itself."""

import pytest

from console.database import Database
from console.store.patterns import beginning_with, part_of


@pytest.mark.parametrize(
    ("text", "pattern"), [("x", "%x%"), ("50%", r"%50\%%"), ("a_b", r"%a\_b%"), ("\\", "%\\\\%"), ("", "%%")]
)
def test_a_pattern_has_no_wildcards_of_its_own(text: str, pattern: str) -> None:
    assert part_of(text) == pattern


@pytest.mark.parametrize("text", ["a%b", "a_b", "\\", "%", "_", r"\%", "ab"])
async def test_a_text_is_found_and_what_looks_alike_is_not(store: Database, text: str) -> None:
    names = ["a%b", "a_b", "\\", "%", "_", r"\%", "ab", "xaxb", f"-{text}-"]
    found = await store.fetch("SELECT n FROM unnest($1::text[]) AS n WHERE n LIKE $2", names, part_of(text))
    assert [row["n"] for row in found] == [name for name in names if text in name]
    found = await store.fetch("SELECT n FROM unnest($1::text[]) AS n WHERE n LIKE $2", names, beginning_with(text))
    assert [row["n"] for row in found] == [name for name in names if name.startswith(text)]
