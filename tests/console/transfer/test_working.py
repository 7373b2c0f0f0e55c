"""The dry run and the writing, as tasks of a console on a real database."""

import functools
from collections.abc import Awaitable, Callable

import pytest
import trio

from console.context import Console
from console.database import SERVER_SECONDS_MAX, Database, open_database
from console.errors import FieldErrors
from console.store.accounts import get_account, reveal_password
from console.transfer import imports
from console.transfer.imports import Import
from console.transfer.working import Work, check_import, write_import
from identd.credentials import KeyRing

NEW = "client,name,ident_by,ip,orig_enabled\n"


async def checked(console: Console, data: str, *, update: bool = False) -> Import:
    import_id = await imports.begin_import(console.database, "anna", "new.csv", update)
    await check_import(Work(console, import_id, "anna", update_existing=update), data.encode())
    return await imports.get_import(console.database, "anna", import_id)


async def written(console: Console, found: Import) -> Import:
    await imports.claim_import(console.database, "anna", found.id)
    await write_import(Work(console, found.id, "anna", update_existing=found.update_existing))
    return await imports.get_import(console.database, "anna", found.id)


async def test_file_is_checked_and_then_written(console: Console, stocked: Database) -> None:
    found = await checked(console, NEW + "".join(f"Rose orig,n{n},ip,192.0.2.{n},yes\n" for n in range(200)))
    assert (found.state, found.creates, found.errors) == ("checked", 200, 0)
    assert await stocked.value("SELECT count(*) FROM accounts") == 3
    found = await written(console, found)
    assert (found.state, found.notice) == ("done", "")
    assert await stocked.value("SELECT count(*) FROM accounts") == 203
    assert await stocked.value("SELECT count(*) FROM audit_log WHERE entity = 'accounts' AND actor = 'anna'") == 200
    assert await stocked.value("SELECT count(*) FROM import_parts") == 0


async def test_file_with_errors_writes_nothing_and_keeps_nothing_to_be_written(
    console: Console, stocked: Database
) -> None:
    lines = [f"Rose orig,n{n},ip,10.{n // 250}.{n % 250}.1,yes\n" for n in range(2000)]
    for wrong in (3, 999, 1999):
        lines[wrong] = f"Nobody,n{wrong},ip,10.0.0.300,yes\n"
    found = await checked(console, NEW + "".join(lines))
    assert (found.state, found.lines, found.creates, found.errors) == ("errors", 2000, 1997, 3)
    wrong_lines = await imports.lines_of(stocked, found.id, "error", 0, 10)
    assert [line.line for line in wrong_lines] == [5, 1001, 2001]
    assert {field for line in wrong_lines for field, _ in line.details} == {"client", "ip"}
    with pytest.raises(FieldErrors):
        await imports.claim_import(console.database, "anna", found.id)
    assert await stocked.value("SELECT count(*) FROM accounts") == 3
    assert await stocked.value("SELECT count(*) FROM import_parts") == 0


@pytest.mark.parametrize(
    ("meanwhile", "words"),
    [
        ("UPDATE accounts SET notes = 'mine' WHERE id = 177", "line 900: Account 177 was changed by somebody else"),
        ("DELETE FROM accounts WHERE id = 177", "line 900: There is no account 177 any more"),
        (
            "INSERT INTO accounts (client_id, name, ident_by, ani) VALUES (1, 'n700', 'ani', '1')",
            "line 702: This client has an account of that name already",
        ),
        ("DELETE FROM account_gateways; DELETE FROM gateways WHERE id = 1", "line 2: One of these gateways"),
    ],
)
async def test_conflict_between_dry_run_and_writing_writes_nothing_and_names_the_line(
    console: Console, stocked: Database, meanwhile: str, words: str
) -> None:
    lines = [f",Rose orig,n{n},ani,{n},GW Calls\n" for n in range(1200)]
    lines[898] = "177,Rose term,renamed,ani,7,GW Calls\n"
    found = await checked(console, "id,client,name,ident_by,ani,gateways\n" + "".join(lines))
    assert (found.state, found.creates, found.changes) == ("checked", 1199, 1)
    async with stocked.transaction("berta") as tx:
        for statement in meanwhile.split("; "):
            await tx.execute(statement)
    before = await stocked.value("SELECT count(*) FROM accounts")
    found = await written(console, found)
    assert (found.state, found.notice.startswith("Nothing was written")) == ("failed", True)
    assert words in found.notice
    assert await stocked.value("SELECT count(*) FROM accounts") == before
    assert await stocked.value("SELECT count(*) FROM import_parts") == 0


async def test_changes_gateways_and_passwords_arrive(console: Console, stocked: Database) -> None:
    found = await checked(
        console,
        "id,client,name,ident_by,ident_name,gateways,password\n"
        '177,Rose term,rose_term,name,term,"""GW; two""",swordfish 1\n'
        ",Rose orig,login,name,anna,GW Calls,swordfish 2\n",
    )
    assert (found.state, found.creates, found.changes) == ("checked", 1, 1)
    dump = str(
        [tuple(row) for table in ("imports", "import_lines", "import_parts") for row in await rows(stocked, table)]
    )
    assert "swordfish" not in dump
    assert (await written(console, found)).state == "done"
    created = await stocked.value("SELECT id FROM accounts WHERE name = 'login'")
    async with stocked.transaction("test") as tx:
        assert await reveal_password(tx, 177, console.keys) == "swordfish 1"
        assert await reveal_password(tx, created, console.keys) == "swordfish 2"
    assert (await get_account(stocked, 177)).gateways == ("GW; two",)
    assert (await get_account(stocked, created)).gateways == ("GW Calls",)


async def rows(database: Database, table: str) -> list[object]:
    return list(await database.fetch(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("task", ["check", "write"])
async def test_console_killed_midway_leaves_an_import_that_shows_as_failed_and_nothing_written(
    console: Console, stocked: Database, task: str
) -> None:
    data = NEW + "".join(f"Rose orig,n{n},ip,192.0.2.{n % 250},yes\n" for n in range(2000))
    if task == "write":
        found = await checked(console, data)
        await imports.claim_import(stocked, "anna", found.id)
        work = Work(console, found.id, "anna", update_existing=False)
        start: Callable[[], Awaitable[None]] = functools.partial(write_import, work)
    else:
        import_id = await imports.begin_import(stocked, "anna", "x", False)
        work = Work(console, import_id, "anna", update_existing=False)
        start = functools.partial(check_import, work, data.encode())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(start)
        with trio.fail_after(20):
            while not work.progress:  # noqa: ASYNC110 - it tells nobody
                await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    assert 0 < work.progress < 1
    assert await stocked.value("SELECT count(*) FROM accounts") == 3
    assert (await imports.get_import(stocked, "anna", work.import_id)).is_running
    await stocked.execute("UPDATE imports SET heartbeat_at = now() - interval '31 s'")
    found = await imports.get_import(stocked, "anna", work.import_id)
    assert (found.state, found.notice) == ("failed", imports.STOPPED)
    again = await imports.begin_import(stocked, "anna", "again", False)
    assert again != work.import_id
    assert await stocked.value("SELECT count(*) FROM import_parts") == 0


async def test_writing_that_was_given_up_by_others_is_not_committed(console: Console, stocked: Database) -> None:
    found = await checked(console, NEW + "Rose orig,n,ip,192.0.2.1,yes\n")
    await imports.claim_import(stocked, "anna", found.id)
    await stocked.execute("UPDATE imports SET state = 'failed'")
    await write_import(Work(console, found.id, "anna", update_existing=False))
    assert await stocked.value("SELECT count(*) FROM accounts") == 3


async def test_import_that_was_buried_while_it_was_at_work_says_that_and_no_fault(
    console: Console, stocked: Database
) -> None:
    found = await checked(console, NEW + "Rose orig,n,ip,192.0.2.1,yes\n")
    await imports.claim_import(console.database, "anna", found.id)
    await stocked.execute("UPDATE imports SET state = 'failed', notice = $1", imports.STOPPED)
    await write_import(Work(console, found.id, "anna", update_existing=False))
    found = await imports.get_import(stocked, "anna", found.id)
    assert (found.state, "given up" in found.notice, "fault" in found.notice) == ("failed", True, False)


async def test_two_files_that_change_the_same_accounts_in_other_orders_wait_for_one_another(
    console: Console, stocked: Database
) -> None:
    await stocked.execute(
        "INSERT INTO accounts (id, client_id, name, ident_by, ip)"
        " SELECT n, 1, 'b' || n, 'ip', '{10.0.0.1}' FROM generate_series(5001, 7000) AS n"
    )
    works = []
    for owner, ids in (("anna", range(5001, 7001)), ("berta", range(7000, 5000, -1))):
        import_id = await imports.begin_import(stocked, owner, f"{owner}.csv", False)
        work = Work(console, import_id, owner, update_existing=False)
        await check_import(work, ("id,notes\n" + "".join(f"{i},{owner}\n" for i in ids)).encode())
        await imports.claim_import(stocked, owner, import_id)
        works.append(work)
    async with trio.open_nursery() as nursery:
        for work in works:
            nursery.start_soon(write_import, work)
    ends = [await imports.get_import(stocked, work.owner, work.import_id) for work in works]
    assert sorted(end.state for end in ends) == ["done", "failed"]
    (late,) = (end for end in ends if end.state == "failed")
    assert "was changed by somebody else" in late.notice  # it waited, and then found other accounts than it had read
    (done,) = (end for end in ends if end.state == "done")
    assert await stocked.fetch("SELECT DISTINCT notes FROM accounts WHERE id > 5000") == [(done.owner,)]


async def test_file_whose_accounts_others_do_not_let_go_is_told_to_try_again(
    console: Console, stocked: Database, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SERVER_SECONDS_MAX, "lock_timeout", 1.0)
    async with open_database(database, 3) as impatient:
        console.database = impatient
        found = await checked(console, "id,notes\n176,x\n177,x\n")
        async with stocked.transaction("billing") as other:
            await other.execute("UPDATE accounts SET status = status WHERE id = 177")
            found = await written(console, found)
    assert (found.state, "others are writing the same accounts" in found.notice) == ("failed", True)


async def test_key_that_was_changed_in_between_says_so(console: Console, stocked: Database) -> None:
    found = await checked(console, NEW + "Rose orig,n,ip,192.0.2.1,yes\n")
    console.keys = KeyRing((bytes(32),))
    found = await written(console, found)
    assert (found.state, "credentials key" in found.notice) == ("failed", True)


async def test_others_have_their_turn_while_a_file_is_judged(console: Console, stocked: Database) -> None:
    data = NEW + "".join(f"Rose orig,n{n},ip,192.0.2.{n % 250},yes\n" for n in range(3000))
    turns = 0
    async with trio.open_nursery() as nursery:

        async def work() -> None:
            assert (await checked(console, data)).creates == 3000
            nursery.cancel_scope.cancel()

        nursery.start_soon(work)
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1
            if turns % 50 == 0:
                await trio.sleep(0.001)
    assert turns > 300  # one in ten lines at least
