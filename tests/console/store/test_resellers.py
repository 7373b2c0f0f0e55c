"""Resellers: made, changed, counted, and not deleted while they have clients."""

import pytest

from console.database import Database
from console.errors import ChangedError, InUseError, NotFoundError
from console.objects.listing import Paging
from console.objects.reseller import ResellerDraft
from console.store.resellers import create_reseller, delete_reseller, get_reseller, list_resellers, update_reseller

RESOLD = ResellerDraft(name="Resold", status="blocked", orig_capacity=0, term_capacity=5)


async def _made(store: Database, draft: ResellerDraft = RESOLD) -> int:
    async with store.transaction("ann") as tx:
        return await create_reseller(tx, draft)


async def test_a_reseller_is_read_as_it_was_written(store: Database):
    made = await get_reseller(store, await _made(store))
    assert (made.name, made.status, made.orig_capacity, made.term_capacity) == ("Resold", "blocked", 0, 5)


async def test_a_limit_is_taken_away(store: Database):
    reseller_id = await _made(store)
    async with store.transaction("ann") as tx:
        changed = await update_reseller(tx, reseller_id, ResellerDraft(name="Resold"), None)
    assert (changed.status, changed.orig_capacity) == ("active", None)


async def test_an_edit_of_what_somebody_else_changed_is_refused(store: Database):
    reseller_id = await _made(store)
    etag = (await get_reseller(store, reseller_id)).etag
    await store.execute("UPDATE identd.resellers SET term_capacity = 6")
    with pytest.raises(ChangedError):
        async with store.transaction("ann") as tx:
            await update_reseller(tx, reseller_id, RESOLD, etag)


async def test_a_new_client_does_not_get_in_the_way_of_an_edit(store: Database):
    reseller_id = await _made(store)
    etag = (await get_reseller(store, reseller_id)).etag
    await store.execute("INSERT INTO identd.clients (name, reseller_id) VALUES ('Rose', $1)", reseller_id)
    async with store.transaction("ann") as tx:
        assert (await update_reseller(tx, reseller_id, RESOLD, etag)).clients == 1


async def test_a_reseller_with_clients_is_not_deleted(store: Database):
    reseller_id = await _made(store)
    await store.execute("INSERT INTO identd.clients (name, reseller_id) VALUES ('Rose', $1)", reseller_id)
    with pytest.raises(InUseError, match=r"1 client$"):
        async with store.transaction("ann") as tx:
            await delete_reseller(tx, reseller_id, None)


async def test_a_reseller_without_clients_is_deleted(store: Database):
    reseller_id = await _made(store)
    async with store.transaction("ann") as tx:
        await delete_reseller(tx, reseller_id, None)
    with pytest.raises(NotFoundError):
        await get_reseller(store, reseller_id)


async def test_a_list_goes_page_by_page(store: Database):
    for number in range(25):
        await _made(store, ResellerDraft(name=f"r{number:02}"))
    second = await list_resellers(store, "r", Paging(page=2, size=20, sort="name"))
    assert [row.name for row in second.rows] == ["r20", "r21", "r22", "r23", "r24"]
    assert (second.first, second.last, second.total, second.pages) == (21, 25, 25, 2)
