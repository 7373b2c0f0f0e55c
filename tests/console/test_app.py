"""The application as a whole: every door is one, faults are told in the language of whoever asked."""

import collections

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from console import app
from console.app import DOORS, application
from console.context import Console
from console.door import Door
from console.errors import DatabaseAwayError


def test_no_two_doors_are_at_one_place() -> None:
    counted = collections.Counter((door.method, door.path) for door in DOORS)
    assert [place for place, count in counted.items() if count > 1] == []


def test_the_world_has_few_doors() -> None:
    open_to_all = {door.path for door in DOORS if door.permission is None}
    assert open_to_all == {"/login", "/welcome/{token}", "/", "/api/v1/openapi.json"} & open_to_all | {
        "/login",
        "/welcome/{token}",
        "/api/v1/openapi.json",
    }


async def test_what_is_not_there_is_said_to_people_and_to_programs(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/nothing/here")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "nothing at this address" in page.text
    answer = await stranger.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_method_that_a_page_has_not_names_those_that_it_has(stranger: httpx.AsyncClient) -> None:
    refused = await stranger.delete("/login")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [(DatabaseAwayError("gone"), 503, "database_away"), (RuntimeError("secret inside"), 500, "internal")],
)
async def test_a_fault_says_nothing_of_its_inside(
    console: Console, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, word: str
) -> None:
    async def broken(request: Request) -> Response:
        raise error

    doors = (Door("GET", "/broken", None, broken), Door("GET", "/api/v1/broken", None, broken))
    monkeypatch.setattr(app, "DOORS", doors)
    transport = httpx.ASGITransport(app=application(console), raise_app_exceptions=False)  # type: ignore[arg-type] # httpx's own words for ASGI
    origin = console.settings.console.origin
    async with httpx.AsyncClient(transport=transport, base_url=origin) as client:
        page = await client.get("/broken")
        assert page.status_code == status
        assert "secret inside" not in page.text
        assert "content-security-policy" in page.headers
        answer = await client.get("/api/v1/broken")
        assert (answer.status_code, answer.json()["error"]) == (status, word)
        assert "secret inside" not in answer.text


async def test_files_of_the_pages_are_served_with_their_kind(stranger: httpx.AsyncClient) -> None:
    style = await stranger.get("/static/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert (await stranger.get("/static/../app.py")).status_code == 404
