"""Who a request is from, by its cookie or its key."""

import pytest
from starlette.datastructures import State
from starlette.requests import Request

from console.context import Console
from console.people.authentication import actor_of_key, actor_of_session
from console.people.keys import make_key
from console.people.sessions import COOKIE, open_session
from console.people.store import add_person


class App:
    """What a request knows of its application."""

    def __init__(self, console: Console) -> None:
        self.state = State({"console": console})


def request(console: Console, **headers: str) -> Request:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "app": App(console), "headers": encoded, "query_string": b""})


async def test_a_cookie_says_which_person(console: Console):
    person_id = await add_person(console.database, "anna", "auditor", actor="test")
    session = await open_session(console.database, person_id, console.wall(), address="", agent="")
    asked = request(console, cookie=f"{COOKIE}={session.token}")
    actor = await actor_of_session(asked)
    assert (actor.name, actor.role, actor.kind, actor.id, actor.csrf) == (
        "anna", "auditor", "person", person_id, session.csrf,
    )  # fmt: skip
    assert isinstance(asked.state.session_id, int)
    assert await actor_of_key(asked) is None


@pytest.mark.parametrize(
    ("headers", "query", "is_seen"),
    [
        ({}, b"", True),
        ({"hx-request": "true"}, b"outcome=error", True),
        ({"hx-request": "true", "x-poll": "1"}, b"", False),
        ({}, b"poll=1", False),
        ({"accept": "text/event-stream"}, b"ids=1", False),
    ],
)
async def test_a_page_that_asks_by_itself_keeps_no_session_from_getting_idle(
    console: Console, headers: dict[str, str], query: bytes, is_seen: bool
):
    person_id = await add_person(console.database, "anna", "auditor", actor="test")
    opened_at = console.wall() - 600
    session = await open_session(console.database, person_id, opened_at, address="", agent="")
    asked = request(console, cookie=f"{COOKIE}={session.token}", **headers)
    asked.scope["query_string"] = query
    assert await actor_of_session(asked) is not None
    seen_at = await console.database.value("SELECT extract(epoch FROM seen_at)::float8 FROM console_sessions")
    assert (seen_at > opened_at + 1) == is_seen


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
async def test_a_key_says_which_program(console: Console, scheme: str):
    key = await make_key(console.database, "billing", "viewer", actor="test", now=console.wall())
    asked = request(console, authorization=f"{scheme} {key}")
    actor = await actor_of_key(asked)
    assert (actor.name, actor.role, actor.kind, actor.csrf) == ("key:billing", "viewer", "key", "")
    assert await actor_of_session(asked) is None


@pytest.mark.parametrize("name", [COOKIE.lower(), "identd", f"x{COOKIE}"])
async def test_a_cookie_of_another_name_is_nobodys(console: Console, name: str):
    person_id = await add_person(console.database, "anna", "auditor", actor="test")
    session = await open_session(console.database, person_id, console.wall(), address="", agent="")
    assert await actor_of_session(request(console, cookie=f"{name}={session.token}")) is None


async def test_a_key_counts_only_as_a_bearer_token(console: Console):
    key = await make_key(console.database, "billing", "viewer", actor="test", now=console.wall())
    for authorization in (key, f"Basic {key}", f"Bearer{key}", "Bearer", ""):
        assert await actor_of_key(request(console, authorization=authorization)) is None
