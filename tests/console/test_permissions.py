"""The permission table: every role, nobody, and every key, against every door that there is.

The rows are made from `console.app.DOORS`, so a door that is added is in the table; what a path needs is filled in
from SAMPLES, and a door whose parameter is not there fails until somebody says what to put.
"""

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest
import trio

from console.app import DOORS
from console.door import Door
from console.people.tokens import KEY_PREFIX
from console.roles import PERMISSIONS, ROLES, Role
from tests.console.conftest import ORIGIN

Browser = Callable[[Role], Awaitable[httpx.AsyncClient]]

SAMPLES: dict[str, str] = {"token": "x" * 43, "call_id": "nobody"}
"""Parameter of a path -> something of its form that is not there; numbers are NOT_THERE."""
NOT_THERE = "987654321"
ENDLESS_SECONDS = 2.0
"""Pages with live counts never end by themselves: answering so long is being let in."""

PAGES = [door for door in DOORS if not door.is_api]
API = [door for door in DOORS if door.is_api]
OPEN = {
    ("GET", "/login"), ("POST", "/login"), ("GET", "/welcome/{token}"), ("POST", "/welcome/{token}"),
    ("GET", "/api/v1/openapi.json"),
}  # fmt: skip
"""What is open to the world; anything more is a decision, made here."""


def path_of(door: Door) -> str:
    def sample(match: re.Match[str]) -> str:
        return NOT_THERE if match[2] == "int" else SAMPLES.get(match[1], "nobody")

    return re.sub(r"\{(\w+)(?::(\w+))?\}", sample, door.path)


async def knock(client: httpx.AsyncClient, door: Door) -> httpx.Response | None:
    """The answer, or None where it goes on and on: that was let in. Nothing that exists is named."""
    with trio.move_on_after(ENDLESS_SECONDS):
        return await client.request(door.method, path_of(door), data={} if door.method == "POST" else None)
    return None


def is_refused(answer: httpx.Response | None) -> bool:
    if answer is None:
        return False
    return answer.status_code in (401, 403) or (
        answer.status_code == 303 and answer.headers["location"].partition("?")[0] == "/login"
    )


def name_of(door: Door) -> str:
    return f"{door.method} {door.path}"


def test_nothing_is_open_to_the_world_but_the_ways_in():
    assert {(door.method, door.path) for door in DOORS if door.permission is None} <= OPEN


def test_no_two_doors_are_the_same():
    names = [name_of(door) for door in DOORS]
    assert sorted(set(names)) == sorted(names)


def test_reading_doors_change_nothing_and_changing_ones_name_a_permission_to_change():
    for door in DOORS:
        if door.method != "GET" and door.permission is not None:
            assert door.permission != "audit", name_of(door)


async def test_nobody_is_let_in_anywhere_else(stranger: httpx.AsyncClient):
    stranger.headers["origin"] = ORIGIN
    wrong = [
        name_of(door) for door in DOORS if is_refused(await knock(stranger, door)) != (door.permission is not None)
    ]
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_person_of_each_role_is_let_in_where_the_table_says(browser_of: Browser, role: Role):
    browser = await browser_of(role)
    wrong = []
    for door in PAGES:
        if (door.method, door.path) == ("POST", "/logout"):
            continue
        refused = is_refused(await knock(browser, door))
        if refused != (door.permission is not None and role not in PERMISSIONS[door.permission][1]):
            wrong.append(name_of(door))
    assert wrong == []
    assert not is_refused(await browser.get("/me")), "was still logged in at the end"
    out = await browser.post("/logout")
    assert out.headers["location"] == "/login"
    assert is_refused(await browser.get("/me"))


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_of_each_role_is_let_in_where_the_table_says(key_of: Browser, role: Role):
    program = await key_of(role)
    wrong = []
    for door in API:
        refused = is_refused(await knock(program, door))
        if refused != (door.permission is not None and role not in PERMISSIONS[door.permission][1]):
            wrong.append(name_of(door))
    assert wrong == []


async def test_a_key_opens_no_page_and_a_session_no_api(browser_of: Browser, key_of: Browser):
    program, browser = await key_of("admin"), await browser_of("admin")
    program.headers["origin"] = ORIGIN
    assert [name_of(door) for door in PAGES if door.permission and not is_refused(await knock(program, door))] == []
    assert [name_of(door) for door in API if door.permission and not is_refused(await knock(browser, door))] == []


@pytest.mark.parametrize("key", ["", KEY_PREFIX, f"{KEY_PREFIX}{'x' * 43}", "x" * 4000, "\x7f"])
async def test_what_is_no_key_opens_nothing(stranger: httpx.AsyncClient, key: str):
    stranger.headers["authorization"] = f"Bearer {key}"
    assert [name_of(door) for door in API if door.permission and not is_refused(await knock(stranger, door))] == []


async def test_a_change_without_the_token_or_from_elsewhere_is_refused_at_every_page(browser_of: Browser):
    browser = await browser_of("admin")
    right = dict(browser.headers)
    for spoiled in (
        {"x-csrf-token": "wrong"},
        {"x-csrf-token": None},
        {"origin": None},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        browser.headers = httpx.Headers({k: v for k, v in {**right, **spoiled}.items() if v is not None})
        let_in = [
            name_of(door)
            for door in PAGES
            if door.method != "GET" and door.permission and (await knock(browser, door)).status_code != 403
        ]
        assert let_in == [], spoiled
