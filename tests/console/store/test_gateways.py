"""Gateways: made, changed, and given a secret that is seen once."""

import pytest

from console.database import Database
from console.errors import ChangedError, InUseError, NotFoundError
from console.objects.gateway import GatewayDraft
from console.objects.listing import Paging
from console.store.gateways import (
    create_gateway,
    delete_gateway,
    get_gateway,
    list_gateways,
    make_secret,
    remove_secret,
    update_gateway,
)
from identd.sealing import verify_secret

FULL = GatewayDraft(
    name="gw-calls",
    addresses=("10.0.0.0/24", "192.0.2.1", "2001:db8::/32"),
    ident_order=("ip", "name"),
    trusts_name=True,
    on_ambiguous="refuse",
    reserve_seconds=60,
    active_seconds=3600,
    sip_codes={"no_credit": 403, "ambiguous": 404},
)


async def _made(store: Database, draft: GatewayDraft = FULL) -> int:
    async with store.transaction("ann") as tx:
        return await create_gateway(tx, draft)


@pytest.mark.parametrize("draft", [FULL, GatewayDraft(name="plain")])
async def test_a_gateway_is_read_as_it_was_written(store: Database, draft: GatewayDraft):
    made = await get_gateway(store, await _made(store, draft))
    assert GatewayDraft(**{name: getattr(made, name) for name in draft.__struct_fields__}) == draft
    assert not made.has_secret


async def test_addresses_written_by_billing_are_shown_as_the_daemon_takes_them(store: Database):
    await store.execute(
        "INSERT INTO identd.gateways (id, name, addresses) VALUES (7, 'x', '{10.0.0.7/24,::ffff:1.2.3.4}')"
    )
    assert (await get_gateway(store, 7)).addresses == ("10.0.0.0/24", "1.2.3.4")


async def test_a_gateway_that_may_connect_from_anywhere_again(store: Database):
    gateway_id = await _made(store)
    async with store.transaction("ann") as tx:
        changed = await update_gateway(tx, gateway_id, GatewayDraft(name="gw-calls"), None)
    assert changed.addresses == ()
    assert await store.value("SELECT addresses FROM identd.gateways") is None


async def test_saving_what_is_there_already_changes_and_audits_nothing(store: Database):
    gateway_id = await _made(store)
    before = await store.value("SELECT count(*) FROM identd.audit_log")
    async with store.transaction("ann") as tx:
        await update_gateway(tx, gateway_id, FULL, None)
    assert await store.value("SELECT count(*) FROM identd.audit_log") == before


async def test_a_secret_is_shown_once_and_kept_as_its_hash(store: Database):
    gateway_id = await _made(store)
    async with store.transaction("ann") as tx:
        secret = await make_secret(tx, gateway_id, None)
    kept = await store.value("SELECT secret_hash FROM identd.gateways")
    assert verify_secret(kept, secret)
    assert secret not in kept
    gateway = await get_gateway(store, gateway_id)
    assert gateway.has_secret
    assert kept not in repr(gateway)
    assert not await store.value(
        "SELECT count(*) FROM identd.audit_log WHERE strpos(audit_log::text, $1) + strpos(audit_log::text, $2) > 0",
        secret,
        kept,
    )


async def test_a_secret_is_taken_away(store: Database):
    gateway_id = await _made(store)
    async with store.transaction("ann") as tx:
        await make_secret(tx, gateway_id, None)
        await remove_secret(tx, gateway_id, None)
    assert not (await get_gateway(store, gateway_id)).has_secret


async def test_an_edit_keeps_the_secret(store: Database):
    gateway_id = await _made(store)
    async with store.transaction("ann") as tx:
        secret = await make_secret(tx, gateway_id, None)
        await update_gateway(tx, gateway_id, GatewayDraft(name="renamed"), None)
    assert verify_secret(await store.value("SELECT secret_hash FROM identd.gateways"), secret)


async def test_a_new_secret_is_a_change_that_others_notice(store: Database):
    gateway_id = await _made(store)
    etag = (await get_gateway(store, gateway_id)).etag
    async with store.transaction("ann") as tx:
        await make_secret(tx, gateway_id, etag)
    for act in (make_secret, remove_secret, delete_gateway):
        with pytest.raises(ChangedError):
            async with store.transaction("bob") as tx:
                await act(tx, gateway_id, etag)


async def test_a_gateway_with_accounts_is_not_deleted(store: Database):
    gateway_id = await _made(store)
    await store.execute("INSERT INTO identd.clients (id, name) VALUES (1, 'Rose')")
    await store.execute(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ani) VALUES (1, 1, 'a', 'ani', '1')"
    )
    await store.execute("INSERT INTO identd.account_gateways VALUES (1, $1)", gateway_id)
    assert (await get_gateway(store, gateway_id)).accounts == 1
    with pytest.raises(InUseError, match=r"gw-calls is in use by 1 account$"):
        async with store.transaction("ann") as tx:
            await delete_gateway(tx, gateway_id, None)


async def test_a_gateway_without_accounts_is_deleted(store: Database):
    gateway_id = await _made(store)
    async with store.transaction("ann") as tx:
        await delete_gateway(tx, gateway_id, None)
    with pytest.raises(NotFoundError):
        await get_gateway(store, gateway_id)


async def test_gateways_are_found_by_a_part_of_their_name(store: Database):
    await _made(store)
    found = await list_gateways(store, "CALLS", Paging())
    assert [row.name for row in found.rows] == ["gw-calls"]
