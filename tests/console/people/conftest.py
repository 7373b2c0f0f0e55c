"""A console whose clock a test moves, and people who have chosen a password."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from console.app import application
from console.context import Console
from console.people.store import add_person, make_link
from console.roles import Role
from tests.console.conftest import ORIGIN

PASSWORD = "correct horse battery"
START = 1_800_000_000.0


class Clock:
    """What `console.wall` shows: `clock.now += 60`."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(console: Console) -> Clock:
    """The console's, from now on."""
    console.wall = Clock()
    return console.wall


@pytest.fixture
async def visitor(console: Console) -> AsyncIterator[Callable[[], httpx.AsyncClient]]:
    """A function: a browser of nobody, which keeps cookies and sends Origin as browsers do."""
    async with contextlib.AsyncExitStack() as stack:
        clients: list[httpx.AsyncClient] = []

        def open_browser() -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=application(console))
            # https: httpx sends Secure cookies back only there; browsers also on loopback
            client = httpx.AsyncClient(transport=transport, base_url=ORIGIN.replace("http:", "https:"))
            client.headers["origin"] = ORIGIN
            clients.append(client)
            return client

        yield open_browser
        for client in clients:
            stack.push_async_callback(client.aclose)


Known = Callable[..., Awaitable[int]]


@pytest.fixture
def known(console: Console, visitor: Callable[[], httpx.AsyncClient]) -> Known:
    """A function: name, role -> somebody who has used their link and chosen PASSWORD; the id."""

    async def make(name: str = "anna", role: Role = "operator") -> int:
        person_id = await add_person(console.database, name, role, actor="test")
        token = await make_link(console.database, person_id, actor="test", now=console.wall())
        answer = await visitor().post(f"/welcome/{token}", data={"password": PASSWORD, "again": PASSWORD})
        assert answer.status_code == 303, answer.text
        return person_id

    return make


async def log_in(
    client: httpx.AsyncClient, name: str = "anna", password: str = PASSWORD, code: str = "", **more: str
):
    """POST /login as the form does."""
    return await client.post("/login", data={"name": name, "password": password, "code": code, **more})


async def token_of_page(client: httpx.AsyncClient, path: str) -> str:
    """The CSRF token in the forms of a page."""
    page = await client.get(path)
    assert page.status_code == 200, page.text
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]
