"""The audit log through the API: what programs did stands there, page after page, for those who may read it."""

from collections.abc import Awaitable, Callable

import httpx

from console.roles import Role

PATH = "/api/v1/audit"


async def test_a_change_through_the_api_stands_there_with_the_name_of_the_key(operator: httpx.AsyncClient):
    created = await operator.post("/api/v1/resellers", json={"name": "Somebody"})
    answer = await operator.get(PATH, params={"entity": "resellers", "entity_id": created.json()["id"]})
    (entry,) = answer.json()["items"]
    assert (entry["actor"], entry["action"], entry["name"]) == ("key:key-operator-0", "insert", "Somebody")
    assert {"column": "name", "before": None, "after": "Somebody", "before_name": None, "after_name": None} in entry[
        "changes"
    ]


async def test_its_pages_are_walked_by_links(operator: httpx.AsyncClient):
    for n in range(45):
        await operator.post("/api/v1/rate-tables", json={"name": f"RT {n}"})
    seen, url = [], f"{PATH}?actor=key:key-operator-0&size=20"
    while url:
        answer = await operator.get(url)
        seen += [entry["id"] for entry in answer.json()["items"]]
        links = dict(reversed(link.strip().split("; ")) for link in answer.headers.get("link", "").split(",") if link)
        url = links.get('rel="next"', "").strip("<>")
    assert len(seen) == 45
    assert seen == sorted(seen, reverse=True)


async def test_what_is_not_understood_is_an_error(operator: httpx.AsyncClient):
    for query in ({"from": "yesterday"}, {"client": "Nobody"}, {"what": "x"}, {"before": "1", "after": "2"}):
        answer = await operator.get(PATH, params=query)
        assert answer.status_code == 422, query
        assert len(answer.json()["errors"]) == 1


async def test_a_viewer_may_not_read_it_and_an_auditor_may(
    key_of: Callable[[Role], Awaitable[httpx.AsyncClient]],
):
    assert (await (await key_of("viewer")).get(PATH)).status_code == 403
    assert (await (await key_of("auditor")).get(PATH)).status_code == 200
