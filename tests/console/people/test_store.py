"""Who there is: names that cannot be mistaken, roles, blocking, removing, and what the audit log keeps of it."""

import pytest

from console.context import Console
from console.errors import ChangedError, FieldErrors, NotFoundError
from console.people.sessions import open_session
from console.people.store import (
    LINK_SECONDS,
    add_person,
    change_person,
    make_link,
    people,
    person,
    person_named,
    remove_person,
)
from console.people.tokens import hash_token


async def test_somebody_new_has_no_password_and_is_found_by_name_in_any_case(console: Console):
    person_id = await add_person(console.database, "Anna", "operator", actor="test")
    found = await person_named(console.database, "aNNA")
    assert (found.id, found.name, found.role, found.status) == (person_id, "Anna", "operator", "active")
    assert (found.has_password, found.has_totp, found.has_link) == (False, False, False)
    assert await people(console.database) == [found]


@pytest.mark.parametrize("name", ["", " anna", "anna ", "a\0", "a\n", "x" * 65, "🦊", "a/b", "'; DROP TABLE x; --"])
async def test_a_name_that_will_not_do_is_refused_at_its_field(console: Console, name: str):
    with pytest.raises(FieldErrors) as caught:
        await add_person(console.database, name, "viewer", actor="test")
    assert list(caught.value.errors) == ["name"]


async def test_a_name_is_taken_in_capitals_too_and_a_role_is_one_of_four(console: Console):
    await add_person(console.database, "anna", "viewer", actor="test")
    with pytest.raises(FieldErrors, match="already"):
        await add_person(console.database, "ANNA", "viewer", actor="test")
    with pytest.raises(FieldErrors) as caught:
        await add_person(console.database, "berta", "root", actor="test")
    assert list(caught.value.errors) == ["role"]


async def test_another_role_or_a_block_ends_every_session_and_a_block_the_link(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    for change in ({"role": "operator"}, {"status": "blocked"}):
        await open_session(console.database, person_id, console.wall(), address="", agent="")
        await make_link(console.database, person_id, actor="test", now=console.wall())
        await change_person(console.database, person_id, actor="test", **change)
        assert await console.database.value("SELECT count(*) FROM console_sessions") == 0
    found = await person(console.database, person_id)
    assert (found.role, found.status, found.has_link) == ("operator", "blocked", False)
    with pytest.raises(FieldErrors):
        await change_person(console.database, person_id, actor="test", status="asleep")


async def test_what_somebody_else_has_changed_since_it_was_read_stays(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    read = (await person(console.database, person_id)).etag
    await change_person(console.database, person_id, actor="test", status="blocked", etag=read)
    with pytest.raises(ChangedError) as caught:
        await change_person(console.database, person_id, actor="test", role="operator", etag=read)
    assert caught.value.etag == "viewer.blocked"
    assert (await person(console.database, person_id)).etag == "viewer.blocked"


async def test_who_is_not_there_cannot_be_changed_linked_or_removed(console: Console):
    for attempt in (
        change_person(console.database, 5, actor="test", role="viewer"),
        make_link(console.database, 5, actor="test", now=0.0),
        remove_person(console.database, 5, actor="test"),
        person(console.database, 5),
        person_named(console.database, "nobody"),
        person_named(console.database, "no\0body"),
    ):
        with pytest.raises(NotFoundError):
            await attempt


async def test_only_the_hash_of_the_newest_link_is_kept(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    now = console.wall()
    await make_link(console.database, person_id, actor="test", now=now)
    token = await make_link(console.database, person_id, actor="test", now=now)
    (row,) = await console.database.fetch(
        "SELECT link_hash, extract(epoch FROM expires_at)::float8 FROM console_links"
    )
    assert row[0] == hash_token(token)
    assert row[1] == pytest.approx(now + LINK_SECONDS)
    assert (await person(console.database, person_id)).has_link


async def test_the_audit_log_keeps_who_did_what_to_whom(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="root")
    await change_person(console.database, person_id, actor="root", role="operator")
    await make_link(console.database, person_id, actor="root", now=console.wall())
    await remove_person(console.database, person_id, actor="root")
    rows = await console.database.fetch(
        "SELECT actor, action, entity_id, before ->> 'role', after ->> 'role' FROM audit_log "
        "WHERE entity = 'console_users' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("root", "insert", person_id, None, "viewer"),
        ("root", "update", person_id, "viewer", "operator"),
        ("root", "link", person_id, None, None),
        ("root", "delete", person_id, "operator", None),
    ]


async def test_the_database_itself_refuses_a_password_in_clear(console: Console):
    import asyncpg

    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    with pytest.raises(asyncpg.CheckViolationError):
        await console.database.execute("UPDATE console_users SET password_hash = 'hunter2' WHERE id = $1", person_id)
