"""One account in the database: two operators do not overwrite each other; deleting gives back what was charged."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
import trio

from console.database import Database, Transaction
from console.errors import ChangedError, FieldErrors, NotFoundError
from console.objects.account import AccountDraft, KeepPassword, PasswordChange, RemovePassword, SetPassword
from console.store.accounts import (
    create_account,
    deactivate,
    delete_account,
    delete_figures,
    get_account,
    get_accounts,
    reveal_password,
    update_account,
)
from console.store.accounts_bulk import AccountEdit, update_accounts
from identd.credentials import KeyRing

KEYS = KeyRing((bytes(range(32)),))
NO_KEYS = KeyRing()
ROSE = AccountDraft(client_id=1, name="rose_orig", ident_by="name", ident_name="rose", orig_enabled=True)
FULL = AccountDraft(
    client_id=1,
    name="everything",
    ident_by="ip",
    ip=("10.0.0.0/24", "192.0.2.1", "2001:db8::/32"),
    tech_prefix="1234#",
    strip_tech_prefix=False,
    protocol="sip",
    port=5060,
    proxy="sip.example.net",
    notes="two\nlines; and 'quotes'",
    status="blocked",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_until=datetime(2027, 1, 1, 12, 30, tzinfo=UTC),
    gateway_ids=(1, 2),
    orig_enabled=True,
    orig_rate_table_id=1,
    routing_plan_id=1,
    orig_tags=("gold", "a,b"),
    orig_capacity=30,
    orig_cps=2.5,
    term_enabled=True,
    term_rate_table_id=2,
    term_tags=("silver",),
    term_capacity=0,
    term_cps=0.0,
    cps_burst=4.0,
)


@pytest.fixture
async def store(store: Database) -> Database:
    """With what accounts refer to."""
    for statement in (
        "INSERT INTO clients (name, balance) VALUES ('Rose', 10), ('Iris', 0)",
        "INSERT INTO gateways (name) VALUES ('gw1'), ('gw2'), ('gw3')",
        "INSERT INTO rate_tables (name) VALUES ('RT ORIG'), ('RT TERM')",
        "INSERT INTO routing_plans (name) VALUES ('LCR')",
    ):
        await store.execute(statement)
    return store


async def _create(store: Database, draft: AccountDraft = ROSE, **options: object) -> int:
    password = options.get("password", KeepPassword())
    async with store.transaction("anna") as tx:
        return await create_account(tx, draft, password, KEYS)  # type: ignore[arg-type]  # any of three


async def test_what_was_entered_is_what_is_read(store: Database) -> None:
    account = await get_account(store, await _create(store, FULL))
    assert msgspec.convert(account, AccountDraft, from_attributes=True) == FULL
    assert (account.client, account.client_type, account.client_status) == ("Rose", "client", "active")
    assert account.gateways == ("gw1", "gw2")
    assert (account.orig_rate_table, account.routing_plan, account.term_rate_table) == ("RT ORIG", "LCR", "RT TERM")
    assert not account.has_password


async def test_networks_are_shown_as_the_daemon_matches_them(store: Database) -> None:
    account_id = await _create(
        store, msgspec.structs.replace(FULL, ip=("10.0.0.9/24", "10.0.0.0/24", "::ffff:192.0.2.7"))
    )
    assert (await get_account(store, account_id)).ip == ("10.0.0.0/24", "192.0.2.7")


async def test_a_gateway_that_billing_binds_at_the_same_moment_is_bound(store: Database) -> None:
    writers: tuple[Callable[..., Awaitable[object]], ...] = (update_account, _update_by_import)
    for write in writers:
        account_id = await _create(store, msgspec.structs.replace(FULL, name=write.__name__, gateway_ids=(1,)))
        draft = msgspec.structs.replace(FULL, name=write.__name__, gateway_ids=(1, 2, 3))

        async def bind(account_id: int, bound: trio.Event) -> None:
            async with store.transaction("billing") as tx:
                await tx.execute("INSERT INTO account_gateways VALUES ($1, 2)", account_id)
                bound.set()
                await _somebody_waits(store)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(bind, account_id, bound := trio.Event())
            await bound.wait()
            async with store.transaction("anna") as tx:
                await write(tx, account_id, draft, KeepPassword(), KEYS, None)
        assert (await get_account(store, account_id)).gateway_ids == (1, 2, 3)


async def _somebody_waits(store: Database) -> None:
    """Until a session of this database waits for a lock of another."""
    with trio.fail_after(20):
        while not await store.value("SELECT count(*) FROM pg_sleep(0.01), pg_locks WHERE NOT granted"):
            pass


@pytest.mark.parametrize(
    ("since", "until"),
    [("-infinity", "infinity"), ("0044-03-15 12:00:00+00 BC", "20000-01-01 00:00:00+00"), ("-infinity", None)],
)
async def test_times_that_python_has_not_are_read_and_stay_until_somebody_writes_others(
    store: Database, since: str, until: str | None
) -> None:
    account_id = await _create(store)
    await store.execute(
        "UPDATE accounts SET valid_from = $1::text::timestamptz, valid_until = $2::text::timestamptz", since, until
    )
    account = await get_account(store, account_id)
    assert account.valid_from == datetime.min.replace(tzinfo=UTC)
    assert account.valid_until == (None if until is None else datetime.max.replace(tzinfo=UTC))
    draft = msgspec.convert(account, AccountDraft, from_attributes=True)
    writers: tuple[Callable[..., Awaitable[object]], ...] = (update_account, _update_by_import)
    for number, write in enumerate(writers):
        async with store.transaction("anna") as tx:
            await write(tx, account_id, msgspec.structs.replace(draft, port=1 + number), KeepPassword(), KEYS, None)
        assert await _times(store) == (1 + number, since, until)
        moved = msgspec.structs.replace(draft, valid_from=datetime(2026, 1, 1, tzinfo=UTC), valid_until=None)
        async with store.transaction("anna") as tx:
            await write(tx, account_id, moved, KeepPassword(), KEYS, None)
        assert await _times(store) == (None, "2026-01-01 00:00:00+00", None)
        async with store.transaction("anna") as tx:
            await write(tx, account_id, draft, KeepPassword(), KEYS, None)
        assert await _times(store) == (None, "-infinity", until and "infinity")
        since, until = "-infinity", until and "infinity"


async def _update_by_import(
    tx: Transaction, account_id: int, draft: AccountDraft, password: PasswordChange, keys: KeyRing, etag: str | None
) -> None:
    await update_accounts(tx, [AccountEdit(id=account_id, draft=draft, password=password, etag=etag)], keys)


async def _times(store: Database) -> tuple[object, ...]:
    row = await store.row("SELECT port, valid_from::text, valid_until::text FROM accounts")
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("account_id", [999, 0, -1, 2**63, 10**30])
async def test_an_account_that_is_not_there_is_not_found(store: Database, account_id: int) -> None:
    with pytest.raises(NotFoundError):
        await get_account(store, account_id)
    with pytest.raises(NotFoundError):
        await delete_figures(store, account_id)
    async with store.transaction("anna") as tx:
        for refused in (
            update_account(tx, account_id, ROSE, KeepPassword(), KEYS, None),
            deactivate(tx, account_id, None),
            delete_account(tx, account_id, None),
            reveal_password(tx, account_id, KEYS),
        ):
            with pytest.raises(NotFoundError):
                await refused


async def test_several_come_in_the_order_asked_for_without_those_that_are_gone(store: Database) -> None:
    first, second = await _create(store), await _create(store, FULL)
    assert [account.id for account in await get_accounts(store, [second, 999, first])] == [second, first]


async def test_every_column_a_gateway_and_the_password_are_in_the_etag(store: Database) -> None:
    account_id = await _create(store, FULL)
    seen = {(await get_account(store, account_id)).etag}
    other = msgspec.structs.replace(
        FULL, client_id=2, name="x", ident_by="ani", ip=(), ani="49*", tech_prefix=None, strip_tech_prefix=True,
        protocol=None, port=None, proxy=None, notes="", status="active", valid_from=None, valid_until=None,
        gateway_ids=(3,), orig_enabled=False, orig_rate_table_id=None, routing_plan_id=None, orig_tags=(),
        orig_capacity=None, orig_cps=None, term_enabled=False, term_rate_table_id=None, term_tags=(),
        term_capacity=None, term_cps=None, cps_burst=None,
    )  # fmt: skip
    steps = [
        {name: getattr(other, name)}
        for name in FULL.__struct_fields__
        if name not in ("ident_by", "ip", "ani", "ident_name")
    ]
    steps.append({"ident_by": "ani", "ip": (), "ani": "49*"})
    draft = FULL
    for step in steps:
        draft = msgspec.structs.replace(draft, **step)
        async with store.transaction("anna") as tx:
            after = await update_account(tx, account_id, draft, KeepPassword(), KEYS, None)
        assert after.etag not in seen, step
        seen.add(after.etag)
    for text in ("hunter2", "hunter2", "other"):  # the same password again is sealed anew
        async with store.transaction("anna") as tx:
            after = await update_account(tx, account_id, draft, SetPassword(text), KEYS, None)
        assert after.etag not in seen
        seen.add(after.etag)


async def test_the_second_of_two_operators_is_told_and_overwrites_nothing(store: Database) -> None:
    account_id = await _create(store)
    read = await get_account(store, account_id)
    async with store.transaction("anna") as tx:
        await update_account(
            tx, account_id, msgspec.structs.replace(ROSE, port=5060), KeepPassword(), KEYS, read.etag
        )
    for attempt in (
        lambda tx: update_account(tx, account_id, ROSE, KeepPassword(), KEYS, read.etag),
        lambda tx: deactivate(tx, account_id, read.etag),
        lambda tx: delete_account(tx, account_id, read.etag),
    ):
        with pytest.raises(ChangedError) as changed:
            async with store.transaction("berta") as tx:
                await attempt(tx)
        now = await get_account(store, account_id)
        assert (changed.value.etag, now.port) == (now.etag, 5060)


async def test_saving_what_is_there_already_writes_nothing(store: Database) -> None:
    account_id = await _create(store, FULL)
    entries = await store.value("SELECT count(*) FROM audit_log")
    async with store.transaction("anna") as tx:
        after = await update_account(tx, account_id, FULL, KeepPassword(), KEYS, None)
    assert after == await get_account(store, account_id)
    assert await store.value("SELECT count(*) FROM audit_log") == entries
    assert tx.xid is not None  # the lock alone


async def test_a_binding_that_stays_is_not_written_again(store: Database) -> None:
    account_id = await _create(store, FULL)
    async with store.transaction("anna") as tx:
        after = await update_account(
            tx, account_id, msgspec.structs.replace(FULL, gateway_ids=(2, 3)), KeepPassword(), KEYS, None
        )
    assert after.gateways == ("gw2", "gw3")
    written = await store.fetch(
        "SELECT action FROM audit_log WHERE entity = 'account_gateways' AND action <> 'insert'"
    )
    assert [row["action"] for row in written] == ["delete"]


async def test_deactivating_unchecks_both_directions_and_keeps_the_rest(store: Database) -> None:
    account_id = await _create(store, FULL)
    async with store.transaction("anna") as tx:
        after = await deactivate(tx, account_id, None)
    assert after.is_off
    draft = msgspec.convert(after, AccountDraft, from_attributes=True)
    assert draft == msgspec.structs.replace(FULL, orig_enabled=False, term_enabled=False)


async def test_the_figures_of_a_delete_are_what_it_then_does(store: Database) -> None:
    account_id = await _create(store)
    await store.execute(
        "INSERT INTO account_statistics (account_id, day, direction, calls, seconds, amount) VALUES"
        " ($1, '2026-01-01', 'orig', 3, 60, 1.5), ($1, '2026-01-01', 'term', 1, 10, 0.25),"
        " ($1, '2026-01-03', 'orig', 2, 5, 2)",
        account_id,
    )
    figures = await delete_figures(store, account_id)
    assert (figures.amount, figures.balance, figures.balance_after) == (
        Decimal("3.75"), Decimal(10), Decimal("13.75")
    )  # fmt: skip
    assert (figures.days, figures.calls, figures.seconds) == (2, 6, 75)
    assert (figures.first_day, figures.last_day) == (date(2026, 1, 1), date(2026, 1, 3))
    async with store.transaction("anna") as tx:
        gone, done = await delete_account(tx, account_id, None)
    assert (gone.name, done) == ("rose_orig", figures)
    assert await store.value("SELECT balance FROM clients WHERE id = 1") == figures.balance_after
    assert await store.value("SELECT count(*) FROM account_statistics") == 0


async def test_what_billing_books_until_the_end_is_given_back_and_said(store: Database) -> None:
    account_id = await _create(store)
    await store.execute(
        "INSERT INTO account_statistics (account_id, day, direction, amount) VALUES ($1, '2026-01-01', 'orig', 5)",
        account_id,
    )

    async def book(booked: trio.Event) -> None:
        async with store.transaction("billing") as tx:
            await tx.execute("UPDATE account_statistics SET amount = amount + 100.000001")
            booked.set()
            await _somebody_waits(store)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(book, booked := trio.Event())
        await booked.wait()
        async with store.transaction("anna") as tx:
            _, done = await delete_account(tx, account_id, None)
    assert (done.amount, done.balance, done.balance_after) == (
        Decimal("105.000001"), Decimal(10), Decimal("115.000001")
    )  # fmt: skip
    assert await store.value("SELECT balance FROM clients WHERE id = 1") == done.balance_after


async def test_an_account_without_calls_gives_nothing_back(store: Database) -> None:
    figures = await delete_figures(store, await _create(store))
    assert (figures.amount, figures.days, figures.first_day) == (0, 0, None)
    assert figures.balance_after == figures.balance


async def test_a_sealed_password_is_shown_and_that_it_was_is_in_the_audit_log(store: Database) -> None:
    account_id = await _create(store, password=SetPassword("hunter2"))
    async with store.transaction("anna") as tx:
        assert await reveal_password(tx, account_id, KEYS) == "hunter2"
    entry = await store.row("SELECT * FROM audit_log ORDER BY id DESC LIMIT 1")
    assert entry is not None
    assert (entry["actor"], entry["action"], entry["entity"], entry["entity_id"]) == (
        "anna", "reveal", "accounts", account_id
    )  # fmt: skip
    assert await store.value("SELECT count(*) FROM audit_log WHERE to_jsonb(audit_log)::text LIKE '%hunter2%'") == 0
    async with store.transaction("anna") as tx:
        assert await reveal_password(tx, account_id, NO_KEYS) is None
        assert await reveal_password(tx, account_id, KeyRing((bytes(32),))) is None


async def test_a_password_stays_is_removed_or_is_set(store: Database) -> None:
    account_id = await _create(store, password=SetPassword("hunter2"))
    for change, shown in ((KeepPassword(), "hunter2"), (SetPassword("new"), "new"), (RemovePassword(), None)):
        async with store.transaction("anna") as tx:
            after = await update_account(
                tx, account_id, msgspec.structs.replace(ROSE, notes=repr(change)), change, KEYS, None
            )
            assert await reveal_password(tx, account_id, KEYS) == shown
        assert after.has_password is (shown is not None)


async def test_without_a_key_a_password_is_refused_with_what_to_do(store: Database) -> None:
    with pytest.raises(FieldErrors) as refused:
        async with store.transaction("anna") as tx:
            await create_account(tx, ROSE, SetPassword("hunter2"), NO_KEYS)
    assert "credentials.key_file" in refused.value.errors["password"]
    assert await store.value("SELECT count(*) FROM accounts") == 0


async def test_a_name_that_an_ha1_is_bound_to_does_not_change_without_its_password(store: Database) -> None:
    ha1 = SetPassword("hunter2", sealed=False, realms=("sip.example.net",))
    account_id = await _create(store, password=ha1)
    renamed = msgspec.structs.replace(ROSE, ident_name="rosa")
    with pytest.raises(FieldErrors) as refused:
        async with store.transaction("anna") as tx:
            await update_account(tx, account_id, renamed, KeepPassword(), KEYS, None)
    assert list(refused.value.errors) == ["password"]
    for change in (ha1, RemovePassword()):
        async with store.transaction("anna") as tx:
            await update_account(tx, account_id, renamed, change, KEYS, None)
    async with store.transaction("anna") as tx:  # a sealed one goes with it
        await update_account(tx, account_id, ROSE, SetPassword("hunter2"), KEYS, None)
        assert (await update_account(tx, account_id, renamed, KeepPassword(), KEYS, None)).has_password


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "taken"}, "name"),
        ({"client_id": 99}, "client_id"),
        ({"orig_rate_table_id": 99}, "orig_rate_table_id"),
        ({"gateway_ids": (1, 99)}, "gateway_ids"),
        ({"ident_name": None}, "ident_by"),
        ({"ip": ("no network",), "ident_by": "ip", "ident_name": None}, ""),
        ({"notes": "nul\0"}, ""),
    ],
)
async def test_what_the_database_refuses_is_said_at_its_field(
    store: Database, change: dict[str, object], field: str
) -> None:
    await _create(store, msgspec.structs.replace(ROSE, name="taken"))
    account_id = await _create(store)
    draft = msgspec.structs.replace(ROSE, **change)
    for write in (
        lambda tx: create_account(
            tx, msgspec.structs.replace(draft, name=change.get("name", "new")), KeepPassword(), KEYS
        ),
        lambda tx: update_account(tx, account_id, draft, KeepPassword(), KEYS, None),
    ):
        with pytest.raises(FieldErrors) as refused:
            async with store.transaction("anna") as tx:
                await write(tx)
        assert list(refused.value.errors) == [field]
    assert await store.value("SELECT count(*) FROM accounts") == 2
