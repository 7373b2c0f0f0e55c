"""What an operation does around its handler: a version of anybody is tried again, slow changes hold nothing."""

import httpx
import pytest
import trio
import trio.testing
from starlette.requests import Request
from starlette.responses import Response

from console.api import OPERATIONS
from console.api.answers import Shown, shown
from console.api.operation import KEY_REQUESTS_MAX, TRIES_MAX, Operation, changing, parameters_of
from console.api.parameters import Parameter
from console.api.preconditions import Tags
from console.context import Console
from console.database import Transaction
from console.door import Actor
from console.errors import BusyError, ChangedError


def test_each_operation_has_a_name_of_its_own():
    names = [operation.name for operation in OPERATIONS]
    assert sorted(set(names)) == sorted(names)


def test_whatever_changes_says_whether_it_is_in_force_and_needs_more_than_reading():
    for operation in OPERATIONS:
        if operation.writes:
            assert operation.permission not in (None, "read", "audit", "own"), operation.name
        elif operation.method != "GET":
            assert operation.name == "ask_whose", "a POST that changes nothing"


def test_whatever_changes_what_is_there_needs_its_version():
    for operation in OPERATIONS:
        if operation.writes and "{id" in operation.path:
            assert operation.if_match, operation.name


class _App:
    """Where a request says that the console is."""

    def __init__(self, console: Console) -> None:
        self.state = type("State", (), {"console": console})()


def request_of(console: Console, query: str = "", name: str = "key:test", app: _App | None = None) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "PATCH", "path": "/x", "query_string": query.encode(), "headers": [],
        "app": app or _App(console), "server": ("127.0.0.1", 80), "scheme": "http",
        "state": {"actor": Actor(name=name, role="operator", kind="key")},
    }  # fmt: skip
    return Request(scope, receive)


@pytest.mark.parametrize(("header", "tries"), [("*", TRIES_MAX), ('"v"', 1)])
async def test_only_a_star_is_tried_again_where_somebody_was_faster(console: Console, header: str, tries: int):
    tried = []

    async def work(_tx: Transaction) -> Shown:
        tried.append(1)
        raise ChangedError("account", 7, "w")

    with pytest.raises(ChangedError):
        await changing(request_of(console), work, tags=Tags(header, "If-Match"))
    assert len(tried) == tries


async def test_a_star_wins_in_the_end(console: Console):
    tried = []

    async def work(_tx: Transaction) -> Shown:
        tried.append(1)
        if len(tried) < TRIES_MAX:
            raise ChangedError("account", 7, "w")
        return shown({"done": True})

    answer = await changing(request_of(console), work, tags=Tags("*", "If-Match"))
    assert answer.status_code == 200
    assert answer.headers["identd-in-force"] == "true", "nothing was written, so nothing is to be waited for"


@pytest.mark.parametrize(("repeatable", "tries"), [(True, 3), (False, 1)])
async def test_where_others_write_the_same_rows_it_is_done_again_if_a_rollback_undoes_it(
    console: Console, repeatable: bool, tries: int
):
    tried = []

    async def work(_tx: Transaction) -> Shown:
        tried.append(1)
        raise BusyError

    with pytest.raises(BusyError):
        await changing(request_of(console), work, repeatable=repeatable)
    assert len(tried) == tries


async def test_whoever_cannot_be_waited_for_is_told_when_to_come_again(console: Console):
    async def handler(request: Request) -> Response:
        raise BusyError

    operation = Operation(
        name="x", method="GET", path="/x", permission=None, handler=handler, tag="x", summary="", answers={200: None}
    )
    answer = await operation.door.handler(request_of(console))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert b'"busy"' in bytes(answer.body)


async def test_a_key_that_asks_without_end_leaves_room_for_others(console: Console):
    answered = trio.Event()
    statuses: list[int] = []

    async def handler(_request: Request) -> Response:
        await answered.wait()
        return Response()

    operation = Operation(
        name="x", method="GET", path="/x", permission=None, handler=handler, tag="x", summary="", answers={200: None}
    )
    app = _App(console)

    async def ask(name: str) -> None:
        statuses.append((await operation.door.handler(request_of(console, name=name, app=app))).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(KEY_REQUESTS_MAX):
            nursery.start_soon(ask, "key:wild")
        await trio.testing.wait_all_tasks_blocked()
        await ask("key:wild")
        assert statuses == [503]
        nursery.start_soon(ask, "key:other")
        await trio.testing.wait_all_tasks_blocked()
        answered.set()
    assert sorted(statuses) == [200] * (KEY_REQUESTS_MAX + 1) + [503]
    await ask("key:wild")
    assert statuses[-1] == 200, "what was answered holds no place"


async def test_a_handler_gets_parameters_that_are_read(console: Console):
    async def handler(request: Request) -> Response:
        return Response(repr(parameters_of(request)))

    operation = Operation(
        name="x", method="GET", path="/x", permission=None, handler=handler, tag="x", summary="",
        answers={200: None}, parameters=(Parameter("n", int, ""),),
    )  # fmt: skip
    assert (await operation.door.handler(request_of(console, "n=7"))).body == b"{'n': 7}"
    assert (await operation.door.handler(request_of(console, "m=7"))).status_code == 422


async def test_changes_of_several_programs_are_named_by_their_keys(operator: httpx.AsyncClient, console: Console):
    created = await operator.post("/api/v1/resellers", json={"name": "Somebody"})
    actor = await console.database.value(
        "SELECT actor FROM audit_log WHERE entity = 'resellers' AND entity_id = $1", created.json()["id"]
    )
    assert actor == "key:key-operator-0"
