"""Accounts as CSV, and that a file of ours comes back as it went."""

import csv
import gc
import io
import warnings
from contextlib import aclosing

from console.database import Database
from console.objects.listing import AccountFilter
from console.transfer.exporting import error_lines, export, guarded
from console.transfer.planning import Planner, plan


async def exported(database: Database, wanted: AccountFilter, *, for_spreadsheets: bool = False) -> bytes:
    async with database.transaction("test", readonly=True) as tx:
        return b"".join([piece async for piece in export(tx, wanted, for_spreadsheets=for_spreadsheets)])


async def outcomes_of(database: Database, data: bytes) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    async with database.transaction("test", readonly=True) as tx:
        async for judged in plan(Planner(tx, update_existing=False, has_key=True), data):
            found += [(one.line.outcome, one.line.details) for one in judged]
    return found


async def test_export_comes_back_as_it_went(stocked: Database) -> None:
    data = await exported(stocked, AccountFilter())
    assert await outcomes_of(stocked, data) == [("same", ())] * 3


async def test_export_for_spreadsheets_comes_back_as_it_went(stocked: Database) -> None:
    data = await exported(stocked, AccountFilter(), for_spreadsheets=True)
    assert data.startswith(b'\xef\xbb\xbf"spreadsheet_id","client"')
    assert await outcomes_of(stocked, data) == [("same", ())] * 3


async def test_export_for_spreadsheets_has_no_cell_that_one_would_run_or_round(stocked: Database) -> None:
    data = await exported(stocked, AccountFilter(), for_spreadsheets=True)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [row["ident_name"] for row in rows] == ["", "'=SUM(A1)", ""]
    assert [row["ani"] for row in rows] == ["", "", "'+4420*"]
    assert [row["ip"] for row in rows] == ["'11.11.20.33; 10.0.0.0/24", "", ""]
    assert [row["orig_capacity"] for row in rows] == ["10", "", ""]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


async def test_export_is_exact_and_has_what_the_filter_finds(stocked: Database) -> None:
    (row,) = csv.DictReader(io.StringIO((await exported(stocked, AccountFilter(client_id=1))).decode(), newline=""))
    assert (row["id"], row["client"], row["name"]) == ("176", "Rose orig", "rose_orig")
    assert (row["notes"], row["orig_tags"], row["gateways"]) == (
        'two\nlines, "quoted"',
        'gold; "a;b"',
        'GW Calls; "GW; two"',
    )
    assert "password" not in row


async def test_export_of_nothing_has_the_columns(stocked: Database) -> None:
    data = await exported(stocked, AccountFilter(q="nobody is called that"))
    assert data.startswith(b'"id","client","name","ident_by"')
    assert data.count(b"\r\n") == 1


def test_guard_is_reversible() -> None:
    for text in ("=1", "+44", "-1", "@x", "\tx", "'", "''", "0044", "12", "plain", "", "ü"):
        assert guarded("tech_prefix", text).removeprefix("'") == text or text == guarded("tech_prefix", text)
    assert guarded("orig_capacity", "10") == "10"
    assert guarded("tech_prefix", "0044") == "'0044"


def test_errors_for_a_spreadsheet_are_guarded_too() -> None:
    data = error_lines([(2, "=cmd / x", (("name", "+1"), ("", "y"))), (9, "a", ())])
    assert data == b'"2","\'=cmd / x","name","\'+1"\r\n"2","\'=cmd / x","","y"\r\n'


async def test_an_export_that_is_broken_off_leaves_nothing_to_the_garbage_collector(stocked: Database) -> None:
    await stocked.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ani) SELECT 2, 'z' || n, 'ani', '1' || n"
        " FROM generate_series(1, 2500) AS n"
    )
    with warnings.catch_warnings(record=True) as told:  # trio tells of generators that nobody closed
        warnings.simplefilter("always", ResourceWarning)
        async with stocked.transaction("anna", readonly=True) as tx:
            async with aclosing(export(tx, AccountFilter())) as pieces:
                await anext(pieces)
                await anext(pieces)
            del pieces
            gc.collect()
    assert [str(one.message) for one in told] == []
