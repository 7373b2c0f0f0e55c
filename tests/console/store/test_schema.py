"""What `init-db` has still to do, as the console sees it."""

import trio_asyncio

from console.database import Database, open_database
from console.store.schema import missing_migrations
from loader.migrate import migrations


async def test_what_an_older_program_left_undone_is_named(store: Database) -> None:
    assert await missing_migrations(store) == ()
    await store.execute("DELETE FROM migrations WHERE number >= 9")
    assert await missing_migrations(store) == tuple(one.name for one in migrations()[8:])


async def test_the_role_of_the_console_may_look(store: Database) -> None:
    async with store.transaction("anna", readonly=True) as tx:
        await tx.execute("SET LOCAL ROLE identd_console")
        assert await tx.value("SELECT count(*) FROM migrations") == len(migrations())


async def test_without_a_schema_all_of_it_is_missing(empty_database: str) -> None:
    async with trio_asyncio.open_loop(), open_database(empty_database, 1) as empty:
        assert len(await missing_migrations(empty)) == len(migrations())
