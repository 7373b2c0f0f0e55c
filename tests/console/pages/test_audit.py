"""The audit log as operators read it: who, what, when, before beside after; by filters that stand in the URL."""

import html
import re

import httpx
import pytest

from console.database import Database
from console.pages.audit import SHOWN_MAX
from console.store.audit import write_audit
from tests.console.conftest import Browser
from tests.console.pages.page_text import error_at, words


@pytest.fixture
async def auditor(browser_of: Browser, store: Database) -> httpx.AsyncClient:
    """Somebody who may read the log of what Anna and billing did to Rose and Iris."""
    async with store.transaction("anna") as tx:
        await tx.execute("INSERT INTO clients (id, name) VALUES (12, 'Rose'), (13, 'Iris')")
        await tx.execute("INSERT INTO rate_tables (id, name) VALUES (5, 'Gold')")
        await tx.execute(
            "INSERT INTO accounts (id, client_id, name, ident_by, ani) VALUES (176, 12, 'rose_orig', 'ani', '44')"
        )
    async with store.transaction("billing") as tx:
        await tx.execute("UPDATE accounts SET orig_rate_table_id = 5, notes = '<b>bold</b>'")
        await tx.execute("UPDATE clients SET balance = 0.000001 WHERE id = 13")
    return await browser_of("auditor")


async def entries(client: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/audit?{query}")
    assert answer.status_code == 200, answer.text
    return [words(row) for row in re.findall(r'<tr id="entry-.*?(?=<tr id="entry-|<nav)', answer.text, re.DOTALL)]


async def test_before_stands_beside_after_with_the_names_of_ids(auditor: httpx.AsyncClient):
    (entry,) = await entries(auditor, "actor=billing&entity=accounts")
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d billing changed Account rose_orig 176 ", entry)
    assert "orig rate table id — 5 (Gold)" in entry
    assert "notes — <b>bold</b>" in entry
    assert "<b>bold" not in (await auditor.get("/audit?actor=billing")).text


async def test_newest_first_and_a_small_amount_is_not_rounded(auditor: httpx.AsyncClient):
    both = await entries(auditor, "actor=billing")
    assert ["Client Iris 13" in entry for entry in both] == [True, False]
    assert "balance 0.000000 0.000001" in both[0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("client=Rose", ["changed Account", "created Account", "created Client Rose"]),
        ("client_id=12", ["changed Account", "created Account", "created Client Rose"]),
        ("client=%2313", ["changed Client Iris", "created Client Iris"]),
        ("account=rose_orig&action=insert", ["created Account"]),
        ("account_id=176", ["changed Account", "created Account"]),
        ("entity=clients&entity_id=13&actor=anna", ["created Client Iris"]),
        ("from=2000-01-01&until=2000-01-31", []),
        ("from=2000-01-01&actor=billing", ["changed Client", "changed Account"]),
        ("actor=%27%3B+DROP+TABLE+clients", []),
    ],
)
async def test_the_filter_is_in_the_url(auditor: httpx.AsyncClient, query: str, found: list[str]):
    said = await entries(auditor, query)
    assert len(said) == len(found), said
    assert all(expected in entry for expected, entry in zip(found, said, strict=True))


async def test_what_the_filter_cannot_mean_is_said_at_its_field(auditor: httpx.AsyncClient):
    answer = await auditor.get("/audit?client=Nobody&from=yesterday")
    assert answer.status_code == 422
    assert error_at(answer.text, "from")
    answer = await auditor.get("/audit?client=Nobody")
    assert "Nobody" in error_at(answer.text, "client")


async def test_older_and_newer_lead_through_all_entries_once(auditor: httpx.AsyncClient, store: Database):
    for number in range(45):
        await store.execute(f"UPDATE clients SET balance = {number + 1} WHERE id = 12")
    seen: list[str] = []
    url, pages = "/audit?entity=clients&size=20", 0
    while url:
        page = (await auditor.get(url)).text
        seen += re.findall(r'<tr id="(entry-\d+)"', page)
        pages += 1
        older = re.search(r'rel="next" href="([^"]*)"', page)
        url = html.unescape(older[1]) if older else ""
    assert (pages, len(seen), len(set(seen))) == (3, 48, 48)
    newer = re.search(r'rel="prev" href="([^"]*)"', page)
    assert newer is not None
    before = (await auditor.get(html.unescape(newer[1]))).text
    assert re.findall(r'<tr id="(entry-\d+)"', before) == seen[20:40]


async def test_an_entry_of_many_values_stays_folded(auditor: httpx.AsyncClient):
    page = (await auditor.get("/audit?account_id=176&action=insert")).text
    folded = re.search(r"<summary>(\d+) values</summary>", page)
    assert folded is not None
    assert int(folded[1]) > SHOWN_MAX
    assert "<summary>" not in (await auditor.get("/audit?account_id=176&action=update")).text


async def test_what_was_done_without_a_table_stands_there_too(auditor: httpx.AsyncClient, store: Database):
    async with store.transaction("otto") as tx:
        await write_audit(tx, "release", "calls", 176, {"call_id": "a@b"}, {"result": "released"})
    (entry,) = await entries(auditor, "actor=otto")
    assert "otto released by hand Call rose_orig 176" in entry
    assert "call id a@b —" in entry


async def test_what_is_deleted_has_its_name_and_no_link(auditor: httpx.AsyncClient, store: Database):
    await store.execute("DELETE FROM accounts")
    page = (await auditor.get("/audit?account_id=176&action=delete")).text
    assert "deleted Account rose_orig 176" in words(page)
    assert 'href="/accounts/176/edit"' not in page


async def test_viewers_have_no_audit_log(browser_of: Browser):
    viewer = await browser_of("viewer")
    assert (await viewer.get("/audit")).status_code == 403


async def test_what_people_do_stands_in_words_and_leads_to_them_where_one_may_go(
    browser_of: Browser, store: Database
):
    admin, auditor = await browser_of("admin"), await browser_of("auditor")
    async with store.transaction("anna") as tx:
        for action in ("login", "login_failed", "logout", "link"):
            await write_audit(tx, action, "console_users", 1)
    (link, logout, failed, login) = await entries(admin, "actor=anna")
    for entry, word in ((link, "one-time link made"), (logout, "logged out"), (failed, "login refused")):
        assert word in entry
    assert "logged in Person admin0" in login
    assert 'href="/people/1"' in (await admin.get("/audit?actor=anna")).text
    assert 'href="/people/1"' not in (await auditor.get("/audit?actor=anna")).text
