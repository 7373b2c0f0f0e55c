"""Clients as operators keep them: what is saved is read, what others did is not written over, money is billing's."""

from decimal import Decimal

import asyncpg
import msgspec
import pytest

from console.database import Database
from console.errors import BusyError, ChangedError, FieldErrors, InUseError, NotFoundError
from console.objects.client import ClientDraft, ClientFilter
from console.objects.listing import Paging
from console.objects.reseller import ResellerDraft
from console.store.clients import (
    client_figures,
    client_types,
    create_client,
    delete_client,
    get_client,
    list_clients,
    update_client,
)
from console.store.resellers import create_reseller

FULL = ClientDraft(
    name="Rose",
    client_type="calling_card",
    status="blocked",
    balance=Decimal("12.500000"),
    credit_limit=Decimal("100"),
    low_balance_threshold=Decimal("-5.25"),
    low_balance_capacity=3,
    orig_capacity=30,
    term_capacity=0,
    orig_cps=2.5,
    term_cps=1.0,
    cps_burst=4.0,
)


async def _made(store: Database, draft: ClientDraft) -> int:
    async with store.transaction("ann") as tx:
        return await create_client(tx, draft)


async def test_a_client_is_read_as_it_was_written(store: Database):
    client = await get_client(store, await _made(store, FULL))
    assert {name: getattr(client, name) for name in FULL.__struct_fields__ if name != "balance_was"} == {
        name: getattr(FULL, name) for name in FULL.__struct_fields__ if name != "balance_was"
    }
    assert client.balance_was == FULL.balance


async def test_what_a_client_refers_to_is_named(store: Database):
    async with store.transaction("ann") as tx:
        reseller_id = await create_reseller(tx, ResellerDraft(name="Resold"))
        client_id = await create_client(tx, ClientDraft(name="Rose", reseller_id=reseller_id))
    assert (await get_client(store, client_id)).reseller == "Resold"


async def test_a_new_client_owes_nothing(store: Database):
    assert (await get_client(store, await _made(store, ClientDraft(name="Rose")))).balance == 0


async def test_a_name_that_is_taken_is_said_at_the_name(store: Database):
    await _made(store, ClientDraft(name="Rose"))
    with pytest.raises(FieldErrors) as caught:
        await _made(store, ClientDraft(name="Rose"))
    assert caught.value.errors == {"name": "There is a client of that name already: choose another name."}


async def test_a_reseller_that_is_gone_is_said_at_the_reseller(store: Database):
    with pytest.raises(FieldErrors) as caught:
        await _made(store, ClientDraft(name="Rose", reseller_id=77))
    assert list(caught.value.errors) == ["reseller_id"]


async def test_an_edit_of_what_somebody_else_changed_is_refused(store: Database):
    client_id = await _made(store, ClientDraft(name="Rose"))
    read = await get_client(store, client_id)
    async with store.transaction("bob") as tx:
        theirs = await update_client(tx, client_id, ClientDraft(name="Rosie"), read.etag)
    with pytest.raises(ChangedError) as caught:
        async with store.transaction("ann") as tx:
            await update_client(tx, client_id, ClientDraft(name="Rosa"), read.etag)
    assert caught.value.etag == theirs.etag != read.etag
    assert (await get_client(store, client_id)).name == "Rosie"


async def test_charges_while_the_form_is_open_do_not_get_in_its_way(store: Database):
    client_id = await _made(store, ClientDraft(name="Rose", balance=Decimal(10)))
    read = await get_client(store, client_id)
    await store.execute("UPDATE identd.clients SET balance = 7.5")
    async with store.transaction("ann") as tx:
        saved = await update_client(tx, client_id, ClientDraft(name="Rose", orig_capacity=5), read.etag)
    assert (saved.balance, saved.orig_capacity) == (Decimal("7.5"), 5)


async def test_a_corrected_balance_is_written(store: Database):
    client_id = await _made(store, ClientDraft(name="Rose", balance=Decimal(10)))
    async with store.transaction("ann") as tx:
        await update_client(
            tx, client_id, ClientDraft(name="Rose", balance=Decimal(20), balance_was=Decimal(10)), None
        )
    assert (await get_client(store, client_id)).balance == 20
    audited = await store.row(
        "SELECT actor, before::text, after::text FROM identd.audit_log ORDER BY id DESC LIMIT 1"
    )
    assert tuple(audited) == ("ann", '{"balance": 10.000000}', '{"balance": 20.000000}')


async def test_a_balance_that_billing_changed_meanwhile_is_not_written_over(store: Database):
    client_id = await _made(store, ClientDraft(name="Rose", balance=Decimal(10)))
    await store.execute("UPDATE identd.clients SET balance = 7.5")
    draft = ClientDraft(name="Rose", balance=Decimal(20), balance_was=Decimal(10))
    with pytest.raises(FieldErrors, match=r"7\.500000"):
        async with store.transaction("ann") as tx:
            await update_client(tx, client_id, draft, None)
    with pytest.raises(FieldErrors) as blind:
        async with store.transaction("ann") as tx:
            await update_client(tx, client_id, ClientDraft(name="Rose", balance=Decimal(20)), None)
    assert list(blind.value.errors) == ["balance_was"]
    assert (await get_client(store, client_id)).balance == Decimal("7.5")


async def test_saving_what_is_there_already_changes_and_audits_nothing(store: Database):
    client_id = await _made(store, FULL)
    before = await store.value("SELECT count(*) FROM identd.audit_log")
    changes = await store.value("SELECT count(*) FROM identd.changes")
    async with store.transaction("ann") as tx:
        await update_client(tx, client_id, msgspec.structs.replace(FULL, balance_was=FULL.balance), None)
    assert await store.value("SELECT count(*) FROM identd.audit_log") == before
    assert await store.value("SELECT count(*) FROM identd.changes") == changes


async def test_a_client_with_accounts_is_not_deleted(store: Database):
    client_id = await _made(store, ClientDraft(name="Rose"))
    await store.execute(
        "INSERT INTO identd.accounts (client_id, name, ident_by, ident_name) "
        "SELECT $1, n, 'name', n FROM unnest('{a,b}'::text[]) AS n",
        client_id,
    )
    with pytest.raises(InUseError) as caught:
        async with store.transaction("ann") as tx:
            await delete_client(tx, client_id, None)
    assert (caught.value.which, caught.value.by) == ("Rose", "2 accounts")


async def test_a_client_without_accounts_is_deleted(store: Database):
    client_id = await _made(store, ClientDraft(name="Rose"))
    async with store.transaction("ann") as tx:
        await delete_client(tx, client_id, (await get_client(store, client_id)).etag)
    with pytest.raises(NotFoundError):
        await get_client(store, client_id)


@pytest.mark.parametrize("client_id", [0, -1, 1, 2**63, 10**30])
async def test_a_client_that_is_not_there_is_not_found_whatever_the_number(store: Database, client_id: int):
    with pytest.raises(NotFoundError):
        await get_client(store, client_id)
    with pytest.raises(NotFoundError):
        async with store.transaction("ann") as tx:
            await update_client(tx, client_id, ClientDraft(name="x"), None)


async def test_nobody_begins_to_refer_to_a_client_that_is_being_deleted(store: Database, database: str):
    client_id = await _made(store, ClientDraft(name="Rose"))
    insert = "INSERT INTO identd.accounts (client_id, name, ident_by, ani) VALUES ($1, 'a', 'ani', '1')"
    async with store.transaction("ann") as tx:
        await delete_client(tx, client_id, None)
        impatient = (
            "DO $$ BEGIN SET LOCAL lock_timeout = '50ms'; " + insert.replace("$1", str(client_id)) + "; END $$"
        )
        with pytest.raises(BusyError):
            await store.execute(impatient)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await store.execute(insert, client_id)


@pytest.fixture
async def three(store: Database) -> Database:
    """Rose (1, a client), 50%_off (2, a reseller's, blocked) and rosebud (3, a calling card)."""
    await store.execute("INSERT INTO identd.resellers (id, name) VALUES (9, 'Resold')")
    await store.execute(
        "INSERT INTO identd.clients (id, name, client_type, status, reseller_id) VALUES "
        "(1, 'Rose', 'client', 'active', NULL), (2, '50%_off', 'client', 'blocked', 9), "
        "(3, 'rosebud', 'calling_card', 'active', NULL)"
    )
    return store


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (ClientFilter(), [1, 2, 3]),
        (ClientFilter(q="ROSE"), [1, 3]),
        (ClientFilter(q="%"), [2]),
        (ClientFilter(q="_"), [2]),
        (ClientFilter(q="\\"), []),
        (ClientFilter(q="3"), [3]),
        (ClientFilter(q="#3"), [3]),
        (ClientFilter(q="50"), [2]),
        (ClientFilter(q="²"), []),
        (ClientFilter(q="9" * 40), []),
        (ClientFilter(q="\0'; --"), []),
        (ClientFilter(client_type="calling_card"), [3]),
        (ClientFilter(status="blocked"), [2]),
        (ClientFilter(reseller_id=9), [2]),
        (ClientFilter(q="rose", status="blocked"), []),
    ],
)
async def test_clients_are_found_by_what_is_asked_for(three: Database, wanted: ClientFilter, ids: list[int]):
    found = await list_clients(three, wanted, Paging())
    assert ([row.id for row in found.rows], found.total) == (ids, len(ids))


async def test_a_page_beyond_the_last_is_the_last(three: Database):
    found = await list_clients(three, ClientFilter(), Paging(page=9, sort="name", descending=True))
    assert [row.name for row in found.rows] == ["rosebud", "Rose", "50%_off"]
    assert (found.first, found.last, found.total, found.paging.page) == (1, 3, 3, 1)


async def test_a_list_counts_the_accounts_of_each_client(three: Database):
    await three.execute("INSERT INTO identd.accounts (client_id, name, ident_by, ani) VALUES (3, 'a', 'ani', '1')")
    found = await list_clients(three, ClientFilter(), Paging())
    assert [row.accounts for row in found.rows] == [0, 0, 1]


async def test_the_types_offered_are_those_in_use(three: Database):
    assert await client_types(three) == ("calling_card", "client")


async def test_figures_are_of_the_last_thirty_days_and_of_this_client_alone(three: Database):
    await three.execute(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ani, orig_enabled) VALUES "
        "(1, 1, 'on', 'ani', '1', true), (2, 1, 'off', 'ani', '2', false), (3, 3, 'other', 'ani', '3', true)"
    )
    await three.execute(
        "INSERT INTO identd.account_statistics (account_id, day, direction, calls, refused, seconds, amount) VALUES "
        "(1, current_date, 'orig', 5, 1, 60, 1.5), (2, current_date - 29, 'orig', 2, 0, 30, 0.25), "
        "(1, current_date - 30, 'orig', 100, 0, 0, 100), (3, current_date, 'term', 9, 9, 9, 9)"
    )
    figures = await client_figures(three, 1)
    assert (figures.accounts_on, figures.accounts_off, figures.days) == (1, 1, 30)
    orig, term = figures.totals
    assert (orig.direction, orig.calls, orig.refused, orig.seconds) == ("orig", 7, 1, 90)
    assert orig.amount == Decimal("1.75")
    assert (term.direction, term.calls, term.amount) == ("term", 0, 0)


async def test_credit_and_a_low_balance_show(store: Database):
    async with store.transaction("ann") as tx:
        made = ClientDraft(
            name="x", balance=Decimal(-10), credit_limit=Decimal(10), low_balance_threshold=Decimal(-10)
        )
        client_id = await create_client(tx, made)
    client = await get_client(store, client_id)
    assert client.has_no_credit
    assert not client.has_low_balance
