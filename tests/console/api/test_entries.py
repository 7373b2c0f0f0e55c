"""What may be sent has the names of what can be edited: nothing is left out, nothing is too much."""

import msgspec
import pytest

from console.api import entries
from console.objects import account_fields, client, gateway, named, reseller
from console.objects.account_fields import PASSWORD_NAMES

TABLES = [
    ("Account", {field.column for field in account_fields.FIELDS} | set(PASSWORD_NAMES) - {"password_remove"}),
    ("Client", {field.name for field in (*client.FIELDS, client.BALANCE_WAS)}),
    ("Reseller", {field.name for field in reseller.FIELDS}),
    ("Gateway", {field.name for field in gateway.FIELDS}),
    ("Named", {field.name for field in named.FIELDS}),
]


@pytest.mark.parametrize("kind", ["New", "Patch"])
@pytest.mark.parametrize(("name", "fields"), TABLES)
def test_bodies_have_the_fields_of_the_forms(name: str, fields: set[str], kind: str):
    assert set(getattr(entries, name + kind).__struct_fields__) == fields


@pytest.mark.parametrize(("name", "_fields"), TABLES)
def test_of_a_change_nothing_is_needed(name: str, _fields: set[str]):
    assert not any(field.required for field in msgspec.structs.fields(getattr(entries, f"{name}Patch")))


def test_a_password_does_not_reach_a_log_through_a_repr():
    assert "hunter2" not in repr(entries.Question(name="u", password="hunter2"))
