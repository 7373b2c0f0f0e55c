"""Gateways: the fields that only they have, and a secret that is shown once and believed by the daemon."""

import httpx
import pytest
import trio

from console.database import Database
from tests.console.conftest import Browser
from tests.console.pages.following import follow
from tests.console.pages.page_text import error_at, hidden, rows, words
from tests.end_to_end.daemon import DaemonProcess

GW = {
    "name": "gw9", "addresses": "192.0.2.0/28; 2001:db8::1", "ident_order": "ip, name", "trusts_name": "on",
    "on_ambiguous": "refuse", "reserve_seconds": "60", "active_seconds": "", "sip_codes": "no_credit = 403",
}  # fmt: skip


@pytest.fixture
async def operator(browser_of: Browser) -> httpx.AsyncClient:
    return await browser_of("operator")


async def made(operator: httpx.AsyncClient, **form: str) -> str:
    """The URL of a new gateway."""
    answer = await operator.post("/gateways/new", data={**GW, **form})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_all_that_a_gateway_has_is_written_and_read_back(operator: httpx.AsyncClient, store: Database):
    url = await made(operator)
    row = await store.row("SELECT *, addresses::text[] AS texts, sip_codes::text AS codes FROM gateways")
    assert row is not None
    assert (row["texts"], row["ident_order"]) == (["192.0.2.0/28", "2001:db8::1/128"], ["ip", "name"])
    assert (row["trusts_name"], row["on_ambiguous"], row["codes"]) == (True, "refuse", '{"no_credit": 403}')
    assert (row["reserve_seconds"], row["active_seconds"], row["secret_hash"]) == (60, 14400, None)
    said = words((await operator.get(url)).text)
    assert "Addresses 192.0.2.0/28; 2001:db8::1" in said
    assert "Its names are verified yes" in said
    assert "SIP codes no_credit = 403" in said
    assert "192.0.2.0/28; 2001:db8::1 ip, name verified none 0" in rows((await operator.get("/gateways")).text)[0]
    form = (await operator.get(f"{url}/edit")).text
    assert 'name="trusts_name" type="checkbox" value="on" checked' in form


async def test_what_is_no_address_and_no_reason_is_said_at_its_field(operator: httpx.AsyncClient):
    answer = await operator.post("/gateways/new", data={**GW, "addresses": "nowhere", "sip_codes": "tired = 403"})
    assert answer.status_code == 422
    assert "nowhere" in error_at(answer.text, "addresses")
    assert "tired" in error_at(answer.text, "sip_codes")
    assert "tired = 403</textarea>" in answer.text


async def test_a_secret_is_shown_once_and_only_its_hash_is_kept(operator: httpx.AsyncClient, store: Database):
    url = await made(operator)
    etag = hidden((await operator.get(url)).text, "etag")
    shown = await operator.post(f"{url}/secret", data={"etag": etag})
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    secret = shown.text.partition('id="f-secret"')[2].partition('value="')[2].partition('"')[0]
    assert len(secret) >= 20
    kept = await store.value("SELECT secret_hash FROM gateways")
    assert kept is not None
    assert secret not in kept
    assert secret not in (await operator.get(url)).text
    audited = await store.fetch(
        "SELECT coalesce(before::text, '') || coalesce(after::text, '') AS text FROM audit_log"
    )
    assert not any(secret in row["text"] or kept in row["text"] for row in audited)


async def test_the_daemon_believes_the_secret_before_the_page_has_redrawn(
    operator: httpx.AsyncClient, sampled: DaemonProcess
):
    page = (await operator.get("/gateways/1")).text
    shown = await operator.post("/gateways/1/secret", data={"etag": hidden(page, "etag")})
    assert "The daemon has not taken it over yet" not in shown.text
    secret = shown.text.partition('id="f-secret"')[2].partition('value="')[2].partition('"')[0]

    def hello(said: str) -> str:
        with sampled.wire("tcp") as wire:
            return str(wire.ask("hello", version=1, gateway="gw1", secret=said)["op"])

    assert await trio.to_thread.run_sync(hello, secret) == "hello"
    assert await trio.to_thread.run_sync(hello, "wrong") == "error"


async def test_a_secret_is_removed(operator: httpx.AsyncClient, store: Database):
    url = await made(operator)
    page = await operator.post(f"{url}/secret", data={"etag": hidden((await operator.get(url)).text, "etag")})
    answer = await operator.post(f"{url}/secret/remove", data={"etag": hidden(page.text, "etag")})
    assert "has no secret any more" in words(await follow(operator, answer))
    assert await store.value("SELECT secret_hash FROM gateways") is None


@pytest.mark.parametrize("door", ["secret", "secret/remove"])
async def test_a_gateway_that_somebody_changed_keeps_its_secret(
    operator: httpx.AsyncClient, store: Database, door: str
):
    url = await made(operator)
    etag = hidden((await operator.get(url)).text, "etag")
    await store.execute("UPDATE gateways SET reserve_seconds = 61, secret_hash = 'as it was'")
    answer = await operator.post(f"{url}/{door}", data={"etag": etag})
    assert "somebody changed the gateway" in words(await follow(operator, answer))
    assert await store.value("SELECT secret_hash FROM gateways") == "as it was"
