"""Keys of the API open what their role may, until they are revoked or expire."""

import httpx
import pytest

from console.context import Console
from console.errors import FieldErrors, NotFoundError
from console.people.keys import find_key, keys, make_key, revoke_key
from console.people.tokens import KEY_PREFIX

NOW = 1_800_000_000.0


async def test_a_key_is_found_until_it_is_revoked(console: Console):
    key = await make_key(console.database, "billing", "operator", actor="anna", now=NOW)
    assert key.startswith(KEY_PREFIX)
    found = await find_key(console.database, key, NOW)
    assert found is not None
    assert (found.name, found.role, found.created_by, found.shown) == ("billing", "operator", "anna", key[:10])
    await revoke_key(console.database, found.id, actor="anna", now=NOW + 1)
    assert await find_key(console.database, key, NOW + 2) is None


async def test_a_key_expires_at_its_moment(console: Console):
    key = await make_key(console.database, "k", "viewer", actor="anna", now=NOW, expires_at=NOW + 10)
    assert await find_key(console.database, key, NOW + 9.9) is not None
    assert await find_key(console.database, key, NOW + 10) is None


async def test_the_last_use_is_shown_and_written_once_a_minute(console: Console):
    key = await make_key(console.database, "k", "viewer", actor="anna", now=NOW)
    (unused,) = await keys(console.database)
    assert unused.used_at is None
    for moment in (NOW + 1, NOW + 30, NOW + 62):
        await find_key(console.database, key, moment)
        (seen,) = await keys(console.database)
        assert seen.used_at == (NOW + 1 if moment < NOW + 61 else NOW + 62)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\r\nb"}, "name"),
        ({"role": "root"}, "role"),
        ({"expires_at": NOW - 1}, "expires_at"),
    ],
)
async def test_a_wrong_key_is_refused_at_its_field(console: Console, values: dict[str, object], field: str):
    given = {"name": "k", "role": "viewer", **values}
    with pytest.raises(FieldErrors) as caught:
        await make_key(console.database, actor="anna", now=NOW, **given)  # type: ignore[arg-type]  # on purpose
    assert list(caught.value.errors) == [field]


async def test_two_keys_do_not_share_a_name(console: Console):
    await make_key(console.database, "k", "viewer", actor="anna", now=NOW)
    with pytest.raises(FieldErrors) as caught:
        await make_key(console.database, "k", "viewer", actor="anna", now=NOW)
    assert "already" in caught.value.errors["name"]


async def test_what_is_no_key_of_ours_is_not_looked_up(console: Console):
    for token in ("", "idk_", "idk_" + "x" * 100, "Bearer", "idk_\ud800", "idk_\0"):
        assert await find_key(console.database, token, NOW) is None


async def test_a_key_that_is_not_there_cannot_be_revoked(console: Console):
    with pytest.raises(NotFoundError):
        await revoke_key(console.database, 12345, actor="anna", now=NOW)


async def test_the_audit_log_tells_of_a_key_but_not_the_key(console: Console):
    key = await make_key(console.database, "billing", "operator", actor="anna", now=NOW)
    row = await console.database.row("SELECT actor, after::text FROM audit_log WHERE entity = 'console_keys'")
    assert row["actor"] == "anna"
    assert '"key_hash": "set"' in row["after"]
    assert key not in row["after"]


async def test_a_client_with_a_key_is_nobody_on_a_page(console: Console, key_of):
    client: httpx.AsyncClient = await key_of("admin")
    answer = await client.get("/me/sessions")
    assert answer.status_code in (303, 404)
