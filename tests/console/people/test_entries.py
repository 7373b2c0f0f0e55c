"""Entries of the audit log about people, beside those that the triggers write."""

from console.context import Console
from console.people.entries import write_entry


async def test_an_entry_has_its_actor_and_what_is_to_be_known(console: Console):
    async with console.database.transaction("anna") as transaction:
        await write_entry(transaction, "login", 7, {"address": "192.0.2.1"})
        await write_entry(transaction, "login_failed", None)
    rows = await console.database.fetch(
        "SELECT actor, action, entity, entity_id, after ->> 'address' FROM audit_log ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("anna", "login", "console_users", 7, "192.0.2.1"),
        ("anna", "login_failed", "console_users", None, None),
    ]
