"""What an attacker types and sends, against whatever doors there are: scripts, SQL, headers, foreign forms.

Doors are found in `console.app.DOORS`; a page that is added is attacked. What somebody manages to store is shown as
text on every page that shows it.
"""

import html
import re

import httpx
import pytest
import trio

from console.app import DOORS
from console.context import Console
from tests.console.conftest import Browser

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
SQL = (
    "' OR 1=1 --", "1; DROP TABLE accounts; --", "\\", "%", "_", "$1", "{}", "'||pg_sleep(9)||'", "a" * 300, "🦊",
    "\u202e", "\u0000",
)  # fmt: skip
NUMBERS = ("-1", "0", "99999999999999999999", "1e9", "NaN", "0x10", "١", " 1")
CRLF = "x\r\nSet-Cookie: planted=1"

LISTS = sorted(
    {door.path for door in DOORS if door.method == "GET" and "{" not in door.path and door.path != "/logout"}
)
FIELDS = (
    "q", "search", "name", "address", "tech_prefix", "client", "client_id", "client_type", "account", "actor",
    "entity", "action", "since", "until", "from", "sort", "descending", "page", "size", "tags", "orig_rate_table",
    "routing_plan", "next", "before", "after", "ip", "ani", "dnis", "gateway", "status", "outcome", "ids",
)  # fmt: skip
"""What pages may read of a URL; unknown ones are ignored, and cost nothing to send."""
ENDLESS_SECONDS = 3.0


async def get(client: httpx.AsyncClient, path: str, query: dict[str, str]) -> httpx.Response | None:
    """None: a stream of live counts, which never ends by itself."""
    with trio.move_on_after(ENDLESS_SECONDS):
        return await client.get(path, params=query)
    return None


def assert_unharmed(answer: httpx.Response | None, path: str, value: str) -> None:
    if answer is None:
        return
    assert answer.status_code < 500 or answer.status_code == 503, (path, value)
    assert "planted" not in answer.headers.get("set-cookie", ""), (path, value)
    if "html" in answer.headers.get("content-type", ""):
        assert "<script>alert" not in answer.text, (path, value)
        assert "onerror=alert(2)>" not in answer.text, (path, value)


async def test_whatever_a_url_says_the_page_stays_a_page(browser_of: Browser):
    browser = await browser_of("admin")
    for path in LISTS:
        for value in (SCRIPT, CRLF, *SQL, *NUMBERS):
            assert_unharmed(await get(browser, path, dict.fromkeys(FIELDS, value)), path, value)
        for field in FIELDS:
            assert_unharmed(await get(browser, path, {field: SCRIPT}), path, field)


async def test_whatever_a_form_says_the_page_comes_back_as_a_page(browser_of: Browser):
    browser = await browser_of("admin")
    for door in DOORS:
        if door.method != "POST" or door.is_api or "{" in door.path or door.path in ("/logout",):
            continue
        for value in (SCRIPT, CRLF, "\0", *SQL[:3]):
            names = (*FIELDS, "role", "expires_at", "notes", "password", "again", "old", "code", "secret")
            answer = await browser.post(door.path, data=dict.fromkeys(names, value))
            assert_unharmed(answer, door.path, value)


async def test_a_name_that_is_a_script_is_text_on_every_page_that_shows_it(console: Console, browser_of: Browser):
    """As if somebody had written it past all our checks: billing writes the same tables."""
    browser = await browser_of("admin")
    async with console.database.transaction(SCRIPT) as transaction:
        for table in ("resellers", "rate_tables", "routing_plans", "gateways"):
            await transaction.execute(f"INSERT INTO {table} (id, name) VALUES (1, $1)", SCRIPT)
        await transaction.execute(
            "INSERT INTO clients (id, name, client_type, reseller_id, orig_rate_table_id, term_rate_table_id, "
            "routing_plan_id) VALUES (1, $1, $1, 1, 1, 1, 1)",
            SCRIPT,
        )
        await transaction.execute(
            "INSERT INTO accounts (id, client_id, name, ident_by, ident_name, notes, proxy, protocol, orig_enabled, "
            "term_enabled, orig_tags, term_tags, orig_rate_table_id, term_rate_table_id, routing_plan_id) "
            "VALUES (1, 1, $1, 'name', $1, $1, $1, $1, true, true, ARRAY[$1], ARRAY[$1], 1, 1, 1)",
            SCRIPT,
        )
        await transaction.execute("INSERT INTO account_gateways VALUES (1, 1)")
    shown = 0
    for door in DOORS:
        if door.method != "GET" or door.path == "/login":
            continue
        answer = await get(browser, re.sub(r"\{\w+(:\w+)?\}", "1", door.path), {})
        assert_unharmed(answer, door.path, SCRIPT)
        if answer is not None:
            shown += html.escape("<script>alert(1)</script>") in answer.text
    pages = sum(
        door.path in ("/accounts", "/clients", "/gateways", "/audit") for door in DOORS if door.method == "GET"
    )
    assert shown >= pages, "the name is shown, and as text"


async def test_no_address_leads_to_another_site(stranger: httpx.AsyncClient, browser_of: Browser):
    browser = await browser_of("viewer")
    for path in (
        "//evil.example",
        "/%2F/evil.example",
        "/\\evil.example",
        "//evil.example/%2e%2e",
        "/accounts//evil",
    ):
        for client in (stranger, browser):
            answer = await client.get(f"http://127.0.0.1:8878{path}")
            location = answer.headers.get("location", "/")
            assert location.startswith(("/", "http://127.0.0.1:8878/")), path
            assert not location.startswith(("//", "/\\")), path


async def test_no_file_outside_static_is_given(stranger: httpx.AsyncClient):
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/",
    ):
        answer = await stranger.get(f"/static/{path}")
        assert answer.status_code in (404, 405), path


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_method_without_a_door_does_nothing(stranger: httpx.AsyncClient, method: str):
    answer = await stranger.request(method, "/login")
    assert answer.status_code == 405


async def test_a_form_too_torn_to_read_is_a_bad_request(browser_of: Browser):
    browser = await browser_of("admin")
    for content_type, body in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data; boundary=" + "x" * 1000, b"x"),
        ("application/x-www-form-urlencoded", b"name=%zz&%ff=%00&=&;"),
        ("application/x-www-form-urlencoded; charset=utf-7", b"name=+ADw-script+AD4-"),
        ("\xff", b"\xff"),
    ):
        answer = await browser.post(
            "/people", content=body, headers={b"content-type": content_type.encode("latin-1")}
        )
        assert 400 <= answer.status_code < 500, content_type
