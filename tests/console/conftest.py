"""The console as tests reach it: the whole application on a real database, asked through HTTP in this process.

`browser_of(role)` gives a client that is logged in as somebody of that role and sends Origin and CSRF token as the
page would; `key_of(role)` one that carries an API key. The daemon is away unless a test starts one.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
import trio
import trio_asyncio

from console.app import application
from console.context import Console
from console.daemon import Daemon
from console.database import Database, open_database
from console.people.keys import make_key
from console.people.sessions import open_session
from console.people.store import add_person
from console.roles import Role
from identd.credentials import KeyRing
from identd.logs import Log
from identd.settings import ConsoleSection, Settings, Socket
from protocol.client_trio import Client

ORIGIN = "http://127.0.0.1:8878"
KEY = bytes(range(32))

Browser: TypeAlias = Callable[[Role], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def store(database: str) -> AsyncIterator[Database]:
    """The pool, as the owner of the schema, on a fresh database."""
    async with trio_asyncio.open_loop(), open_database(database, 4) as opened:
        yield opened


@pytest.fixture
def console_settings(tmp_path: Path) -> Settings:
    """The configuration; a test may override the fixture."""
    return Settings(socket=Socket(unix=str(tmp_path / "identd.sock"), tcp=""), console=ConsoleSection())


@pytest.fixture
async def console(store: Database, console_settings: Settings) -> AsyncIterator[Console]:
    """What handlers reach, with a key for passwords and a clock that stands at the real time."""
    log = Log("error")
    async with (
        Client(console_settings.socket.unix, connect_seconds=0.05) as client,
        trio.open_nursery() as nursery,
    ):
        yield Console(console_settings, store, Daemon(client), KeyRing((KEY,)), log, time.time, nursery)
        nursery.cancel_scope.cancel()
    log.close()


@pytest.fixture
async def stranger(console: Console) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not logged in."""
    async with _client(console) as client:
        yield client


@pytest.fixture
async def browser_of(console: Console) -> AsyncIterator[Browser]:
    """A function: role -> a client logged in as a person of that role."""
    clients: list[httpx.AsyncClient] = []

    async def open_browser(role: Role) -> httpx.AsyncClient:
        name = f"{role}{len(clients)}"
        person_id = await add_person(console.database, name, role, actor="test")
        session = await open_session(console.database, person_id, console.wall(), address="127.0.0.1", agent="test")
        client = _client(console)
        client.headers.update(
            {"cookie": f"__Host-identd={session.token}", "origin": ORIGIN, "x-csrf-token": session.csrf}
        )
        clients.append(client)
        return client

    yield open_browser
    for client in clients:
        await client.aclose()


@pytest.fixture
async def key_of(console: Console) -> AsyncIterator[Browser]:
    """A function: role -> a client that carries an API key of that role."""
    clients: list[httpx.AsyncClient] = []

    async def open_client(role: Role) -> httpx.AsyncClient:
        key = await make_key(console.database, f"key-{role}-{len(clients)}", role, actor="test", now=console.wall())
        client = _client(console)
        client.headers["authorization"] = f"Bearer {key}"
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        await client.aclose()


def _client(console: Console) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=application(console)), base_url=ORIGIN, timeout=20.0)
