"""What the command line does, below its words: one transaction a task, the actor in the audit log."""

import pytest
import trio

from console.context import Console
from console.database import Database
from console.errors import FieldErrors, NotFoundError
from console.transfer import command
from console.transfer.command import Desk
from console.transfer.imports import ImportLine
from console.transfer.writing import ConflictError


@pytest.fixture
def desk(console: Console, stocked: Database) -> Desk:
    return Desk(stocked, console.daemon, console.keys, "cli:anna")


async def test_account_is_added_changed_switched_off_and_removed(desk: Desk, stocked: Database) -> None:
    added = await command.add(
        desk, {"client": "Rose orig", "name": "n", "ident_by": "ani", "ani": "44", "orig_enabled": "x"}
    )
    assert (added.account.name, added.account.orig_enabled, added.in_force) == ("n", True, False)
    changed = await command.change(desk, added.account.id, {"tech_prefix": "1#", "gateways": "GW Calls"})
    assert (changed.account.tech_prefix, changed.account.gateways, changed.account.ani) == ("1#", ("GW Calls",), "44")
    assert (await command.switch_off(desk, added.account.id)).account.is_off
    gone = await command.remove(desk, added.account.id, "n")
    assert (gone.account.id, gone.figures is not None and gone.figures.days) == (added.account.id, 0)
    with pytest.raises(NotFoundError):
        await command.switch_off(desk, added.account.id)
    actors = await stocked.fetch("SELECT DISTINCT actor FROM audit_log WHERE entity_id = $1", added.account.id)
    assert [row[0] for row in actors] == ["cli:anna"]


async def test_wrong_name_removes_nothing(desk: Desk, stocked: Database) -> None:
    with pytest.raises(FieldErrors, match="is called 'rose_orig'"):
        await command.remove(desk, 176, "rose_term")
    assert await stocked.value("SELECT count(*) FROM accounts") == 3


async def test_what_the_database_refuses_is_told_by_the_names_that_were_typed(desk: Desk) -> None:
    with pytest.raises(FieldErrors) as caught:
        await command.add(desk, {"client": "Rose orig", "name": "rose_orig", "ident_by": "ani", "ani": "44"})
    assert list(caught.value.errors) == ["name"]


@pytest.mark.parametrize("is_to_be_written", [True, False])
async def test_file_is_written_only_if_that_is_wanted_and_right(
    desk: Desk, stocked: Database, is_to_be_written: bool
) -> None:
    heard: list[ImportLine] = []
    progress: list[float] = []
    data = b"client,name,ident_by,ani\n" + b"".join(b"Rose orig,n%d,ani,%d\n" % (n, n) for n in range(1100))

    async def imported(data: bytes) -> command.Imported:
        return await command.import_file(
            desk,
            data,
            update_existing=False,
            is_to_be_written=is_to_be_written,
            on_lines=heard.extend,
            on_progress=progress.append,
        )

    wrong = await imported(data + b"Nobody,x,ani,1\n")
    assert (wrong.counts["error"], wrong.is_written) == (1, False)
    assert await stocked.value("SELECT count(*) FROM accounts") == 3
    heard.clear()
    done = await imported(data)
    assert (done.counts["creates"], done.is_written) == (1100, is_to_be_written)
    assert [line.line for line in heard] == list(range(2, 1102))
    assert await stocked.value("SELECT count(*) FROM accounts") == (1103 if is_to_be_written else 3)
    assert all(0 <= one <= 1 for one in progress)
    assert (progress[-1] == 1) is is_to_be_written


async def test_an_account_that_billing_is_booking_is_removed_all_the_same(desk: Desk, stocked: Database) -> None:
    await stocked.execute(
        "INSERT INTO account_statistics (account_id, day, direction, calls, amount)"
        " VALUES (176, current_date, 'orig', 1, 5)"
    )
    holds = trio.Event()

    async def billing() -> None:
        async with stocked.transaction("billing") as tx:
            await tx.execute("SET LOCAL deadlock_timeout = '20s'")  # the command finds it, and comes again
            await tx.execute("UPDATE account_statistics SET amount = amount + 1 WHERE account_id = 176")
            holds.set()
            await trio.sleep(0.3)
            await tx.execute("UPDATE clients SET balance = balance - 1 WHERE id = 1")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(billing)
        await holds.wait()
        assert (await command.remove(desk, 176, "rose_orig")).account.id == 176
    assert await stocked.value("SELECT balance FROM clients WHERE id = 1") == -1 + 6


async def test_two_files_about_the_same_accounts_wait_for_one_another(desk: Desk, stocked: Database) -> None:
    await stocked.execute(
        "INSERT INTO accounts (id, client_id, name, ident_by, ip)"
        " SELECT n, 1, 'b' || n, 'ip', '{10.0.0.1}' FROM generate_series(5001, 6500) AS n"
    )
    ends: list[str] = []

    async def run(word: str, ids: range) -> None:
        data = ("id,notes\n" + "".join(f"{i},{word}\n" for i in ids)).encode()
        try:
            await command.import_file(
                desk,
                data,
                update_existing=False,
                is_to_be_written=True,
                on_lines=lambda _lines: None,
                on_progress=lambda _done: None,
            )
            ends.append("written")
        except ConflictError as conflict:
            ends.append(str(conflict).partition(": ")[2])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, "one", range(5001, 6501))
        nursery.start_soon(run, "two", range(6500, 5000, -1))
    # the second waited, and found other accounts than it had read; which one is told first is nobody's promise
    assert sorted(end == "written" for end in ends) == [False, True]
    assert any("was changed by somebody else" in end for end in ends)
