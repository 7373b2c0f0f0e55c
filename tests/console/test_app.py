"""The application as a whole: every door is one, faults are told in the language of whoever asked."""

import collections
import io
import re
import time

import httpx
import pytest
import trio
import trio_asyncio
from starlette.requests import Request
from starlette.responses import Response

from console import app
from console.app import DOORS, application
from console.context import Console
from console.daemon import Daemon
from console.database import Database, open_database
from console.door import Door
from console.errors import BusyError, DatabaseAwayError
from identd.credentials import KeyRing
from identd.logs import Log
from identd.settings import Settings
from protocol.client_trio import Client
from tests.console.conftest import Browser


def test_no_two_doors_are_at_one_place() -> None:
    counted = collections.Counter((door.method, door.path) for door in DOORS)
    assert [place for place, count in counted.items() if count > 1] == []


def test_the_world_has_few_doors() -> None:
    open_to_all = {door.path for door in DOORS if door.permission is None}
    assert open_to_all == {"/login", "/welcome/{token}", "/", "/api/v1/openapi.json"} & open_to_all | {
        "/login",
        "/welcome/{token}",
        "/api/v1/openapi.json",
    }


async def test_what_is_not_there_is_said_to_people_and_to_programs(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/nothing/here")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "nothing at this address" in page.text
    answer = await stranger.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_method_that_a_page_has_not_names_those_that_it_has(stranger: httpx.AsyncClient) -> None:
    refused = await stranger.delete("/login")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [(DatabaseAwayError("gone"), 503, "database_away"), (RuntimeError("secret inside"), 500, "internal")],
)
async def test_a_fault_says_nothing_of_its_inside(
    console: Console, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, word: str
) -> None:
    async def broken(request: Request) -> Response:
        raise error

    doors = (Door("GET", "/broken", None, broken), Door("GET", "/api/v1/broken", None, broken))
    monkeypatch.setattr(app, "DOORS", doors)
    transport = httpx.ASGITransport(app=application(console), raise_app_exceptions=False)
    origin = console.settings.console.origin
    async with httpx.AsyncClient(transport=transport, base_url=origin) as client:
        page = await client.get("/broken")
        assert page.status_code == status
        assert "secret inside" not in page.text
        assert "content-security-policy" in page.headers
        answer = await client.get("/api/v1/broken")
        assert (answer.status_code, answer.json()["error"]) == (status, word)
        assert "secret inside" not in answer.text


async def test_files_of_the_pages_are_served_with_their_kind(stranger: httpx.AsyncClient) -> None:
    style = await stranger.get("/static/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert (await stranger.get("/static/../app.py")).status_code == 404


async def test_whoever_others_stand_in_the_way_of_may_try_again(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(request: Request) -> Response:
        raise BusyError

    doors = (Door("GET", "/broken", None, broken), Door("GET", "/api/v1/broken", None, broken))
    monkeypatch.setattr(app, "DOORS", doors)
    transport = httpx.ASGITransport(app=application(console))
    async with httpx.AsyncClient(transport=transport, base_url=console.settings.console.origin) as client:
        page = await client.get("/broken")
        assert (page.status_code, "Nothing was changed: try again." in page.text) == (409, True)
        answer = await client.get("/api/v1/broken")
        assert (answer.status_code, answer.json()["error"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0


async def test_an_operator_who_deletes_while_billing_books_is_not_told_of_a_fault(
    store: Database, browser_of: Browser
) -> None:
    for statement in BOOKED.split("; "):
        await store.execute(statement)
    browser = await browser_of("operator")
    page = (await browser.get("/accounts/1/delete")).text
    (etag,) = re.findall(r'name="etag" value="(\w+)"', page)
    holds = trio.Event()

    async def billing() -> None:
        async with store.transaction("billing") as transaction:
            await transaction.execute("SET LOCAL deadlock_timeout = '20s'")
            await transaction.execute("UPDATE account_statistics SET amount = amount + 1 WHERE account_id = 1")
            holds.set()
            await trio.sleep(0.3)
            await transaction.execute("UPDATE clients SET balance = balance - 1 WHERE id = 1")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(billing)
        await holds.wait()
        answer = await browser.post("/accounts/1/delete", data={"confirm": "a", "etag": etag})
    assert answer.status_code in (303, 409)
    # given back what was charged: 5 before and 1 meanwhile, or still there
    balance, accounts = await store.value("SELECT balance FROM clients"), await store.value(COUNT)
    assert (balance, accounts) == ((10, 0) if answer.status_code == 303 else (4, 1))


COUNT = "SELECT count(*) FROM accounts"
BOOKED = """INSERT INTO clients (id, name, balance) VALUES (1, 'Rose', 5); \
INSERT INTO accounts (id, client_id, name, ident_by, ani) VALUES (1, 1, 'a', 'ani', '1'); \
INSERT INTO account_statistics (account_id, day, direction, calls, amount) VALUES (1, current_date, 'orig', 1, 5)"""


async def test_a_database_that_was_never_upgraded_says_so(console_settings: Settings, empty_database: str) -> None:
    told = io.StringIO()
    log = Log("error", stream=told)
    async with (
        trio_asyncio.open_loop(),
        open_database(empty_database, 2) as empty,
        Client(console_settings.socket.unix, connect_seconds=0.05) as daemon,
        trio.open_nursery() as nursery,
    ):
        old = Console(console_settings, empty, Daemon(daemon), KeyRing(()), log, time.time, nursery)
        transport = httpx.ASGITransport(app=application(old))
        async with httpx.AsyncClient(transport=transport, base_url=console_settings.console.origin) as client:
            page = await client.get("/accounts", headers={"cookie": f"__Host-identd={'x' * 43}"})
    log.close()
    assert (page.status_code, "identd init-db" in page.text) == (503, True)
    assert "schema_missing" in told.getvalue()


async def test_whoever_is_logged_in_keeps_the_way_to_the_other_pages(browser_of: Browser) -> None:
    browser = await browser_of("viewer")
    for answer in (await browser.get("/nothing/here"), await browser.delete("/accounts")):
        assert answer.status_code in (404, 405)
        assert 'href="/clients"' in answer.text
    missing = await browser.get("/clients/999")
    assert "There is no client 999." in missing.text
    assert "This address does not take what was sent to it." in (await browser.put("/clients")).text


async def test_a_fault_at_a_link_leaves_no_link_in_the_log(console: Console) -> None:
    def broken() -> float:
        raise RuntimeError("no clock")

    told = io.StringIO()
    console.log, console.wall = Log("error", stream=told), broken
    transport = httpx.ASGITransport(app=application(console), raise_app_exceptions=False)  # type: ignore[arg-type] # httpx's own words for ASGI
    async with httpx.AsyncClient(transport=transport, base_url=console.settings.console.origin) as client:
        answer = await client.get("/welcome/abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE")
    console.log.close()
    assert answer.status_code == 500
    assert "/welcome/{token}" in told.getvalue()
    assert "abcdefgh" not in told.getvalue()
