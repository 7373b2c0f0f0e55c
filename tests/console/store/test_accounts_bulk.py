"""Imports: a thousand accounts are written as one, or none is and the row that was refused is named."""

import msgspec
import pytest

from console.database import Database
from console.objects.account import AccountDraft, KeepPassword, PasswordChange, RemovePassword, SetPassword
from console.store.accounts import get_account, get_accounts, reveal_password
from console.store.accounts_bulk import ROWS_A_STATEMENT, AccountEdit, RowErrors, create_accounts, update_accounts
from identd.credentials import KeyRing
from tests.console.store.test_accounts import FULL

KEYS = KeyRing((bytes(range(32)),))


@pytest.fixture
async def store(store: Database) -> Database:
    """With what accounts refer to."""
    await store.execute("INSERT INTO clients (name) VALUES ('Rose'), ('Iris')")
    await store.execute("INSERT INTO gateways (name) VALUES ('gw1'), ('gw2'), ('gw3')")
    return store


def draft(number: int, **columns: object) -> AccountDraft:
    values = {"client_id": 1, "name": f"login{number}", "ident_by": "name", "ident_name": f"login{number}", **columns}
    return AccountDraft(**values)  # type: ignore[arg-type]  # columns of a table


async def _create(store: Database, *drafts: AccountDraft, password: PasswordChange | None = None) -> list[int]:
    async with store.transaction("import") as tx:
        return await create_accounts(tx, [(each, password or KeepPassword()) for each in drafts], KEYS)


async def test_accounts_are_created_with_gateways_and_passwords_in_the_order_given(store: Database) -> None:
    drafts = [
        draft(1, gateway_ids=(1, 3)),
        draft(2, ident_by="ip", ident_name=None, ip=("10.0.0.0/8", "2001:db8::1"), orig_tags=("a", 'b"{},\\')),
        draft(3, orig_cps=1.5, notes="é\tx"),
    ]
    ids = await _create(store, *drafts, password=SetPassword("hunter2"))
    found = await get_accounts(store, ids)
    assert [msgspec.convert(each, AccountDraft, from_attributes=True) for each in found] == drafts
    async with store.transaction("anna") as tx:
        assert [await reveal_password(tx, each, KEYS) for each in ids] == ["hunter2"] * 3
    assert await store.value("SELECT count(*) FROM audit_log WHERE actor = 'import' AND entity = 'accounts'") == 3


async def test_none_is_none(store: Database) -> None:
    assert await _create(store) == []
    async with store.transaction("import") as tx:
        assert await update_accounts(tx, [], KEYS) == 0


@pytest.mark.parametrize(
    ("bad", "field", "row"),
    [
        ({"port": 70000}, "port", 2),
        ({"client_id": 99}, "client_id", 2),
        ({"gateway_ids": (99,)}, "gateway_ids", 2),
        ({"name": "login0"}, "name", 2),
        ({"notes": "\0"}, "", 2),
    ],
)
async def test_one_bad_row_is_named_and_nothing_is_written(
    store: Database, bad: dict[str, object], field: str, row: int
) -> None:
    ids = await _create(store, draft(1001), draft(1002), draft(1003))
    with pytest.raises(RowErrors) as refused:
        await _create(store, draft(0), draft(1), draft(2, **bad), draft(3))
    assert (list(refused.value.errors), refused.value.row) == ([field], row)
    await store.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ident_name) VALUES (1, 'login0', 'name', 'x')"
    )
    edits = [AccountEdit(id=each, draft=draft(n, **(bad if n == 2 else {}))) for n, each in enumerate(ids[::-1])]
    edits[0] = AccountEdit(id=ids[2], draft=draft(1003, port=1))
    with pytest.raises(RowErrors) as refused:
        async with store.transaction("import") as tx:
            await update_accounts(tx, edits, KEYS)
    assert list(refused.value.errors) == [field]
    assert refused.value.row in (row, None)
    assert await store.value("SELECT count(*) FROM accounts WHERE port IS NOT NULL") == 0


async def test_the_row_is_counted_through_all_copies(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.accounts_bulk.ROWS_A_COPY", 2)
    assert len(await _create(store, *(draft(n) for n in range(5)))) == 5
    for bad in ({"port": 0}, {"client_id": 99}, {"gateway_ids": (99,)}):
        with pytest.raises(RowErrors) as refused:
            await _create(store, *(draft(n, **(bad if n == 13 else {})) for n in range(10, 15)))
        assert refused.value.row == 3
    with pytest.raises(RowErrors) as refused:
        await _create(store, draft(20), draft(21), draft(22), draft(22))
    assert (refused.value.errors.keys(), refused.value.row) == ({"name"}, 3)
    assert await store.value("SELECT count(*) FROM accounts") == 5


async def test_edits_change_what_differs_and_count_it(store: Database) -> None:
    count = ROWS_A_STATEMENT + 5
    ids = await _create(store, *(draft(n, gateway_ids=(1,)) for n in range(count)))
    edits = [
        AccountEdit(
            id=account_id, draft=draft(n, gateway_ids=(2, 3) if n % 2 else (1,), port=5060 if n % 3 == 0 else None)
        )
        for n, account_id in enumerate(ids)
    ]
    async with store.transaction("import") as tx:
        assert await update_accounts(tx, edits[::-1], KEYS) == len([n for n in range(count) if n % 2 or n % 3 == 0])
    for n in (0, 1, 2, 3, count - 1):
        account = await get_account(store, ids[n])
        assert msgspec.convert(account, AccountDraft, from_attributes=True) == edits[n].draft
    async with store.transaction("import") as tx:
        assert await update_accounts(tx, edits, KEYS) == 0


async def test_every_column_is_written_as_by_the_form(store: Database) -> None:
    await store.execute("INSERT INTO rate_tables (name) VALUES ('RT ORIG'), ('RT TERM')")
    await store.execute("INSERT INTO routing_plans (name) VALUES ('LCR')")
    (account_id,) = await _create(store, draft(1))
    async with store.transaction("import") as tx:
        await update_accounts(tx, [AccountEdit(id=account_id, draft=FULL)], KEYS)
    assert msgspec.convert(await get_account(store, account_id), AccountDraft, from_attributes=True) == FULL
    (created,) = await _create(store, msgspec.structs.replace(FULL, name="another"))
    after = await get_account(store, created)
    assert msgspec.convert(after, AccountDraft, from_attributes=True) == msgspec.structs.replace(FULL, name="another")


async def test_passwords_are_kept_set_and_removed(store: Database) -> None:
    ids = await _create(store, draft(1), draft(2), draft(3), password=SetPassword("old"))
    changes: list[PasswordChange] = [KeepPassword(), SetPassword("new"), RemovePassword()]
    edits = [
        AccountEdit(id=account_id, draft=draft(n, notes="x"), password=change)
        for n, (account_id, change) in enumerate(zip(ids, changes, strict=True), 1)
    ]
    async with store.transaction("import") as tx:
        assert await update_accounts(tx, edits, KEYS) == 3
        assert [await reveal_password(tx, each, KEYS) for each in ids] == ["old", "new", None]


async def test_a_row_that_somebody_else_changed_or_deleted_stops_the_import(store: Database) -> None:
    ids = await _create(store, draft(1), draft(2))
    etags = [account.etag for account in await get_accounts(store, ids)]
    await store.execute("UPDATE accounts SET port = 1 WHERE id = $1", ids[1])
    edits = [AccountEdit(id=i, draft=draft(n, notes="x"), etag=etags[n - 1]) for n, i in enumerate(ids, 1)]
    with pytest.raises(RowErrors, match="changed by somebody else") as refused:
        async with store.transaction("import") as tx:
            await update_accounts(tx, edits, KEYS)
    assert refused.value.row == 1
    with pytest.raises(RowErrors, match="no account 999"):
        async with store.transaction("import") as tx:
            await update_accounts(tx, [AccountEdit(id=999, draft=draft(9))], KEYS)
    assert await store.value("SELECT count(*) FROM accounts WHERE notes <> ''") == 0


async def test_a_name_that_an_ha1_is_bound_to_keeps_its_password_or_the_row_is_refused(store: Database) -> None:
    ids = await _create(store, draft(1), password=SetPassword("x", sealed=False, realms=("r",)))
    with pytest.raises(RowErrors) as refused:
        async with store.transaction("import") as tx:
            await update_accounts(tx, [AccountEdit(id=ids[0], draft=draft(1, ident_name="other"))], KEYS)
    assert (list(refused.value.errors), refused.value.row) == (["password"], 0)
    with pytest.raises(RowErrors) as refused:
        await _create(store, draft(2), password=SetPassword(""))
    assert (list(refused.value.errors), refused.value.row) == (["password"], 0)
