"""Planned lines and a database that went on in the meantime."""

import pytest

from console.database import Database
from console.objects.account import AccountDraft, SetPassword
from console.store.accounts import get_account
from console.transfer.imports import ImportLine
from console.transfer.judging import Judged
from console.transfer.planned import PlannedLine, planned
from console.transfer.writing import ConflictError, write_lines
from identd.credentials import KeyRing

KEYS = KeyRing((bytes(range(32)),))


def created(line: int, name: str, client_id: int = 1) -> PlannedLine:
    draft = AccountDraft(client_id=client_id, name=name, ident_by="ani", ani=str(line))
    one = planned(Judged(ImportLine(line, "creates", None, "", ()), draft))
    assert one is not None
    return one


async def refused(stocked: Database, lines: list[PlannedLine]) -> ConflictError:
    with pytest.raises(ConflictError) as caught:
        async with stocked.transaction("anna") as tx:
            await write_lines(tx, lines, KEYS)
    return caught.value


async def test_lines_are_written_together(stocked: Database) -> None:
    before = await get_account(stocked, 177)
    draft = AccountDraft(client_id=2, name="rose_term", ident_by="name", ident_name="term")
    change = planned(Judged(ImportLine(3, "changes", 177, "", ()), draft, before, SetPassword("x")))
    assert change is not None
    async with stocked.transaction("anna") as tx:
        await write_lines(tx, [created(2, "a"), change, created(4, "b")], KEYS)
        await write_lines(tx, [], KEYS)
    after = await get_account(stocked, 177)
    assert (after.ident_name, after.has_password, after.proxy) == ("term", True, None)
    assert await stocked.value("SELECT count(*) FROM accounts") == 5


async def test_line_that_the_database_refuses_is_named(stocked: Database) -> None:
    error = await refused(stocked, [created(2, "a"), created(5, "rose_orig")])
    assert (error.line, list(error.errors)) == (5, ["name"])
    assert str(error).startswith("line 5: This client has an account of that name already")
    error = await refused(stocked, [created(2, "a"), created(3, "b", client_id=99)])
    assert (error.line, list(error.errors)) == (3, ["client"])
    assert await stocked.value("SELECT count(*) FROM accounts") == 3


async def test_account_that_was_changed_meanwhile_is_not_overwritten(stocked: Database) -> None:
    before = await get_account(stocked, 178)
    draft = AccountDraft(client_id=3, name="numbers", ident_by="ani", ani="1")
    change = planned(Judged(ImportLine(9, "changes", 178, "", ()), draft, before))
    assert change is not None
    async with stocked.transaction("berta") as tx:
        await tx.execute("UPDATE accounts SET notes = 'mine' WHERE id = 178")
    assert (await refused(stocked, [created(2, "a"), change])).line == 9
    assert (await get_account(stocked, 178)).notes == "mine"


def test_conflict_without_a_line_says_so() -> None:
    assert str(ConflictError(0, {"": "Why."})) == "one of the lines: Why."
