"""Clients, resellers, gateways, rate tables and routing plans: each is created, read, changed, listed and deleted."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from console.api.catalogue import COLLECTIONS
from console.database import Database
from tests.console.api.conftest import version

EVERY_FIELD: dict[str, dict[str, Any]] = {
    "clients": {
        "name": "Another name", "client_type": "reseller", "reseller_id": 1, "status": "blocked",
        "balance": "-1.500000", "credit_limit": "10.000000", "low_balance_threshold": "5.000000",
        "low_balance_capacity": 2, "orig_rate_table_id": 1, "term_rate_table_id": 2, "routing_plan_id": 1,
        "orig_capacity": 10, "term_capacity": 0, "orig_cps": 2.5, "term_cps": 1.0, "cps_burst": 3.0,
    },
    "resellers": {"name": "Another name", "status": "blocked", "orig_capacity": 5, "term_capacity": 0},
    "gateways": {
        "name": "Another name", "addresses": ["192.0.2.0/24", "2001:db8::1"], "ident_order": ["ip"],
        "trusts_name": True, "on_ambiguous": "refuse", "reserve_seconds": 60, "active_seconds": 600,
        "sip_codes": {"no_credit": 403},
    },
    "rate-tables": {"name": "Another name"},
    "routing-plans": {"name": "Another name"},
}  # fmt: skip
REFERRED = {"clients": 1, "resellers": 1, "gateways": 1, "rate-tables": 1, "routing-plans": 1}
"""Of each the one to which others refer."""


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


KINDS = pytest.mark.parametrize("path", [collection.path for collection in COLLECTIONS], ids=name_of)


@KINDS
async def test_one_is_created_with_every_field_and_deleted(operator: httpx.AsyncClient, path: str):
    wanted = EVERY_FIELD[name_of(path)]
    created = await operator.post(path, json=wanted)
    assert created.status_code == 201, created.text
    shown = created.json()
    assert {name: shown[name] for name in wanted} == wanted
    where = created.headers["location"]
    read = await operator.get(where)
    assert (read.json(), read.headers["etag"]) == (shown, created.headers["etag"])
    assert (await operator.get(where, headers={"if-none-match": read.headers["etag"]})).status_code == 304
    gone = await operator.delete(where, headers=await version(operator, where))
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await operator.get(where)).status_code == 404


@KINDS
async def test_each_field_alone_is_changed_and_cleared_and_the_others_stay(operator: httpx.AsyncClient, path: str):
    created = await operator.post(path, json={"name": "Plain"})
    where, plain = created.headers["location"], created.json()
    for name, value in EVERY_FIELD[name_of(path)].items():
        was, is_ = ({"balance_was": plain[name]}, {"balance_was": value}) if name == "balance" else ({}, {})
        changed = await operator.patch(where, json={name: value, **was}, headers=await version(operator, where))
        assert changed.status_code == 200, changed.text
        assert changed.json() == {**plain, name: value} | _beside(changed.json(), name)
        back = {name: plain[name] if name in ("name", "balance") else None, **is_}
        cleared = await operator.patch(where, json=back, headers=await version(operator, where))
        assert cleared.json() == plain | _beside(cleared.json(), name), name


def _beside(shown: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What goes with a field: its etag, and the name of what it refers to."""
    return {other: shown[other] for other in ("etag", name.removesuffix("_id")) if other in shown and other != name}


@KINDS
async def test_of_two_programs_the_slower_one_is_told(operator: httpx.AsyncClient, path: str):
    where = f"{path}/1"
    read = await version(operator, where)
    assert (await operator.patch(where, json={"name": "First"}, headers=read)).status_code == 200
    second = await operator.patch(where, json={"name": "Second"}, headers=read)
    assert (second.status_code, second.json()["error"]) == (412, "changed")
    assert (await operator.delete(where, headers=read)).status_code == 412
    assert (await operator.get(where)).json()["name"] == "First"


@KINDS
async def test_one_to_which_others_refer_is_not_deleted_and_it_is_said_who(operator: httpx.AsyncClient, path: str):
    where = f"{path}/{REFERRED[name_of(path)]}"
    kept = await operator.delete(where, headers=await version(operator, where))
    assert kept.status_code == 409
    assert "account" in kept.json()["message"] or "client" in kept.json()["message"]


@KINDS
async def test_lists_are_searched_sorted_and_paged(operator: httpx.AsyncClient, path: str):
    for n in range(25):
        await operator.post(path, json={"name": f"zz {n:02}"})
    answer = await operator.get(path, params={"q": "ZZ", "sort": "name", "descending": "true", "page": "2"})
    listing = answer.json()
    assert [item["name"] for item in listing["items"]] == [f"zz {n:02}" for n in range(4, -1, -1)]
    assert (listing["total"], listing["page"], listing["size"]) == (25, 2, 20)
    assert 'rel="prev"' in answer.headers["link"]
    assert 'rel="next"' not in answer.headers["link"]


@KINDS
async def test_a_name_that_is_taken_or_misspelt_is_told_at_its_field(operator: httpx.AsyncClient, path: str):
    taken = (await operator.get(f"{path}/1")).json()["name"]
    answer = await operator.post(path, json={"name": taken})
    assert answer.json()["errors"].keys() == {"name"}
    answer = await operator.post(path, json={"name": "x", "nmae": "x"})
    assert answer.json()["errors"].keys() == {"nmae"}
    answer = await operator.patch(f"{path}/1", json={"name": None}, headers={"if-match": "*"})
    assert answer.status_code == 422


async def test_a_balance_is_written_only_where_it_is_sent_and_is_still_what_was_read(
    operator: httpx.AsyncClient, stocked: Database
):
    where = "/api/v1/clients/1"
    read = await version(operator, where)
    await stocked.execute("UPDATE clients SET balance = 90 WHERE id = 1")
    renamed = await operator.patch(where, json={"name": "Rose"}, headers=read)
    assert (renamed.status_code, renamed.json()["balance"]) == (200, "90.000000")
    late = {"balance": "120", "balance_was": "100"}
    refused = await operator.patch(where, json=late, headers=await version(operator, where))
    assert refused.json()["errors"].keys() == {"balance"}
    right = {"balance": "120", "balance_was": "90"}
    set_ = await operator.patch(where, json=right, headers=await version(operator, where))
    assert set_.json()["balance"] == "120.000000"


async def test_a_balance_without_the_one_that_was_read_is_refused_whatever_if_match_says(
    operator: httpx.AsyncClient, stocked: Database
):
    where = "/api/v1/clients/1"
    read = await version(operator, where)
    await stocked.execute("UPDATE clients SET balance = balance - 9 WHERE id = 1")
    for headers in (read, {"if-match": "*"}):
        for sent in ({"balance": "60"}, {"balance": "60", "balance_was": None}):
            refused = await operator.patch(where, json=sent, headers=headers)
            assert (refused.status_code, refused.json()["errors"].keys()) == (422, {"balance_was"})
    late = await operator.patch(where, json={"balance": "60", "balance_was": "100"}, headers={"if-match": "*"})
    assert late.json()["errors"].keys() == {"balance"}
    assert await stocked.value("SELECT balance FROM clients WHERE id = 1") == 91


async def test_clients_are_filtered_as_on_their_page(operator: httpx.AsyncClient):
    path = "/api/v1/clients"
    for query, found in (
        ({"reseller_id": "1"}, [1]), ({"client_type": "reseller"}, []), ({"status": "active"}, [1, 2, 3]),
        ({"q": "#2"}, [2]), ({"status": "blocked"}, []),
    ):  # fmt: skip
        assert [item["id"] for item in (await operator.get(path, params=query)).json()["items"]] == found, query


async def test_a_gateway_shows_that_it_has_a_secret_and_not_which(operator: httpx.AsyncClient, stocked: Database):
    await stocked.execute("UPDATE gateways SET secret_hash = 'scrypt$hash' WHERE id = 1")
    answer = await operator.get("/api/v1/gateways/1")
    assert answer.json()["has_secret"] is True
    assert "scrypt" not in answer.text
