"""Daemon and client as separate processes, over both transports and both encodings: the whole life of a call."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from protocol.client_trio import Client
from protocol.errors import RequestRefused
from protocol.framing import Encoding
from protocol.messages import Authorize, CallAnswer, DecisionAnswer, HelloAnswer, Identify, Release
from tests.end_to_end.conftest import GRANTED, SECRET
from tests.end_to_end.daemon import IDENTD, DaemonProcess

ROOT = Path(__file__).parents[2]
WAYS = [("unix", "json"), ("unix", "msgpack"), ("tcp", "json"), ("tcp", "msgpack")]


@pytest.mark.rule("P0.2", "P0.3", "P0.4", "P0.5", "P0.7", "P0.8", "P0.11", "P1.1", "P2.12", "P2.15", "M6.14", "M6.16")
@pytest.mark.parametrize(("transport", "encoding"), WAYS)
def test_a_call_lives_from_hello_to_release(daemon: DaemonProcess, transport: str, encoding: Encoding) -> None:
    with daemon.wire(transport, encoding) as switch:
        call = f"one {transport} {encoding}"  # a name of its own: a late retry of an ended call is refused
        hello = switch.ask("hello", version=1, gateway="gw1", secret=SECRET)
        assert hello["op"] == "hello"
        assert (hello["gateway"], hello["ready"], hello["reserve_seconds"]) == ("gw1", True, 120)
        assert hello["server"].startswith("identd ")
        found = switch.ask("identify", **GRANTED)
        assert (found["decision"], found["account_id"], found["dnis"]) == ("grant", 176, "4420712345")
        assert "lease_seconds" not in found
        granted = switch.ask("authorize", call_id=call, **GRANTED)
        assert (granted["decision"], granted["calls"], granted["capacity"]) == ("grant", 1, 5)
        assert granted["lease_seconds"] == 120
        again = switch.ask("authorize", call_id=call, **GRANTED)
        assert (again["existing"], again["account_id"]) == (True, 176)
        assert switch.ask("status")["calls"] == 1
        assert switch.ask("start", call_id=call)["result"] == "started"
        (up,) = switch.ask("calls")["calls"]
        assert (up["call_id"], up["state"], up["account_id"], up["gateway"]) == (call, "active", 176, "gw1")
        touched = switch.ask("touch", calls=[[call, ""], ["none", "b"]])
        assert (touched["result"], touched["unknown"]) == ("touched", [["none", "b"]])
        assert switch.ask("sync", phase="begin")["result"] == "sync_begun"
        assert switch.ask("sync", phase="chunk", calls=[[call, "", 176, "orig"]])["result"] == "sync_noted"
        synced = switch.ask("sync", phase="end")
        assert (synced["result"], synced["ended"], synced["adopted"]) == ("synced", 0, 0)
        released = switch.ask("release", call_id=call, cause="16")
        assert (released["result"], released["calls"]) == ("released", 0)
        assert switch.ask("release", call_id=call)["result"] == "already_released"
        assert switch.ask("ping")["op"] == "pong"


@pytest.mark.rule("P0.6")
def test_a_line_from_a_shell_pipe_is_answered_and_the_end_of_input_ends_the_connection(
    daemon: DaemonProcess,
) -> None:
    with daemon.wire() as shell:
        shell.send(b'{"op":"identify","id":1,"ip":"192.0.2.10","dnis":"1234#4420712345"}\n')
        shell.sock.shutdown(1)
        answer = shell.answer()
        assert (answer["decision"], answer["account"], answer["client"]) == ("grant", "rose_orig", "Rose")
        assert shell.is_closed()


@pytest.mark.rule("P0.10", "P0.11")
@pytest.mark.parametrize(("transport", "encoding"), WAYS)
def test_pipelined_requests_are_answered_in_their_order_with_their_ids(
    daemon: DaemonProcess, transport: str, encoding: Encoding
) -> None:
    with daemon.wire(transport, encoding) as switch:
        switch.ask("hello", version=1, gateway="gw2")
        ids = [2**64 - 1, *range(300, 0, -1)]
        sender = b"".join(switch.frame({"op": "identify", "id": one, **GRANTED}) for one in ids)
        switch.send(sender)
        assert [switch.answer()["id"] for _ in ids] == ids


CLIENT = """
import sys
from protocol.client_blocking import BlockingClient
from protocol.messages import Authorize, Release
address = sys.argv[1] if len(sys.argv) == 4 else (sys.argv[1], int(sys.argv[4]))
with BlockingClient(address, gateway="gw1", secret=sys.argv[3], encoding=sys.argv[2]) as client:
    for number in range(200):
        granted, released = client.call_many([
            Authorize(id=client.next_id(), ip="192.0.2.10", dnis="1234#44", call_id=f"{sys.argv[1:]} {number}"),
            Release(id=client.next_id(), call_id=f"{sys.argv[1:]} {number}")])
        assert granted.decision == "grant", granted
        assert released.result == "released", released
print("done")
"""


@pytest.mark.rule("M6.6", "M6.9")
@pytest.mark.parametrize(("transport", "encoding"), WAYS)
def test_a_client_in_another_process_takes_and_gives_back_200_slots(
    daemon: DaemonProcess, transport: str, encoding: Encoding
) -> None:
    where = [daemon.unix] if transport == "unix" else ["127.0.0.1"]
    port = [] if transport == "unix" else [str(daemon.port)]
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, *where, encoding, SECRET, *port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


async def test_many_tasks_share_one_trio_client(daemon: DaemonProcess) -> None:
    decisions: list[str] = []
    async with Client(daemon.tcp, gateway="gw1", secret=SECRET) as client, trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(_one_call, client, f"t{number}", decisions)
    assert decisions == ["grant"] * 5


async def _one_call(client: Client, call_id: str, decisions: list[str]) -> None:
    granted = await client.call(Authorize(id=client.next_id(), call_id=call_id, ip="192.0.2.10", dnis="1234#44"))
    assert isinstance(granted, DecisionAnswer)
    decisions.append(granted.decision)
    released = await client.call(Release(id=client.next_id(), call_id=call_id))
    assert isinstance(released, CallAnswer)


def test_the_blocking_client_learns_what_the_daemon_says_of_itself(daemon: DaemonProcess) -> None:
    with daemon.client("tcp", gateway="gw1", secret=SECRET) as client:
        client.connect()
        assert isinstance(client.hello, HelloAnswer)
        assert client.hello.reserve_seconds == 120
        answer = client.call(Identify(id=client.next_id(), ip="10.1.2.3", dnis="44"))
        assert isinstance(answer, DecisionAnswer)
        assert answer.account_id == 178
    with daemon.client("tcp", gateway="gw1", secret="wrong") as client, pytest.raises(RequestRefused) as refused:
        client.connect()
    assert refused.value.code == "forbidden"


def test_the_program_asks_a_running_daemon(daemon: DaemonProcess) -> None:
    def identd(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(IDENTD), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={**os.environ, "IDENTD_GATEWAY_SECRET": SECRET},
        )

    over_tcp = ("--tcp", f"127.0.0.1:{daemon.port}", "--gateway", "gw1")
    granted = identd("identify", *over_tcp, "--ip", "192.0.2.10", "--dnis", "1234#44", "--json")
    assert (granted.returncode, granted.stderr) == (0, "")
    assert json.loads(granted.stdout)["account_id"] == 176
    refused = identd("identify", "--socket", daemon.unix, "--ip", "203.0.113.9", "--dnis", "44")
    assert refused.returncode == 1
    assert "unknown_source" in refused.stdout
