"""List, profile, form and delete, on resellers, which have little else: each step, and what may go wrong at it."""

import httpx

from console.database import Database
from console.objects.listing import Paging
from console.pages.editing import counted, paging_of
from tests.console.conftest import Browser
from tests.console.pages.page_text import error_at, hidden, rows, words

NORTH = {"name": "North", "status": "active", "orig_capacity": "30", "term_capacity": ""}


async def made(store: Database, name: str = "North") -> int:
    row_id = await store.value("INSERT INTO resellers (name, orig_capacity) VALUES ($1, 30) RETURNING id", name)
    assert isinstance(row_id, int)
    return row_id


async def form_of(client: httpx.AsyncClient, url: str) -> str:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_what_is_made_on_the_page_is_in_the_table_and_said_on_the_profile(browser_of: Browser, store: Database):
    operator = await browser_of("operator")
    answer = await operator.post("/resellers/new", data=NORTH)
    assert answer.status_code == 303
    row = await store.row("SELECT * FROM resellers")
    assert row is not None
    assert (row["name"], row["orig_capacity"], row["term_capacity"]) == ("North", 30, None)
    assert answer.headers["location"] == f"/resellers/{row['id']}"
    assert await store.value("SELECT actor FROM audit_log WHERE entity = 'resellers'") == "operator0"
    operator.cookies.update(answer.cookies)
    profile = words(await form_of(operator, answer.headers["location"]))
    assert "North reseller" in profile
    assert "Orig Capacity 30" in profile
    assert "Term Capacity no limit" in profile


async def test_a_form_that_cannot_be_saved_keeps_what_was_typed_and_says_at_the_field_what_to_do(
    browser_of: Browser, store: Database
):
    operator = await browser_of("operator")
    answer = await operator.post("/resellers/new", data={**NORTH, "orig_capacity": "many", "term_capacity": "7"})
    assert answer.status_code == 422
    assert "many" in error_at(answer.text, "orig_capacity")
    assert 'value="many"' in answer.text
    assert 'value="7"' in answer.text
    assert 'href="#f-orig_capacity"' in answer.text
    assert await store.value("SELECT count(*) FROM resellers") == 0


async def test_a_name_that_is_taken_is_refused_at_the_name(browser_of: Browser, store: Database):
    await made(store)
    operator = await browser_of("operator")
    answer = await operator.post("/resellers/new", data=NORTH)
    assert answer.status_code == 422
    assert "already" in error_at(answer.text, "name")


async def test_a_change_of_another_is_shown_beside_ones_own_and_the_operator_decides(
    browser_of: Browser, store: Database
):
    row_id = await made(store)
    operator = await browser_of("operator")
    page = await form_of(operator, f"/resellers/{row_id}/edit")
    await store.execute("UPDATE resellers SET orig_capacity = 40, status = 'blocked'")
    mine = {**NORTH, "orig_capacity": "50", "etag": hidden(page, "etag")}
    answer = await operator.post(f"/resellers/{row_id}/edit", data=mine)
    assert answer.status_code == 409
    assert "Status Blocked Active" in words(answer.text)
    assert "Orig Capacity 40 50" in words(answer.text)
    assert await store.value("SELECT orig_capacity FROM resellers") == 40
    again = await operator.post(f"/resellers/{row_id}/edit", data={**mine, "etag": hidden(answer.text, "etag")})
    assert again.status_code == 303
    assert await store.value("SELECT orig_capacity FROM resellers") == 50


async def test_a_form_without_an_etag_changes_nothing(browser_of: Browser, store: Database):
    row_id = await made(store)
    operator = await browser_of("operator")
    answer = await operator.post(f"/resellers/{row_id}/edit", data={**NORTH, "orig_capacity": "50"})
    assert answer.status_code == 409
    assert await store.value("SELECT orig_capacity FROM resellers") == 30


async def test_what_is_in_use_says_by_whom_and_stays(browser_of: Browser, store: Database):
    row_id = await made(store)
    operator = await browser_of("operator")
    page = await form_of(operator, f"/resellers/{row_id}/delete")
    await store.execute("INSERT INTO clients (name, reseller_id) VALUES ('Rose', $1)", row_id)
    answer = await operator.post(f"/resellers/{row_id}/delete", data={"etag": hidden(page, "etag")})
    assert answer.status_code == 409
    assert "in use by 1 client" in words(answer.text)
    assert '<button class="danger"' not in answer.text
    assert await store.value("SELECT count(*) FROM resellers") == 1


async def test_what_was_changed_since_the_question_was_read_is_not_deleted(browser_of: Browser, store: Database):
    row_id = await made(store)
    operator = await browser_of("operator")
    etag = hidden(await form_of(operator, f"/resellers/{row_id}/delete"), "etag")
    await store.execute("UPDATE resellers SET name = 'South'")
    answer = await operator.post(f"/resellers/{row_id}/delete", data={"etag": etag})
    assert answer.status_code == 409
    assert "changed the reseller in the meantime" in words(answer.text)
    assert await store.value("SELECT count(*) FROM resellers") == 1


async def test_what_nobody_refers_to_is_deleted(browser_of: Browser, store: Database):
    row_id = await made(store)
    operator = await browser_of("operator")
    etag = hidden(await form_of(operator, f"/resellers/{row_id}/delete"), "etag")
    answer = await operator.post(f"/resellers/{row_id}/delete", data={"etag": etag})
    assert (answer.status_code, answer.headers["location"]) == (303, "/resellers")
    assert await store.value("SELECT count(*) FROM resellers") == 0


async def test_one_that_is_gone_is_not_found_at_every_door(browser_of: Browser):
    operator = await browser_of("operator")
    for door in ("", "/edit", "/delete"):
        assert (await operator.get(f"/resellers/77{door}")).status_code == 404
    assert (await operator.post("/resellers/77/edit", data=NORTH)).status_code == 404
    assert (await operator.get("/resellers/99999999999999999999")).status_code == 404


async def test_the_list_is_searched_sorted_and_paged_by_its_url(browser_of: Browser, store: Database):
    await store.execute(
        "INSERT INTO resellers (name) SELECT 'Reseller ' || lpad(n::text, 2, '0') FROM generate_series(1, 25) n"
    )
    viewer = await browser_of("viewer")
    first = (await viewer.get("/resellers")).text
    assert "Rows 1 – 20 of 25" in first
    last = (await viewer.get("/resellers?page=2&descending=true")).text
    assert [row.split()[2] for row in rows(last)] == ["05", "04", "03", "02", "01"]
    found = (await viewer.get("/resellers", params={"q": "er 07"})).text
    assert [row.split()[2] for row in rows(found)] == ["07"]
    assert "New reseller" not in words(first)


async def test_what_an_operator_typed_into_a_name_is_text_on_every_page(browser_of: Browser, store: Database):
    row_id = await made(store, "<script>alert(1)</script>")
    operator = await browser_of("operator")
    for url in ("/resellers", f"/resellers/{row_id}", f"/resellers/{row_id}/edit", f"/resellers/{row_id}/delete"):
        page = await form_of(operator, url)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_a_url_that_makes_no_sense_asks_for_the_first_page():
    assert paging_of({"page": "-3", "size": "7", "sort": "; drop", "descending": "maybe"}) == Paging(sort="name")
    assert paging_of({"page": "3", "size": "50", "sort": "id"}) == Paging(page=3, size=50, sort="id")


def test_one_is_counted_in_the_singular():
    assert [counted(number, "client") for number in (0, 1, 1200)] == ["", "1 client", "1,200 clients"]
