"""Logging in and out through the pages: what gets in, what every wrong try is told, and what the cookie is."""

import re

import httpx
import pytest
import trio

from console.context import Console
from console.people.store import add_person, change_person, make_link
from tests.console.people.conftest import PASSWORD, log_in, token_of_page

COOKIE = re.compile(r"__Host-identd=([\w-]{43}); HttpOnly; Path=/; SameSite=strict; Secure")


async def test_a_link_sets_a_password_once_and_logs_in(console: Console, visitor):
    person_id = await add_person(console.database, "anna", "operator", actor="test")
    token = await make_link(console.database, person_id, actor="test", now=console.wall())
    browser: httpx.AsyncClient = visitor()
    for _ in range(2):  # looking uses nothing up
        page = await browser.get(f"/welcome/{token}")
        assert page.status_code == 200
        assert "Welcome, anna" in page.text
    answer = await browser.post(f"/welcome/{token}", data={"password": PASSWORD, "again": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert COOKIE.fullmatch(answer.headers["set-cookie"])
    assert (await browser.get("/me")).status_code == 200
    again = await visitor().post(f"/welcome/{token}", data={"password": PASSWORD, "again": PASSWORD})
    assert (again.status_code, "no longer good" in again.text) == (404, True)


async def test_of_two_who_use_a_link_at_once_one_gets_in(console: Console, visitor):
    person_id = await add_person(console.database, "anna", "operator", actor="test")
    token = await make_link(console.database, person_id, actor="test", now=console.wall())
    answers: list[int] = []

    async def use() -> None:
        answer = await visitor().post(f"/welcome/{token}", data={"password": PASSWORD, "again": PASSWORD})
        answers.append(answer.status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(use)
    assert sorted(answers) == [303, 404, 404, 404]


async def test_a_link_is_good_for_a_day_and_the_last_one_counts(console: Console, visitor, clock):
    person_id = await add_person(console.database, "anna", "operator", actor="test")
    first = await make_link(console.database, person_id, actor="test", now=clock.now)
    second = await make_link(console.database, person_id, actor="test", now=clock.now)
    browser = visitor()
    assert (await browser.get(f"/welcome/{first}")).status_code == 404
    clock.now += 86_399
    assert (await browser.get(f"/welcome/{second}")).status_code == 200
    clock.now += 1
    assert (await browser.get(f"/welcome/{second}")).status_code == 404
    late = await browser.post(f"/welcome/{second}", data={"password": PASSWORD, "again": PASSWORD})
    assert late.status_code == 404


@pytest.mark.parametrize(
    ("password", "again", "field"),
    [
        ("short", "short", "password"),
        (PASSWORD, PASSWORD + "x", "again"),
        ("x" * 1025, "x" * 1025, "password"),
        ("anna" * 3, "anna" * 3, "password"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "password"),
    ],
)
async def test_a_password_that_will_not_do_is_said_at_its_field_and_the_link_stays(
    console: Console, visitor, password: str, again: str, field: str
):
    person_id = await add_person(console.database, "anna", "operator", actor="test")
    token = await make_link(console.database, person_id, actor="test", now=console.wall())
    browser = visitor()
    answer = await browser.post(f"/welcome/{token}", data={"password": password, "again": again})
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert password not in answer.text
    assert (await browser.get(f"/welcome/{token}")).status_code == 200


async def test_a_login_goes_on_to_where_one_wanted_to_be(known, visitor):
    await known()
    browser = visitor()
    page = await browser.get("/me")
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fme")
    answer = await log_in(browser, next="/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert COOKIE.fullmatch(answer.headers["set-cookie"])


async def test_a_login_never_leads_to_another_site(known, visitor):
    await known()
    for target in (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=1",
    ):
        answer = await log_in(visitor(), next=target)
        assert answer.headers["location"] == "/"
        assert "evil" not in str(answer.headers)


async def test_every_wrong_login_is_told_the_same(console: Console, known, visitor):
    person_id = await known()
    await add_person(console.database, "newcomer", "admin", actor="test")
    await known("blocked")
    blocked = await console.database.value("SELECT id FROM console_users WHERE name = 'blocked'")
    await change_person(console.database, blocked, actor="test", status="blocked")
    pages = {}
    for name, password in (("anna", "wrong"), ("nobody", PASSWORD), ("newcomer", PASSWORD), ("blocked", PASSWORD)):
        answer = await log_in(visitor(), name, password)
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers
        pages[name] = answer.text.replace(f'value="{name}"', "")
    assert len(set(pages.values())) == 1
    assert person_id


async def test_what_the_browser_had_before_the_login_is_worth_nothing_after_it(console: Console, known, visitor):
    """Session fixation: a token that somebody planted, and the session that was open here."""
    await known()
    browser = visitor()
    browser.cookies.set("__Host-identd", "planted" * 6, domain="127.0.0.1", path="/")
    first = await log_in(browser)
    token = COOKIE.fullmatch(first.headers["set-cookie"])[1]
    assert "planted" not in token
    second = await log_in(browser)
    other = COOKIE.fullmatch(second.headers["set-cookie"])[1]
    assert other != token
    thief = visitor()
    for value, status in ((token, 303), ("planted" * 6, 303), (other, 200)):
        thief.cookies.clear()
        assert (await thief.get("/me", headers={"cookie": f"__Host-identd={value}"})).status_code == status


async def test_logging_out_ends_the_session_and_not_only_the_cookie(console: Console, known, visitor):
    await known()
    browser = visitor()
    await log_in(browser)
    kept = browser.cookies.get("__Host-identd")
    csrf = await token_of_page(browser, "/me")
    answer = await browser.post("/logout", data={"csrf": csrf})
    assert answer.headers["location"] == "/login"
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    back = await visitor().get("/me", headers={"cookie": f"__Host-identd={kept}"})
    assert back.status_code == 303


async def test_a_session_ends_when_idle_and_in_any_case_after_a_shift(console: Console, known, visitor, clock):
    await known()
    limits = console.settings.console
    browser = visitor()
    await log_in(browser)
    for _ in range(3):
        clock.now += limits.session_idle_seconds - 1
        assert (await browser.get("/me")).status_code == 200
    clock.now += limits.session_idle_seconds + 1
    assert (await browser.get("/me")).status_code == 303
    await log_in(browser)
    began = clock.now
    while clock.now + limits.session_idle_seconds - 1 <= began + limits.session_absolute_seconds:
        clock.now += limits.session_idle_seconds - 1
        assert (await browser.get("/me")).status_code == 200
    clock.now = began + limits.session_absolute_seconds + 1
    assert (await browser.get("/me")).status_code == 303


async def test_who_is_logged_in_is_sent_on_from_the_login_page(known, visitor):
    await known()
    browser = visitor()
    await log_in(browser)
    answer = await browser.get("/login?next=/people")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")


async def test_a_link_of_another_site_asks_once_more_so_that_the_strict_cookie_comes_along(visitor):
    answer = await visitor().get("/login?next=%2Fme", headers={"sec-fetch-site": "cross-site"})
    assert 'content="0; url=/login?next=%2Fme"' in answer.text
    direct = await visitor().get("/login?next=%2Fme", headers={"sec-fetch-site": "same-origin"})
    assert 'http-equiv="refresh"' not in direct.text


async def test_logins_are_in_the_audit_log_and_what_was_typed_is_not(console: Console, known, visitor):
    person_id = await known()
    await log_in(visitor(), "anna", "wrong password")
    await log_in(visitor(), "my secret in the wrong field", "")
    browser = visitor()
    await log_in(browser)
    await browser.post("/logout", data={"csrf": await token_of_page(browser, "/me")})
    rows = await console.database.fetch(
        "SELECT actor, action, entity_id FROM audit_log WHERE action LIKE 'log%' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("anna", "login", person_id),
        ("anna", "login_failed", person_id),
        ("nobody", "login_failed", None),
        ("anna", "login", person_id),
        ("anna", "logout", person_id),
    ]
    everything = await console.database.value("SELECT string_agg(a::text, ' ') FROM audit_log AS a")
    for secret in ("wrong password", "my secret", PASSWORD, "argon2"):
        assert secret not in everything
