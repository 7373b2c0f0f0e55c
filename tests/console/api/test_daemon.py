"""With a daemon that runs: a change through the API decides the next call; calls are listed and ended."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trio

from console.context import Console
from console.daemon import Daemon
from console.database import Database
from identd.settings import ConsoleSection, Settings, Socket
from protocol.client_trio import Client
from tests.console.api.conftest import NEW_ACCOUNT, version
from tests.console.conftest import Browser
from tests.end_to_end.daemon import DaemonProcess

CALLS = "/api/v1/calls"
WHOSE = "/api/v1/whose"


@pytest.fixture
def daemon(database: str, tmp_path: Path) -> Iterator[DaemonProcess]:
    """A daemon on the test's database."""
    process = DaemonProcess(tmp_path / "d", database)
    process.start()
    yield process
    process.end()


@pytest.fixture
def console_settings(daemon: DaemonProcess) -> Settings:
    """The console asks that one."""
    return Settings(socket=Socket(unix=daemon.unix, tcp=""), console=ConsoleSection())


async def test_the_next_call_is_judged_by_a_change_that_was_answered(
    operator: httpx.AsyncClient, daemon: DaemonProcess
):
    call = {"ip": "192.0.2.1", "dnis": "4420", "call_id": "a"}
    assert daemon.ask("authorize", **call)["decision"] == "refuse"
    created = await operator.post("/api/v1/accounts", json=NEW_ACCOUNT)
    assert created.headers["identd-in-force"] == "true"
    granted = daemon.ask("authorize", **{**call, "call_id": "b"})
    assert (granted["decision"], granted["account_id"]) == ("grant", created.json()["id"])
    where = created.headers["location"]
    blocked = await operator.patch(where, json={"status": "blocked"}, headers=await version(operator, where))
    assert blocked.headers["identd-in-force"] == "true"
    assert daemon.ask("authorize", **{**call, "call_id": "c"})["reason"] == "account_blocked"
    gone = await operator.delete(where, headers=await version(operator, where))
    assert gone.headers["identd-in-force"] == "true"
    assert daemon.ask("authorize", **{**call, "call_id": "d"})["reason"] == "unknown_source"


async def test_live_calls_are_listed_and_ended_by_hand_once(
    operator: httpx.AsyncClient, daemon: DaemonProcess, stocked: Database, console: Console
):
    assert await console.daemon.in_force(await _written(stocked))
    for call_id in ("one", "two"):
        assert daemon.ask("authorize", ip="11.11.20.33", dnis="44", call_id=call_id, gateway="GW Calls")
    listing = (await operator.get(CALLS, params={"account_id": "176"})).json()
    assert [(call["call_id"], call["gateway"]) for call in listing["items"]] == [
        ("one", "GW Calls"),
        ("two", "GW Calls"),
    ]
    assert (await operator.get(CALLS, params={"account_id": "177"})).json() == {"items": [], "omitted": 0}
    assert (await operator.get(CALLS, params={"limit": "1"})).json()["omitted"] == 1
    wanted = {"call_id": "one", "gateway": "GW Calls"}
    key = {"idempotency-key": "end-one"}
    ended = await operator.post(f"{CALLS}/end", json=wanted, headers=key)
    assert (ended.status_code, ended.json()["result"], ended.json()["calls"]) == (200, "released", 1)
    assert (await operator.post(f"{CALLS}/end", json=wanted, headers=key)).json()["result"] == "released", "replayed"
    assert (await operator.post(f"{CALLS}/end", json=wanted)).json()["result"] == "already_released"
    assert (await operator.post(f"{CALLS}/end", json={"call_id": "nobody"})).json()["result"] == "unknown"
    entries = await stocked.fetch("SELECT actor, entity_id, after FROM audit_log WHERE action = 'release'")
    assert [(entry["actor"], entry["entity_id"]) for entry in entries] == [("key:key-operator-0", 176)]


async def test_whose_call_it_is_is_told_with_why_the_others_lost(
    operator: httpx.AsyncClient, daemon: DaemonProcess, stocked: Database, console: Console
):
    assert await console.daemon.in_force(await _written(stocked))
    answer = await operator.post(WHOSE, json={"ip": "11.11.20.33", "dnis": "44", "gateway": "GW Calls"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["decision"], told["account"], told["explain"][0]["verdict"]) == ("grant", "rose_orig", "won")
    assert "id" not in told
    nobody = await operator.post(WHOSE, json={"name": "nobody", "dnis": "44"})
    assert nobody.json()["reason"] == "unknown_source"


async def test_a_password_is_tried_only_by_keys_that_may_see_it_and_that_is_noted(
    operator: httpx.AsyncClient, daemon: DaemonProcess, stocked: Database, key_of: Browser
):
    tried = {"ip": "11.11.20.33", "dnis": "44", "gateway": "GW Calls", "password": "hunter2-in-clear"}
    refused = await (await key_of("viewer")).post(WHOSE, json=tried)
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert (await operator.post(WHOSE, json=tried)).status_code == 200
    ((actor, after),) = await stocked.fetch("SELECT actor, after::text FROM audit_log WHERE action = 'ask'")
    assert actor == "key:key-operator-0"
    assert "hunter2" not in after


async def test_the_daemon_hears_no_bad_question(operator: httpx.AsyncClient, daemon: DaemonProcess):
    for wrong, field in (
        ({}, "ip"), ({"ip": "192.0.2.300"}, "ip"), ({"name": "ä" * 200}, "name"),
        ({"ip": "::1", "port": 65536}, "port"),
        ({"ip": "::1", "direction": "out"}, "direction"), ({"ip": "::1", "digest": {}}, "digest"),
    ):  # fmt: skip
        answer = await operator.post(WHOSE, json=wrong)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"].keys() == {field}
    assert "bad_request" not in daemon.log()
    assert (await operator.get("/api/v1/status")).json()["ready"] is True


async def test_an_ending_is_noted_with_its_account_also_where_the_call_is_not_among_the_oldest(
    operator: httpx.AsyncClient, daemon: DaemonProcess, stocked: Database, console: Console
):
    assert await console.daemon.in_force(await _written(stocked))

    def many() -> None:
        with daemon.wire() as wire:
            for number in range(502):
                wire.ask("authorize", ip="11.11.20.33", dnis="44", call_id=f"c{number}", gateway="GW Calls")

    await trio.to_thread.run_sync(many)
    ended = await operator.post(f"{CALLS}/end", json={"call_id": "c501", "gateway": "GW Calls"})
    assert (ended.json()["result"], ended.json()["call"]["account_id"]) == ("released", 176)
    entry = await stocked.row("SELECT entity_id, before, after FROM audit_log WHERE action = 'release'")
    assert entry is not None
    before, after = json.loads(entry["before"]), json.loads(entry["after"])
    assert (entry["entity_id"], before["call_id"], before["client_id"], before["gateway"]) == (
        176,
        "c501",
        1,
        "GW Calls",
    )
    assert after == {"result": "released", "calls": 501, "seconds": 0.0}


async def test_which_of_several_calls_is_meant_is_asked_back(
    operator: httpx.AsyncClient, daemon: DaemonProcess, stocked: Database, console: Console
):
    async with stocked.transaction("test") as tx:
        await tx.execute("DELETE FROM account_gateways")
    assert await console.daemon.in_force(tx.xid)
    for gateway in ("GW Calls", "GW unused"):
        assert (
            daemon.ask("authorize", ip="11.11.20.33", dnis="44", call_id="a", gateway=gateway)["decision"] == "grant"
        )
    async with stocked.transaction("test") as tx:
        await tx.execute("DELETE FROM gateways")
    assert await console.daemon.in_force(tx.xid)
    for number in range(4):  # the daemon closes a connection that sends three bad requests
        answer = await operator.post(f"{CALLS}/end", json={"call_id": "a"})
        assert (answer.status_code, answer.json()["errors"].keys()) == (422, {"gateway"}), number
    assert daemon.status()["calls"] == 2
    assert await stocked.value("SELECT count(*) FROM audit_log WHERE action = 'release'") == 0


class HangingUp:
    """Between the console and the daemon: passes on what is said, and hangs up where a call is to be ended."""

    def __init__(self, path: str, daemon: DaemonProcess) -> None:
        self.path = path
        self.daemon = daemon

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with trio.socket.socket(socket.AF_UNIX) as listening:
            await listening.bind(self.path)
            listening.listen()
            await trio.serve_listeners(self._pass_on, [trio.SocketListener(listening)], task_status=task_status)

    async def _pass_on(self, console: trio.SocketStream) -> None:
        daemon = await trio.open_unix_socket(self.daemon.unix)
        async with console, daemon, trio.open_nursery() as nursery:

            async def answers() -> None:
                async for data in daemon:
                    await console.send_all(data)

            nursery.start_soon(answers)
            async for data in console:
                if re.search(rb"\bend\b|\xa3end", data):
                    break
                await daemon.send_all(data)
            nursery.cancel_scope.cancel()


async def test_an_ending_that_nobody_answers_is_noted_and_may_be_tried_again(
    operator: httpx.AsyncClient, daemon: DaemonProcess, stocked: Database, console: Console, tmp_path: Path
):
    path = str(tmp_path / "between.sock")
    async with trio.open_nursery() as nursery, Client(path, connect_seconds=0.05) as client:
        await nursery.start(HangingUp(path, daemon).serve)
        console.daemon = Daemon(client)
        assert (await operator.get(CALLS)).status_code == 200
        answer = await operator.post(f"{CALLS}/end", json={"call_id": "x"}, headers={"idempotency-key": "k"})
        nursery.cancel_scope.cancel()
    assert (answer.status_code, answer.json()["error"]) == (503, "daemon_away")
    assert await stocked.value("SELECT after ->> 'result' FROM audit_log WHERE action = 'release'") == "no_answer"
    assert await stocked.value("SELECT count(*) FROM api_requests") == 0


async def _written(database: Database) -> int:
    """A transaction after all that were before."""
    async with database.transaction("test") as tx:
        await tx.execute("UPDATE rate_tables SET name = name || '!' WHERE id = 3")
    assert tx.xid is not None
    return tx.xid
