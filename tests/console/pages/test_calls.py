"""Live calls of a real daemon: what is listed, and ending one by hand, audited exactly when it may be true."""

import json

import httpx
import pytest
import trio

from console.context import Console
from console.database import Database
from console.errors import FieldErrors
from console.pages.calls import wanted
from tests.console.conftest import Browser
from tests.console.pages.following import follow
from tests.console.pages.page_text import error_at, hidden, rows, words
from tests.end_to_end.daemon import DaemonProcess, Keys

ROSE = {"ip": "10.0.0.7", "dnis": "1234#44207"}
KINDS = ("client", "account")
IRIS = {"ip": "10.9.9.9", "dnis": "44"}


@pytest.fixture
async def operator(browser_of: Browser, sampled: DaemonProcess) -> httpx.AsyncClient:
    """Somebody who may release calls, while a daemon runs on the sample."""
    return await browser_of("operator")


async def asked(daemon: DaemonProcess, op: str, **keys: str) -> Keys:
    return await trio.to_thread.run_sync(lambda: daemon.ask(op, **keys))


def calls_in(page: str) -> list[str]:
    """The rows of the list, without the sums above it."""
    return rows(page.partition('id="live-table"')[2])


async def page_of(client: httpx.AsyncClient, /, **query: str) -> str:
    answer = await client.get("/calls", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


async def released(store: Database) -> list[tuple[str, int, str, dict[str, object], dict[str, object]]]:
    found = await store.fetch("SELECT * FROM audit_log WHERE action = 'release' ORDER BY id")
    return [
        (row["actor"], row["entity_id"], row["entity"], json.loads(row["before"]), json.loads(row["after"]))
        for row in found
    ]


async def test_calls_stand_there_oldest_first_with_the_names_they_belong_to(
    operator: httpx.AsyncClient, sampled: DaemonProcess
):
    await asked(sampled, "authorize", call_id="first", gateway="gw1", **ROSE)
    await asked(sampled, "authorize", call_id="<i>second</i>", leg="b", **IRIS)
    await asked(sampled, "start", call_id="<i>second</i>", leg="b")
    page = await page_of(operator)
    first, second = calls_in(page)
    assert first.startswith("rose_orig 176 Rose 12 orig reserved 0:0")
    assert "gw1 first —" in first
    assert second.startswith("iris_wide 178 Iris <b> 13 orig active 0:0")
    assert "— <i>second</i> b" in second
    assert "<i>second" not in page
    assert "2 calls up" in words(page)


async def test_the_filter_is_in_the_url(operator: httpx.AsyncClient, sampled: DaemonProcess):
    await asked(sampled, "authorize", call_id="a", gateway="gw1", **ROSE)
    await asked(sampled, "authorize", call_id="b", **IRIS)
    for query in ({"account_id": "176"}, {"client_id": "12"}, {"gateway": "gw1"}):
        page = await page_of(operator, **query)
        assert [row.split()[0] for row in calls_in(page)] == ["rose_orig"], query
    assert "No call is up that the filter lets through." in words(await page_of(operator, client_id="14"))


async def test_a_filter_that_is_none_is_said_at_its_field(operator: httpx.AsyncClient):
    answer = await operator.get("/calls", params={"account_id": "rose"})
    assert answer.status_code == 422
    assert "176" in error_at(answer.text, "account")
    answer = await operator.get("/calls", params={"gateway": "nobody"})
    assert answer.status_code == 422
    assert error_at(answer.text, "gateway") == "There is no gateway of this name."


async def test_names_are_typed_and_suggested(operator: httpx.AsyncClient, sampled: DaemonProcess):
    await asked(sampled, "authorize", call_id="a", gateway="gw1", **ROSE)
    await asked(sampled, "authorize", call_id="b", **IRIS)
    for query in ({"account": "rose_orig", "client": ""}, {"client": "Rose"}, {"account": "#176"}):
        assert [row.split()[0] for row in calls_in(await page_of(operator, **query))] == ["rose_orig"], query
    offered = (await operator.get("/calls/accounts", params={"account": "ROSE", "client": ""})).text
    assert '<option value="rose_orig">rose_orig · Rose</option>' in offered
    assert "iris" not in offered
    assert (await operator.get("/calls/accounts", params={"account": "rose", "client": "Poor"})).text.strip() == ""


async def test_calls_are_added_up_by_client_and_by_account(operator: httpx.AsyncClient, sampled: DaemonProcess):
    for call_id in ("a", "b", "c"):
        await asked(sampled, "authorize", call_id=call_id, gateway="gw1", **ROSE)
    await asked(sampled, "authorize", call_id="d", **IRIS)
    page = await page_of(operator)
    by_client, by_account = (rows(page.partition(f'id="by-{kind}"')[2].partition("</section>")[0]) for kind in KINDS)
    assert by_client == ["Rose 12 3 0 3", "Iris <b> 13 1 0 1"]
    assert by_account == ["rose_orig 176 3 0 3", "iris_wide 178 1 0 1"]
    assert 'href="/calls?client_id=12">Rose' in page
    assert 'href="/calls?gateway=gw1&amp;account_id=176">rose_orig' in await page_of(operator, gateway="gw1")


async def test_the_page_asks_again_by_itself_until_it_is_paused(operator: httpx.AsyncClient):
    page = await page_of(operator, client_id="12")
    assert 'hx-get="/calls?client_id=12" hx-trigger="every 2s"' in page
    assert "every 2s" not in await page_of(operator, client_id="12", refresh="off")


async def test_more_than_are_shown_are_counted(operator: httpx.AsyncClient, sampled: DaemonProcess):
    def many() -> None:
        with sampled.wire() as wire:
            for number in range(503):
                wire.ask("authorize", call_id=f"call-{number}", **IRIS)

    await trio.to_thread.run_sync(many)
    page = await page_of(operator)
    assert len(calls_in(page)) == 500
    assert "iris_wide 178 503 0 503" in rows(page), "the daemon counts also those that are not listed"
    assert "503 calls up, the oldest 500 shown" in words(page)
    assert "And 3 more" in words(page)


async def test_releasing_asks_first_then_frees_the_place_and_is_audited(
    operator: httpx.AsyncClient, sampled: DaemonProcess, store: Database
):
    await asked(sampled, "authorize", call_id="a&b=1", gateway="gw1", leg="x", **ROSE)
    await asked(sampled, "authorize", call_id="other", gateway="gw1", **ROSE)
    key = {"account_id": "176", "gateway": "gw1", "call_id": "a&b=1", "leg": "x"}
    question = await operator.get("/calls/end", params=key)
    assert "only the switch can end it" in words(question.text)
    form = {name: hidden(question.text, name) for name in key}
    assert form == key
    assert sampled.status()["calls"] == 2, "asking changes nothing"
    said = words(await follow(operator, await operator.post("/calls/end", data=form)))
    assert "The call no longer counts." in said
    assert sampled.status()["calls"] == 1
    ((actor, account_id, entity, before, after),) = await released(store)
    assert (actor, account_id, entity) == ("operator0", 176, "calls")
    assert (before["call_id"], before["leg"], before["gateway"], before["client_id"]) == ("a&b=1", "x", "gw1", 12)
    assert after["result"] == "released"


async def test_a_call_that_is_over_or_never_was_is_said_and_not_audited(
    operator: httpx.AsyncClient, sampled: DaemonProcess, store: Database
):
    await asked(sampled, "authorize", call_id="a", **ROSE)
    await asked(sampled, "release", call_id="a")
    for key, sentence in (
        ({"account_id": "176", "call_id": "a"}, "the call had been released before"),
        ({"account_id": "178", "call_id": "never"}, "no such call is up any more"),
        ({"account_id": "nonsense"}, "no such call is up any more"),
    ):
        assert sentence in words(await follow(operator, await operator.post("/calls/end", data=key)))
    assert await released(store) == []


async def test_a_call_of_another_gateway_is_not_released(
    operator: httpx.AsyncClient, sampled: DaemonProcess, store: Database
):
    await asked(sampled, "authorize", call_id="a", gateway="gw1", **ROSE)
    for gateway in ("gw2", "", "no such gateway", "ä" * 200):
        said = words(
            await follow(operator, await operator.post("/calls/end", data={"call_id": "a", "gateway": gateway}))
        )
        assert "no such call is up any more" in said
    for call_id in ("", "ä" * 200):
        await operator.post("/calls/end", data={"call_id": call_id, "gateway": "gw1"})
    assert sampled.status()["calls"] == 1
    assert "bad_request" not in sampled.log(), "the console's connection is everybody's"
    assert await released(store) == []


async def test_what_was_released_is_noted_as_the_daemon_knows_it_and_not_as_the_form_says(
    operator: httpx.AsyncClient, sampled: DaemonProcess, store: Database
):
    await asked(sampled, "authorize", call_id="a", gateway="gw1", **ROSE)
    await operator.post("/calls/end", data={"account_id": "178", "call_id": "a", "gateway": "gw1"})
    ((_, account_id, _, before, _),) = await released(store)
    assert (account_id, before["account_id"], before["client_id"]) == (176, 176, 12)


async def test_a_call_that_is_not_among_the_oldest_is_released_as_well(
    operator: httpx.AsyncClient, sampled: DaemonProcess, store: Database
):
    def many() -> None:
        with sampled.wire() as wire:
            for number in range(503):
                wire.ask("authorize", call_id=f"call-{number}", gateway="gw2", **IRIS)

    await trio.to_thread.run_sync(many)
    key = {"account_id": "178", "gateway": "gw2", "call_id": "call-502", "leg": ""}
    question = await operator.get("/calls/end", params=key)
    assert "not among the calls that the daemon lists" in words(question.text)
    form = {name: hidden(question.text, name) for name in key}
    assert form == key
    said = words(await follow(operator, await operator.post("/calls/end", data=form)))
    assert "The call no longer counts." in said
    ((_, account_id, _, before, after),) = await released(store)
    assert (account_id, before["call_id"], before["client_id"]) == (178, "call-502", 13)
    assert after == {"result": "released", "calls": 502, "seconds": 0.0}


async def test_which_of_two_calls_of_gateways_that_are_gone_is_meant_is_not_guessed(
    operator: httpx.AsyncClient, sampled: DaemonProcess, store: Database, console: Console
):
    for gateway in ("gw1", "gw2"):
        await asked(sampled, "authorize", call_id="a", gateway=gateway, **IRIS)
    async with store.transaction("test") as tx:
        await tx.execute("DELETE FROM gateways")
    assert await console.daemon.in_force(tx.xid)
    said = words(
        await follow(operator, await operator.post("/calls/end", data={"account_id": "178", "call_id": "a"}))
    )
    assert "several calls could be meant" in said
    assert sampled.status()["calls"] == 2
    assert await released(store) == []


async def test_who_may_only_look_sees_no_way_to_release(browser_of: Browser, sampled: DaemonProcess):
    await asked(sampled, "authorize", call_id="a", **ROSE)
    viewer = await browser_of("viewer")
    assert "Release" not in words(await page_of(viewer))
    key = {"account_id": "176", "call_id": "a"}
    assert (await viewer.post("/calls/end", data=key)).status_code == 403
    assert sampled.status()["calls"] == 1


async def test_a_daemon_that_is_away_is_said(operator: httpx.AsyncClient, daemon: DaemonProcess, store: Database):
    daemon.end()
    answer = await operator.get("/calls")
    assert answer.status_code == 503
    assert "The daemon does not answer" in words(answer.text)
    refreshed = await operator.get("/calls", headers={"hx-request": "true"})
    assert refreshed.status_code == 200, "htmx swaps in no 503"
    assert "every 2s" in refreshed.text, "it looks again"
    ended = await operator.post("/calls/end", data={"account_id": "176", "call_id": "a"})
    assert ended.status_code == 503
    assert "No call was ended" in words(ended.text)
    assert await released(store) == []


@pytest.mark.parametrize("text", ["0", "-1", "1e3", "99999999999999999999", "１２"])
def test_what_is_no_id_is_not_asked_for(text: str):
    with pytest.raises(FieldErrors) as raised:
        wanted({"client_id": text}, 1)
    assert list(raised.value.errors) == ["client_id"]
