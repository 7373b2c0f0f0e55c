"""What an admin does about people, as clicked."""

import re

import httpx
import pytest

from console.context import Console
from console.people.store import person_named
from tests.console.conftest import Browser
from tests.console.people.conftest import PASSWORD


async def add(admin: httpx.AsyncClient, name: str = "berta", role: str = "viewer") -> httpx.Response:
    return await admin.post("/people", data={"name": name, "role": role})


async def test_an_admin_adds_somebody_and_sees_the_link_once(console: Console, browser_of: Browser, visitor):
    admin = await browser_of("admin")
    page = await add(admin)
    (link,) = re.findall(r'value="(http[^"]*/welcome/[\w-]{43})"', page.text)
    assert link.startswith(console.settings.console.origin)
    listed = (await admin.get("/people")).text
    assert link not in listed
    assert "No password yet" in listed
    used = await visitor().post(link.partition("8878")[2], data={"password": PASSWORD, "again": PASSWORD})
    assert used.status_code == 303


@pytest.mark.parametrize(
    ("name", "role", "field"), [("", "viewer", "name"), ("a b", "viewer", "name"), ("a", "x", "role")]
)
async def test_what_will_not_do_is_said_at_its_field_with_what_was_typed(
    browser_of: Browser, name: str, role: str, field: str
):
    answer = await add(await browser_of("admin"), name, role)
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert f'value="{name}"' in answer.text


async def test_another_role_logs_somebody_out_and_counts_at_the_next_login(console: Console, browser_of: Browser):
    admin, viewer = await browser_of("admin"), await browser_of("viewer")
    whose = await person_named(console.database, "viewer1")
    answer = await admin.post(
        f"/people/{whose.id}", data={"role": "operator", "status": "active", "etag": "viewer.active"}
    )
    assert answer.headers["location"] == "/people"
    assert (await viewer.get("/me")).status_code == 303
    assert (await person_named(console.database, "viewer1")).role == "operator"


async def test_who_is_blocked_is_out_and_gets_no_link(console: Console, browser_of: Browser):
    admin, viewer = await browser_of("admin"), await browser_of("viewer")
    whose = await person_named(console.database, "viewer1")
    await admin.post(f"/people/{whose.id}", data={"role": "viewer", "status": "blocked", "etag": "viewer.active"})
    assert (await viewer.get("/me")).status_code == 303
    assert "Blocked" in (await admin.get("/people")).text
    refused = await admin.post(f"/people/{whose.id}/link")
    assert refused.status_code == 422
    assert "/welcome/" not in refused.text


async def test_a_form_from_before_somebody_was_blocked_lets_nobody_in_again(console: Console, browser_of: Browser):
    admin, _viewer = await browser_of("admin"), await browser_of("viewer")
    whose = await person_named(console.database, "viewer1")
    path, read = f"/people/{whose.id}", {"etag": "viewer.active"}
    assert 'name="etag" value="viewer.active"' in (await admin.get(path)).text
    await admin.post(path, data={"role": "viewer", "status": "blocked", **read})
    for form in ({"role": "operator", "status": "active", **read}, {"role": "operator", "status": "active"}):
        stale = await admin.post(path, data=form)
        assert stale.status_code == 409
        assert "Somebody else has set this to “blocked”" in stale.text
        assert (await person_named(console.database, "viewer1")).etag == "viewer.blocked"
    assert 'value="viewer.blocked"' in stale.text
    again = await admin.post(path, data={"role": "operator", "status": "blocked", "etag": "viewer.blocked"})
    assert again.status_code == 303
    assert (await person_named(console.database, "viewer1")).etag == "operator.blocked"


async def test_the_last_admin_stays_one(console: Console, browser_of: Browser):
    admin = await browser_of("admin")
    oneself = await person_named(console.database, "admin0")
    for path, form in (
        (f"/people/{oneself.id}", {"role": "viewer", "status": "active", "etag": "admin.active"}),
        (f"/people/{oneself.id}", {"role": "admin", "status": "blocked", "etag": "admin.active"}),
        (f"/people/{oneself.id}/remove", {}),
    ):
        answer = await admin.post(path, data=form)
        assert answer.status_code == 422
        assert "This is you" in answer.text
    assert await person_named(console.database, "admin0") == oneself


async def test_somebody_is_removed(console: Console, browser_of: Browser):
    admin, viewer = await browser_of("admin"), await browser_of("viewer")
    whose = await person_named(console.database, "viewer1")
    await admin.post(f"/people/{whose.id}/remove")
    assert (await viewer.get("/me")).status_code == 303
    assert (await admin.get(f"/people/{whose.id}")).status_code == 404


@pytest.mark.parametrize("person_id", ["999", "99999999999999999999999999", "0"])
async def test_nobody_is_found_under_a_number_that_is_nobodys(browser_of: Browser, person_id: str):
    admin = await browser_of("admin")
    for path in (f"/people/{person_id}/link", f"/people/{person_id}/remove", f"/people/{person_id}"):
        assert (await admin.post(path, data={"role": "viewer", "status": "active"})).status_code == 404
