"""What the pages of rate tables and routing plans say beside what every such page does (test_editing.py)."""

import pytest

from console.database import Database
from tests.console.conftest import Browser
from tests.console.pages.page_text import hidden, rows, words


@pytest.mark.parametrize(("path", "table"), [("/rate-tables", "rate_tables"), ("/routing-plans", "routing_plans")])
async def test_one_is_made_renamed_and_deleted(browser_of: Browser, store: Database, path: str, table: str):
    operator = await browser_of("operator")
    made = await operator.post(f"{path}/new", data={"name": "RT: Gold"})
    assert made.status_code == 303
    url = made.headers["location"]
    etag = hidden((await operator.get(f"{url}/edit")).text, "etag")
    assert (await operator.post(f"{url}/edit", data={"name": "RT: Silver", "etag": etag})).status_code == 303
    assert [row["name"] for row in await store.fetch(f"SELECT name FROM {table}")] == ["RT: Silver"]
    assert "RT: Silver" in rows((await operator.get(path)).text)[0]
    etag = hidden((await operator.get(f"{url}/delete")).text, "etag")
    assert (await operator.post(f"{url}/delete", data={"etag": etag})).status_code == 303
    assert await store.fetch(f"SELECT name FROM {table}") == []


async def test_who_refers_to_one_is_said_and_found_by_a_click(browser_of: Browser, store: Database):
    await store.execute("INSERT INTO rate_tables (id, name) VALUES (5, 'Gold')")
    await store.execute("INSERT INTO clients (name, term_rate_table_id) VALUES ('Rose', 5)")
    await store.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ani, orig_rate_table_id) "
        "SELECT id, 'a', 'ani', '1', 5 FROM clients"
    )
    viewer = await browser_of("viewer")
    page = (await viewer.get("/rate-tables/5")).text
    assert "Who refers to it 1 account and 1 client" in words(page)
    assert 'href="/accounts?orig_rate_table_id=5"' in page
    operator = await browser_of("operator")
    assert "in use by 1 account and 1 client" in words((await operator.get("/rate-tables/5/delete")).text)
