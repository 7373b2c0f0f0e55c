"""Imports as rows: who may begin one, whose it is, and how it ends."""

from collections.abc import Mapping

import pytest

from console.database import Database
from console.errors import FieldErrors, NotFoundError
from console.transfer import imports
from console.transfer.imports import OUTCOMES, ImportLine, Outcome

LINE = ImportLine(2, "creates", None, "Rose / x", (("ident_by", "", "ip"),))


def counted(**counts: int) -> Mapping[Outcome, int]:
    return {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}


async def finished(store: Database, import_id: int, **counts: int) -> None:
    async with store.transaction("anna") as tx:
        await imports.write_lines(tx, import_id, [LINE])
        await imports.write_part(tx, import_id, 0, b"lines")
        await imports.finish_check(tx, import_id, counted(**counts))


async def test_one_person_has_one_import_at_work(store: Database) -> None:
    await imports.begin_import(store, "anna", "a.csv", True)
    with pytest.raises(FieldErrors, match="Another import of yours"):
        await imports.begin_import(store, "anna", "b.csv", True)
    await imports.begin_import(store, "berta", "c.csv", False)
    with pytest.raises(FieldErrors, match="2 imports are being worked on"):
        await imports.begin_import(store, "carla", "d.csv", False)


async def test_checked_import_is_written_once(store: Database) -> None:
    import_id = await imports.begin_import(store, "anna", "a.csv", True)
    with pytest.raises(FieldErrors, match="Another import of yours"):
        await imports.claim_import(store, "anna", import_id)
    await finished(store, import_id, creates=1)
    found = await imports.get_import(store, "anna", import_id)
    assert (found.state, found.lines, found.creates, found.is_running) == ("checked", 1, 1, False)
    with pytest.raises(NotFoundError):
        await imports.claim_import(store, "berta", import_id)
    await imports.claim_import(store, "anna", import_id)
    assert (await imports.count_parts(store, import_id), await imports.read_part(store, import_id, 0)) == (
        1,
        b"lines",
    )
    async with store.transaction("anna") as tx:
        await imports.finish_write(tx, import_id)
    found = await imports.get_import(store, "anna", import_id)
    assert (found.state, found.xid) == ("done", tx.xid)
    with pytest.raises(FieldErrors, match="cannot be written any more"):
        await imports.claim_import(store, "anna", import_id)


async def test_import_with_an_error_keeps_its_lines_and_nothing_to_be_written(store: Database) -> None:
    import_id = await imports.begin_import(store, "anna", "a.csv", True)
    await finished(store, import_id, error=1)
    assert (await imports.get_import(store, "anna", import_id)).state == "errors"
    assert await imports.lines_of(store, import_id, None, 0, 10) == (LINE,)
    assert await imports.lines_of(store, import_id, "error", 0, 10) == ()
    assert await imports.lines_of(store, import_id, None, 2, 10) == ()
    assert await imports.count_parts(store, import_id) == 0


async def test_heartbeat_tells_how_far_it_is_until_it_ends(store: Database) -> None:
    import_id = await imports.begin_import(store, "anna", "a.csv", True)
    await store.execute("UPDATE imports SET heartbeat_at = now() - interval '31 s'")
    assert (await imports.get_import(store, "anna", import_id)).state == "failed"
    await imports.beat(store, import_id, 0.25)
    found = await imports.get_import(store, "anna", import_id)
    assert (found.state, found.progress) == ("checking", 0.25)
    await imports.fail_import(store, import_id, "why")
    await imports.beat(store, import_id, 0.5)
    found = await imports.get_import(store, "anna", import_id)
    assert (found.state, found.progress, found.notice) == ("failed", 0.25, "why")


async def test_import_that_was_given_up_cannot_be_finished(store: Database) -> None:
    import_id = await imports.begin_import(store, "anna", "a.csv", True)
    await imports.fail_import(store, import_id, "why")
    with pytest.raises(imports.GivenUpError):
        await finished(store, import_id, creates=1)
    with pytest.raises(imports.GivenUpError):
        async with store.transaction("anna") as tx:
            await imports.finish_write(tx, import_id)
    assert await imports.count_parts(store, import_id) == 0


async def test_import_at_work_is_not_discarded(store: Database) -> None:
    import_id = await imports.begin_import(store, "anna", "a.csv", True)
    await imports.discard_import(store, "anna", import_id)
    assert (await imports.get_import(store, "anna", import_id)).state == "checking"
    await finished(store, import_id, creates=1)
    await imports.discard_import(store, "anna", import_id)
    assert (await imports.get_import(store, "anna", import_id)).state == "discarded"
    assert await imports.lines_of(store, import_id, None, 0, 10) == ()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a.csv", "a.csv"), ("", "without a name"), ("a\0\nb\x1b.csv", "ab.csv"), ("ü" * 500, "ü" * 127)],
)
async def test_file_name_is_text_to_be_shown(store: Database, given: str, kept: str) -> None:
    await imports.begin_import(store, "anna", given, True)
    (found,) = await imports.list_imports(store, "anna")
    assert found.file_name == kept
    assert await imports.list_imports(store, "berta") == ()


async def test_console_s_role_may_do_all_of_it(store: Database) -> None:
    async with store.transaction("anna") as tx:
        await tx.execute("SET LOCAL ROLE identd_console")
        import_id = await tx.value(
            "INSERT INTO imports (owner, file_name, update_existing) VALUES ('anna', '', true) RETURNING id"
        )
        await imports.write_lines(tx, import_id, [LINE])
        await imports.write_part(tx, import_id, 0, b"lines")
        await imports.finish_check(tx, import_id, counted(creates=1))
        await imports.wipe_expired(tx)
        assert (await imports.get_import(tx, "anna", import_id)).state == "checked"
