"""Accounts found by name: one client's, or several clients'."""

import pytest

from console.database import Database
from console.store.account_names import NamedAccount, accounts_named, suggest_accounts

ROSE = """
INSERT INTO clients (id, name) VALUES (12, 'Rose'), (13, 'Iris');
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled) VALUES
    (176, 12, 'main', 'ip', '{192.0.2.1}', true),
    (177, 13, 'main', 'ip', '{192.0.2.2}', true),
    (178, 12, 'Main 100%', 'ip', '{192.0.2.3}', true);
"""


async def test_a_name_is_unique_within_a_client_only(store: Database):
    await store.execute(ROSE)
    assert await accounts_named(store, "main") == (
        NamedAccount(176, "main", "Rose"),
        NamedAccount(177, "main", "Iris"),
    )
    assert await accounts_named(store, "main", 13) == (NamedAccount(177, "main", "Iris"),)
    assert len(await accounts_named(store, "main", limit=1)) == 1
    assert await accounts_named(store, "Main") == ()


async def test_names_are_suggested_by_any_part_of_them(store: Database):
    await store.execute(ROSE)
    assert sorted(one.id for one in await suggest_accounts(store, " MAI ")) == [176, 177, 178]
    assert [one.id for one in await suggest_accounts(store, "0%")] == [178]
    assert sorted(one.id for one in await suggest_accounts(store, "main", 12)) == [176, 178]


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "\ud800", "x" * 256])
async def test_what_can_be_no_name_is_nobodys(store: Database, text: str):
    await store.execute(ROSE)
    assert await suggest_accounts(store, text) == ()
    assert await accounts_named(store, text) == ()
