"""A client's profile with its figures, and its form, where the balance is billing's."""

import html
import re

import httpx
import pytest
import trio
from starlette.datastructures import QueryParams

from console.database import Database
from console.objects.client import ClientFilter
from console.pages.clients import filter_of
from tests.console.conftest import Browser
from tests.console.pages.form_values import form_values
from tests.console.pages.page_text import error_at, hidden, rows, words
from tests.end_to_end.daemon import DaemonProcess

ROSE = {
    "name": "Rose", "client_type": "client", "status": "active", "reseller_id": "", "credit_limit": "100",
    "low_balance_threshold": "", "low_balance_capacity": "", "orig_rate_table_id": "", "term_rate_table_id": "",
    "routing_plan_id": "", "orig_capacity": "30", "term_capacity": "", "orig_cps": "2.5", "term_cps": "",
    "cps_burst": "",
}  # fmt: skip


@pytest.fixture
async def operator(browser_of: Browser) -> httpx.AsyncClient:
    return await browser_of("operator")


async def made(store: Database, **columns: object) -> int:
    """A client named Rose with these columns."""
    names = ", ".join(("name", *columns))
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 2))
    row_id = await store.value(
        f"INSERT INTO clients ({names}) VALUES ({places}) RETURNING id", "Rose", *columns.values()
    )
    assert isinstance(row_id, int)
    return row_id


async def page_of(client: httpx.AsyncClient, url: str) -> str:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_client_is_made_with_all_that_the_form_has(operator: httpx.AsyncClient, store: Database):
    table = await store.value("INSERT INTO rate_tables (name) VALUES ('7') RETURNING id")
    other = await store.value("INSERT INTO rate_tables (id, name) VALUES (7, 'seven') RETURNING id")
    reseller = await store.value("INSERT INTO resellers (name) VALUES ('North') RETURNING id")
    form = {
        **ROSE,
        "reseller_id": f"#{reseller}",
        "orig_rate_table_id": f"#{table}",
        "term_rate_table_id": f"#{other}",
    }
    answer = await operator.post("/clients/new", data={**form, "balance": "12.5"})
    assert answer.status_code == 303, answer.text
    row = await store.row("SELECT * FROM clients")
    assert row is not None
    assert (row["name"], row["reseller_id"], row["orig_cps"], row["credit_limit"]) == ("Rose", reseller, 2.5, 100)
    assert (row["orig_rate_table_id"], row["term_rate_table_id"]) == (table, 7), "a name that is a number is no id"
    assert f"{row['balance']:f}" == "12.500000"


async def test_a_form_saved_untouched_leaves_the_balance_that_billing_changed_meanwhile(
    operator: httpx.AsyncClient, store: Database
):
    client_id = await made(store, balance=10)
    page = await page_of(operator, f"/clients/{client_id}/edit")
    assert 'name="balance" type="text" value="10.00"' in page
    form = {**ROSE, "balance": "10.00", "balance_was": hidden(page, "balance_was"), "etag": hidden(page, "etag")}
    await store.execute("UPDATE clients SET balance = 3")
    assert (await operator.post(f"/clients/{client_id}/edit", data=form)).status_code == 303
    assert await store.value("SELECT balance FROM clients") == 3
    assert await store.value("SELECT orig_capacity FROM clients") == 30


async def test_a_balance_corrected_while_billing_changed_it_is_looked_at_again_and_then_written(
    operator: httpx.AsyncClient, store: Database
):
    client_id = await made(store, balance=10)
    page = await page_of(operator, f"/clients/{client_id}/edit")
    form = {**ROSE, "balance": "20", "balance_was": hidden(page, "balance_was"), "etag": hidden(page, "etag")}
    await store.execute("UPDATE clients SET balance = 3")
    answer = await operator.post(f"/clients/{client_id}/edit", data=form)
    assert answer.status_code == 422
    assert "3.000000" in error_at(answer.text, "balance")
    form |= {"balance": "13", "balance_was": hidden(answer.text, "balance_was")}
    assert (await operator.post(f"/clients/{client_id}/edit", data=form)).status_code == 303
    assert await store.value("SELECT balance FROM clients") == 13


async def test_the_profile_has_accounts_statistics_and_what_it_refers_to(
    operator: httpx.AsyncClient, store: Database
):
    reseller = await store.value("INSERT INTO resellers (name, status) VALUES ('North', 'blocked') RETURNING id")
    client_id = await made(store, balance="1250.5", credit_limit=100, reseller_id=reseller)
    await store.execute(
        """WITH a AS (INSERT INTO accounts (client_id, name, ident_by, ani, orig_enabled)
               VALUES ($1, 'on', 'ani', '1', true), ($1, 'off', 'ani', '2', false) RETURNING id)
           INSERT INTO account_statistics (account_id, day, direction, calls, refused, seconds, amount)
           SELECT id, current_date, 'orig', 1000, 7, 3600, 12.3456 FROM a""",
        client_id,
    )
    page = await page_of(operator, f"/clients/{client_id}")
    said = words(page)
    assert "Accounts 2 , 1 off" in said
    assert "Origination 2,000 14 120 24.6912" in said
    assert "Left to spend 1,350.50" in said
    assert "reseller blocked" in said
    assert f'<a href="/resellers/{reseller}">North</a>' in page
    assert f'href="/audit?client_id={client_id}"' in page
    assert "The daemon does not answer, and only it knows which calls are up." in said


async def test_calls_up_now_are_the_daemons(operator: httpx.AsyncClient, sampled: DaemonProcess):
    call = {"call_id": "a", "ip": "10.0.0.7", "dnis": "1234#1"}
    await trio.to_thread.run_sync(lambda: sampled.ask("authorize", **call))
    assert "Orig calls up 1 no limit Term calls up 0 no limit" in words(await page_of(operator, "/clients/12"))


async def test_a_saved_client_is_in_force_before_the_page_has_redrawn(
    operator: httpx.AsyncClient, sampled: DaemonProcess
):
    page = await page_of(operator, "/clients/12/edit")
    form = {**ROSE, "status": "blocked", "balance": "", "etag": hidden(page, "etag")}
    assert (await operator.post("/clients/12/edit", data=form)).status_code == 303
    answer = await trio.to_thread.run_sync(lambda: sampled.ask("identify", ip="10.0.0.7", dnis="1234#1"))
    assert answer["reason"] == "client_blocked"


async def test_the_list_says_money_and_status_and_is_filtered(operator: httpx.AsyncClient, store: Database):
    await store.execute(
        """INSERT INTO clients (name, client_type, status, balance, credit_limit) VALUES
           ('Rose', 'client', 'active', 1250.5, 100), ('Card', 'calling_card', 'active', 0, 0),
           ('Old', 'client', 'archived', 0, NULL)"""
    )
    card, old, rose = rows(await page_of(operator, "/clients"))
    assert "calling_card active — no credit 0.00 0.00" in card
    assert "client archived — 0.00 —" in old
    assert "1,250.50 100.00" in rose
    for query, name in (("client_type=calling_card", "Card"), ("status=archived", "Old"), ("q=ose", "Rose")):
        assert [row.split()[1] for row in rows(await page_of(operator, f"/clients?{query}"))] == [name]


async def test_a_client_with_accounts_may_be_archived_but_not_deleted(operator: httpx.AsyncClient, store: Database):
    client_id = await made(store)
    await store.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ani) VALUES ($1, 'a', 'ani', '1')", client_id
    )
    said = words(await page_of(operator, f"/clients/{client_id}/delete"))
    assert "in use by 1 account" in said
    assert "can be archived instead" in said


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("q=rose&status=active&reseller_id=%2312", ClientFilter(q="rose", status="active", reseller_id=12)),
        ("reseller_id=12", ClientFilter(reseller_id=12)),
        ("status=nonsense&reseller_id=x", ClientFilter()),
        ("reseller_id=9999999999999999999", ClientFilter(reseller_id=2**63 - 1)),
        ("client_type=a%00b", ClientFilter(client_type="ab")),
    ],
)
def test_the_filter_of_a_url(query: str, wanted: ClientFilter):
    assert filter_of(QueryParams(query)) == wanted


async def test_a_new_account_from_the_profile_is_one_of_this_client(operator: httpx.AsyncClient, store: Database):
    client_id = await made(store)
    link = re.search(r'href="([^"]*)"[^>]*>New account<', await page_of(operator, f"/clients/{client_id}"))
    assert link is not None
    assert form_values(await page_of(operator, html.unescape(link[1])))["client"] == "Rose"
