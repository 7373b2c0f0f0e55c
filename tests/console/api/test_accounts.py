"""Accounts through the API: every field, two programs at once, what a change would do, deactivate, delete."""

from typing import Any

import httpx
import pytest

from console.database import Database
from console.objects.account_fields import COLUMN
from tests.console.api.conftest import NEW_ACCOUNT, version

PATH = "/api/v1/accounts"
ONE = f"{PATH}/176"

EVERY_FIELD: dict[str, Any] = {
    "client_id": 2,
    "name": "Another name",
    "ident_by": "ani",
    "ip": None,
    "ident_name": None,
    "ani": "+4420*",
    "tech_prefix": "1234#",
    "strip_tech_prefix": False,
    "gateway_ids": [1, 2],
    "notes": "two\nlines",
    "status": "blocked",
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2027-01-01T12:30:00.500000Z",
    "cps_burst": 3.0,
    "orig_enabled": False,
    "orig_rate_table_id": 2,
    "routing_plan_id": 2,
    "orig_tags": ["gold", "a;b"],
    "orig_capacity": 10,
    "orig_cps": 2.5,
    "term_enabled": True,
    "term_rate_table_id": 3,
    "term_tags": ["silver"],
    "term_capacity": 0,
    "term_cps": 0.5,
    "proxy": "sip.example.net",
    "protocol": "sip",
    "port": 5061,
}
KNOWN_BY = {"ident_by", "ip", "ident_name", "ani"}
"""They go together."""
CLEARED: dict[str, Any] = {
    "tech_prefix": None, "strip_tech_prefix": True, "gateway_ids": [], "notes": "", "status": "active",
    "valid_from": None, "valid_until": None, "cps_burst": None, "orig_enabled": False, "orig_rate_table_id": None,
    "routing_plan_id": None, "orig_tags": [], "orig_capacity": None, "orig_cps": None, "term_enabled": False,
    "term_rate_table_id": None, "term_tags": [], "term_capacity": None, "term_cps": None, "proxy": None,
    "protocol": None, "port": None,
}  # fmt: skip
"""What null makes of a field."""


async def test_an_account_is_created_read_changed_and_deleted(operator: httpx.AsyncClient):
    created = await operator.post(PATH, json=NEW_ACCOUNT)
    assert created.status_code == 201, created.text
    where = created.headers["location"]
    assert created.json()["ip"] == ["192.0.2.1", "10.0.0.0/24"]
    read = await operator.get(where)
    assert read.json() == created.json()
    assert read.headers["etag"] == created.headers["etag"]
    changed = await operator.patch(where, json={"tech_prefix": "77#"}, headers={"if-match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert changed.json() == read.json() | {"tech_prefix": "77#", "etag": changed.json()["etag"]}
    gone = await operator.delete(where, headers={"if-match": changed.headers["etag"]})
    assert gone.status_code == 200
    assert (await operator.get(where)).status_code == 404


async def test_every_field_is_changed_and_cleared(operator: httpx.AsyncClient):
    assert EVERY_FIELD.keys() == COLUMN.keys(), "a field that is new belongs into this test"
    changed = await operator.patch(ONE, json=EVERY_FIELD, headers=await version(operator, ONE))
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert {name: shown[name] for name in EVERY_FIELD} == EVERY_FIELD | {"ip": []}
    assert shown["client"] == "Rose term"
    nothing = dict.fromkeys(CLEARED)
    cleared = await operator.patch(ONE, json=nothing, headers=await version(operator, ONE))
    assert cleared.status_code == 200, cleared.text
    assert {name: cleared.json()[name] for name in CLEARED} == CLEARED


@pytest.mark.parametrize("name", sorted(EVERY_FIELD.keys() - KNOWN_BY))
async def test_a_single_field_is_changed_and_the_others_stay(operator: httpx.AsyncClient, name: str):
    before = (await operator.get(ONE)).json()
    changed = await operator.patch(ONE, json={name: EVERY_FIELD[name]}, headers=await version(operator, ONE))
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert shown[name] == EVERY_FIELD[name] != before[name]
    others = EVERY_FIELD.keys() - {name}
    assert {other: shown[other] for other in others} == {other: before[other] for other in others}


async def test_of_two_programs_the_slower_one_is_told(operator: httpx.AsyncClient):
    read = await version(operator, ONE)
    first = await operator.patch(ONE, json={"orig_capacity": 5}, headers=read)
    assert first.status_code == 200
    second = await operator.patch(ONE, json={"orig_capacity": 7}, headers=read)
    assert second.status_code == 412
    assert second.json()["error"] == "changed"
    assert (await operator.get(ONE)).json()["orig_capacity"] == 5
    again = await operator.patch(ONE, json={"orig_capacity": 7}, headers={"if-match": second.headers["etag"]})
    assert again.json()["orig_capacity"] == 7, "the ETag of the refusal is that of now"


async def test_a_star_is_the_last_word_on_purpose(operator: httpx.AsyncClient):
    changed = await operator.patch(ONE, json={"orig_capacity": 7}, headers={"if-match": "*"})
    assert changed.status_code == 200


async def test_a_client_that_is_renamed_keeps_nobody_from_changing_its_accounts(
    operator: httpx.AsyncClient, stocked: Database
):
    read = await version(operator, ONE)
    await stocked.execute("UPDATE clients SET name = 'Rose, renamed' WHERE id = 1")
    again = await operator.get(ONE, headers={"if-none-match": read["if-match"]})
    assert again.status_code == 200, "what is shown is another"
    changed = await operator.patch(ONE, json={"notes": "x"}, headers=read)
    assert changed.status_code == 200


async def test_every_fault_is_told_at_once_by_field(operator: httpx.AsyncClient):
    wrong = NEW_ACCOUNT | {"ip": ["192.0.2.300"], "port": 70_000, "capacity": 5, "id": 7, "password_remove": True}
    answer = await operator.post(PATH, json=wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"ip", "port", "capacity"}
    answer = await operator.post(PATH, json=NEW_ACCOUNT | {"id": 7, "password_remove": True})
    assert answer.json()["errors"].keys() == {"id", "password_remove"}
    answer = await operator.post(PATH, json={**NEW_ACCOUNT, "client_id": 404})
    assert answer.json()["errors"] == {"client_id": "This client is no longer there: choose another."}


async def test_a_password_goes_in_and_never_comes_out(operator: httpx.AsyncClient, stocked: Database):
    secret = "correct horse battery"
    created = await operator.post(
        PATH, json={"client_id": 1, "name": "p", "ident_by": "name", "ident_name": "u", "password": secret},
        headers={"idempotency-key": "one"},
    )  # fmt: skip
    where = created.headers["location"]
    assert created.json()["has_password"] is True
    assert secret not in created.text
    kept = await stocked.row("SELECT body, digest FROM api_requests")
    assert secret.encode() not in kept["body"] + kept["digest"]
    audited = await stocked.value("SELECT string_agg(after::text, '') FROM audit_log")
    assert secret not in audited
    stays = await operator.patch(where, json={"notes": "x"}, headers=await version(operator, where))
    assert stays.json()["has_password"] is True
    removed = await operator.patch(where, json={"password": None}, headers=await version(operator, where))
    assert removed.json()["has_password"] is False


async def test_a_dry_run_tells_the_effect_and_changes_nothing(operator: httpx.AsyncClient, stocked: Database):
    before = await stocked.value("SELECT count(*) FROM audit_log")
    taking = NEW_ACCOUNT | {"client_id": 2, "ip": ["11.11.20.33"], "tech_prefix": "1234#"}
    answer = await operator.post(PATH, params={"dry_run": "true"}, json=taking)
    assert answer.status_code == 200, answer.text
    assert "location" not in answer.headers
    effect = answer.json()["effect"]
    assert [sharer["who"]["account_id"] for sharer in effect["sharing"]] == [176]
    won = [outcome["before"] for outcome in effect["outcomes"] if outcome["change"] == "won"]
    assert [before["account_id"] for before in won if before] == [176], "its calls at its gateway, with the prefix"
    answer = await operator.patch(
        ONE, params={"dry_run": "true"}, json={"orig_enabled": False}, headers=await version(operator, ONE)
    )
    said = {"label": "Originator Settings: Originator", "before": "yes", "after": "no"}
    assert answer.json()["differences"] == [said]
    assert await stocked.value("SELECT count(*) FROM audit_log") == before
    assert (await operator.get(ONE)).json()["orig_enabled"] is True


async def test_a_dry_run_finds_what_only_the_table_knows(operator: httpx.AsyncClient):
    taken = await operator.post(PATH, params={"dry_run": "true"}, json=NEW_ACCOUNT | {"name": "rose_orig"})
    assert taken.status_code == 422
    assert taken.json()["errors"].keys() == {"name"}


async def test_deactivating_turns_both_directions_off_and_keeps_the_rest(operator: httpx.AsyncClient):
    off = await operator.post(f"{ONE}/deactivate", headers=await version(operator, ONE))
    assert off.status_code == 200
    assert (off.json()["orig_enabled"], off.json()["term_enabled"]) == (False, False)
    assert off.json()["orig_rate_table_id"] == 1


async def test_deleting_answers_what_went_back_to_the_client(operator: httpx.AsyncClient, stocked: Database):
    gone = await operator.delete(ONE, headers=await version(operator, ONE))
    assert gone.status_code == 200
    refund = gone.json()
    assert (refund["name"], refund["client"]) == ("rose_orig", "Rose orig")
    assert (refund["amount"], refund["balance_after"]) == ("12.500000", "112.500000")
    assert (refund["calls"], refund["seconds"], refund["first_day"]) == (3, 600, "2026-01-31")
    assert f"{await stocked.value('SELECT balance FROM clients WHERE id = 1')}" == "112.500000"


async def test_lists_come_in_pages_with_links(operator: httpx.AsyncClient, stocked: Database):
    await stocked.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ident_name) "
        "SELECT 1, 'many ' || n, 'name', 'many' || n FROM generate_series(1, 44) AS n"
    )
    answer = await operator.get(PATH, params={"client_id": 1, "page": 2, "sort": "name", "descending": "true"})
    listing = answer.json()
    assert (listing["total"], listing["page"], listing["size"], len(listing["items"])) == (45, 2, 20, 20)
    links = dict(reversed(link.strip().split("; ")) for link in answer.headers["link"].split(","))
    assert links.keys() == {f'rel="{rel}"' for rel in ("first", "prev", "next", "last")}
    last = await operator.get(links['rel="next"'].strip("<>"))
    assert [item["name"] for item in last.json()["items"]][-1] == "many 1"
    assert 'rel="next"' not in last.headers["link"]


async def test_filters_are_those_of_the_page(operator: httpx.AsyncClient):
    for query, found in (
        ({"ident": "11.11.20.33"}, [176]), ({"ident": "192.0.2.9"}, []), ({"gateway_id": "1"}, [176]),
        ({"orig": "true", "state": "on"}, [176]), ({"orig": "false"}, []), ({"q": "rose"}, [176]),
    ):  # fmt: skip
        answer = await operator.get(PATH, params=query)
        assert [item["id"] for item in answer.json()["items"]] == found, query


async def test_a_filter_that_is_not_understood_finds_nothing_at_all(operator: httpx.AsyncClient):
    answer = await operator.get(PATH, params={"clientid": "1", "orig": "yes", "size": "21", "page": "0"})
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"clientid", "orig", "size", "page"}
