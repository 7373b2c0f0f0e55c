"""Rate tables and routing plans: made, renamed, found, and never deleted from under those who refer to them."""

import pytest

from console.database import Database
from console.errors import ChangedError, FieldErrors, InUseError, NotFoundError
from console.objects.listing import Paging
from console.objects.named import NamedDraft, NamedKind
from console.store.named import create_named, delete_named, get_named, list_named, named_users, update_named

KINDS: tuple[NamedKind, ...] = ("rate_tables", "routing_plans")

REFER = {
    "rate_tables": (
        "INSERT INTO identd.clients (id, name, term_rate_table_id) VALUES (1, 'Rose', $1)",
        "INSERT INTO identd.accounts (client_id, name, ident_by, ani, orig_rate_table_id) "
        "SELECT 1, n, 'ani', n, $1 FROM unnest('{1,2}'::text[]) AS n",
    ),
    "routing_plans": (
        "INSERT INTO identd.clients (id, name, routing_plan_id) VALUES (1, 'Rose', $1)",
        "INSERT INTO identd.accounts (client_id, name, ident_by, ani, routing_plan_id) "
        "SELECT 1, n, 'ani', n, $1 FROM unnest('{1,2}'::text[]) AS n",
    ),
}


async def _made(store: Database, kind: NamedKind, name: str = "RT ORIG") -> int:
    async with store.transaction("ann") as tx:
        return await create_named(tx, kind, NamedDraft(name=name))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_name_is_made_and_changed_and_read(store: Database, kind: NamedKind):
    row_id = await _made(store, kind)
    made = await get_named(store, kind, row_id)
    async with store.transaction("ann") as tx:
        renamed = await update_named(tx, kind, row_id, NamedDraft(name="RT TERM"), made.etag)
    assert (made.name, renamed.name) == ("RT ORIG", "RT TERM")
    assert renamed.etag != made.etag
    assert renamed == await get_named(store, kind, row_id)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_taken_name_is_said_at_the_name(store: Database, kind: NamedKind):
    await _made(store, kind)
    with pytest.raises(FieldErrors) as caught:
        await _made(store, kind)
    assert list(caught.value.errors) == ["name"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_edit_of_what_somebody_else_changed_is_refused(store: Database, kind: NamedKind):
    row_id = await _made(store, kind)
    etag = (await get_named(store, kind, row_id)).etag
    await store.execute(f"UPDATE identd.{kind} SET name = 'theirs'")
    with pytest.raises(ChangedError):
        async with store.transaction("ann") as tx:
            await update_named(tx, kind, row_id, NamedDraft(name="mine"), etag)
    with pytest.raises(ChangedError):
        async with store.transaction("ann") as tx:
            await delete_named(tx, kind, row_id, etag)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_in_use_says_by_whom(store: Database, kind: NamedKind):
    row_id = await _made(store, kind)
    for statement in REFER[kind]:
        await store.execute(statement, row_id)
    assert await named_users(store, kind, row_id) == "2 accounts and 1 client"
    with pytest.raises(InUseError) as caught:
        async with store.transaction("ann") as tx:
            await delete_named(tx, kind, row_id, None)
    assert caught.value.by == "2 accounts and 1 client"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_nobody_refers_to_is_deleted(store: Database, kind: NamedKind):
    row_id = await _made(store, kind)
    assert await named_users(store, kind, row_id) == ""
    async with store.transaction("ann") as tx:
        await delete_named(tx, kind, row_id, None)
    with pytest.raises(NotFoundError):
        await get_named(store, kind, row_id)


async def test_they_are_found_by_a_part_of_their_name(store: Database):
    for name in ("RT ORIG - Rose", "RT TERM", "orig"):
        await _made(store, "rate_tables", name)
    found = await list_named(store, "rate_tables", "ORIG", Paging(sort="name"))
    assert sorted(row.name for row in found.rows) == ["RT ORIG - Rose", "orig"]
    assert found.total == 2
