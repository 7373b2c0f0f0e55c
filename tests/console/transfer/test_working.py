"""The dry run and the writing, as tasks of a console on a real database."""

from console.context import Console
from console.database import Database
from console.transfer import imports
from console.transfer.imports import Import
from console.transfer.working import Work, check_import, write_import

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
