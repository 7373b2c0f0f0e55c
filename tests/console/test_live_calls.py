"""An ending that nobody confirms, and keys that the daemon never hears: what pages and API have in common."""

import json
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest
import trio

from console.context import Console
from console.daemon import Daemon
from console.database import Database
from console.errors import DaemonAwayError, FieldErrors
from console.live_calls import CallKey, end_call
from protocol import messages as m
from protocol.client_trio import Client

CALL = m.LiveCall(
    call_id="a", leg="", direction="orig", state="active", account_id=176, client_id=12, age_seconds=61.5,
    lease_seconds_left=14000.0, gateway="gw1",
)  # fmt: skip
KEY = CallKey(call_id="a", gateway="gw1")


@pytest.fixture
async def silent(console: Console) -> AsyncIterator[list[m.LiveCall]]:
    """Whoever is at the daemon's socket lists these calls, and hangs up where one is to be ended."""
    up: list[m.LiveCall] = []

    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            async for data in stream:
                asked = msgspec.msgpack.decode(data[4:])
                if asked["op"] != "calls":
                    return
                told = msgspec.msgpack.encode(m.CallsAnswer(id=asked["id"], op="calls", calls=tuple(up)))
                await stream.send_all(len(told).to_bytes(4, "big") + told)

    path = console.settings.socket.unix
    with trio.socket.socket(socket.AF_UNIX) as listening:
        await listening.bind(path)
        listening.listen()
        async with trio.open_nursery() as nursery, Client(path, connect_seconds=0.5) as client:
            nursery.start_soon(trio.serve_listeners, answer, [trio.SocketListener(listening)])
            console.daemon = Daemon(client)
            yield up
            nursery.cancel_scope.cancel()


async def ended(console: Console, key: CallKey, account_id: int | None = None) -> str:
    async with console.database.transaction("anna") as tx:
        return (await end_call(console.daemon, tx, key, account_id)).result


@pytest.mark.parametrize(("listed", "account_id"), [((CALL,), 176), ((), None)])
async def test_an_ending_that_the_daemon_does_not_confirm_is_noted_with_what_was_seen_of_the_call(
    console: Console,
    store: Database,
    silent: list[m.LiveCall],
    listed: tuple[m.LiveCall, ...],
    account_id: int | None,
):
    silent += listed
    assert await ended(console, KEY, 176) == "no_answer"
    row = await store.row("SELECT actor, entity, entity_id, before, after FROM audit_log WHERE action = 'release'")
    assert row is not None
    assert (row["actor"], row["entity"], row["entity_id"]) == ("anna", "calls", account_id)
    assert json.loads(row["after"]) == {"result": "no_answer"}
    before = json.loads(row["before"])
    assert (before["call_id"], before["gateway"], before.get("client_id")) == ("a", "gw1", 12 if listed else None)


async def test_nothing_is_noted_where_the_daemon_was_away_before_it_was_asked(console: Console, store: Database):
    with pytest.raises(DaemonAwayError):
        await ended(console, KEY)
    assert await store.value("SELECT count(*) FROM audit_log WHERE action = 'release'") == 0


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (CallKey(call_id=""), "call_id"),
        (CallKey(call_id="ä" * 128), "call_id"),
        (CallKey(call_id="a", leg="ä" * 128), "leg"),
        (CallKey(call_id="a", gateway="ä" * 128), "gateway"),
    ],
)
async def test_a_key_that_is_none_is_told_at_its_field(console: Console, key: CallKey, field: str):
    with pytest.raises(FieldErrors) as refused:
        await ended(console, key)
    assert list(refused.value.errors) == [field]
