"""Whatever PostgreSQL refuses of an account has a field and a sentence; the database lists its constraints."""

import asyncpg
import pytest

from console.database import Database
from console.errors import FieldErrors
from console.objects.account import AccountDraft
from console.store.account_faults import FAULTS, as_field_errors


async def test_every_constraint_of_accounts_has_its_field_and_sentence(store: Database) -> None:
    constraints = await store.fetch(
        "SELECT conname FROM pg_constraint"
        " WHERE conrelid IN ('identd.accounts'::regclass, 'identd.account_gateways'::regclass) AND contype <> 't'"
    )
    names = {
        row["conname"] for row in constraints if not row["conname"].endswith("_not_null")
    }  # PostgreSQL 18 lists them
    assert set(FAULTS) == names


def test_a_fault_is_at_a_field_of_the_form_and_says_what_to_do() -> None:
    for field, sentence in FAULTS.values():
        assert field in {"", "password", *AccountDraft.__struct_fields__}
        assert sentence.endswith((".", ";"))
        assert "constraint" not in sentence


async def test_nothing_of_what_postgresql_says_is_shown(store: Database) -> None:
    with pytest.raises(FieldErrors) as refused, as_field_errors():
        await store.execute(
            "INSERT INTO accounts (client_id, name, ident_by, ident_name) VALUES (7, 'x', 'name', 'x')"
        )
    assert refused.value.errors == {"client_id": FAULTS["accounts_client_id_fkey"][1]}
    with pytest.raises(FieldErrors) as refused, as_field_errors():
        await store.execute("SELECT 'secret'::int")
    assert "secret" not in str(refused.value)


async def test_a_fault_of_ours_is_not_put_on_the_operator(store: Database) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError), as_field_errors():
        await store.execute("SELECT FROM FROM accounts")
