"""What resellers' pages say beside what every such page does (test_editing.py)."""

from console.database import Database
from tests.console.conftest import Browser
from tests.console.pages.page_text import rows, words


async def test_a_reseller_stands_there_with_its_clients_and_whether_it_is_blocked(
    browser_of: Browser, store: Database
):
    row_id = await store.value("INSERT INTO resellers (name, status) VALUES ('North', 'blocked') RETURNING id")
    await store.execute("INSERT INTO clients (name, reseller_id) VALUES ('Rose', $1), ('Iris', $1)", row_id)
    viewer = await browser_of("viewer")
    listed = (await viewer.get("/resellers")).text
    assert rows(listed) == [f"{row_id} North blocked — — 2 clients of North"]
    profile = (await viewer.get(f"/resellers/{row_id}")).text
    assert "reseller 1 blocked 2 clients" in words(profile)
    assert f'href="/clients?reseller_id={row_id}"' in profile
