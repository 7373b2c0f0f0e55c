"""The HTTP door of a running daemon, as switches knock on it: curl, kept connections, pipelines, and nonsense."""

import base64
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from identd.sealing import hash_secret
from tests.end_to_end.conftest import GRANTED, LIMITS, SECRET, Database
from tests.end_to_end.daemon import DaemonProcess, eventually, free_port

GW1 = {"Authorization": f"Bearer gw1:{SECRET}"}
POSTED = b"POST /v1/%s HTTP/1.1\r\nHost: identd\r\nAuthorization: Bearer gw1:" + SECRET.encode() + b"\r\n"


class Site:
    """The daemon, and where its HTTP door is."""

    def __init__(self, daemon: DaemonProcess, port: int) -> None:
        self.daemon = daemon
        self.port = port

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, op: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """One request on a connection of its own."""
        client = self.client()
        try:
            return ask(client, op, body, headers or GW1)
        finally:
            client.close()

    def raw(self, data: bytes) -> bytes:
        """Everything that is said to these bytes until the daemon closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            said = b""
            while part := sock.recv(1 << 16):
                said += part
            return said


def ask(
    client: http.client.HTTPConnection, op: str, body: dict[str, Any] | None, headers: dict[str, str] = GW1
) -> tuple[int, dict[str, Any]]:
    client.request(
        "GET" if body is None else "POST", f"/v1/{op}", json.dumps(body) if body is not None else None, headers
    )
    answer = client.getresponse()
    decoded: dict[str, Any] = json.loads(answer.read())
    return answer.status, decoded


@pytest.fixture(scope="module")
def site(postgres: Any, sample_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    database = Database(postgres, postgres.create_database("http", template=sample_template))
    database.sql(
        "INSERT INTO identd.gateways (id, name, secret_hash, addresses) VALUES ($1, $2, $3, $4::cidr[])",
        5, "gw5", hash_secret(SECRET, bytes(16)), ["198.51.100.7/32"],
    )  # fmt: skip
    port = free_port()
    daemon = DaemonProcess(
        tmp_path_factory.mktemp("h"), database.dsn, limits=LIMITS, http={"listen": f"127.0.0.1:{port}"}
    )
    try:
        yield Site(daemon.start(), port)
    finally:
        daemon.end()
        database.close()
        postgres.drop_database(database.name)
    assert not re.search("connection_broke|Traceback", daemon.log())


def test_a_call_from_its_beginning_to_its_end_on_one_connection(site: Site) -> None:
    client = site.client()
    client.connect()
    sock = client.sock
    status, granted = ask(client, "authorize", {**GRANTED, "call_id": "a", "id": 7})
    assert (status, granted["decision"], granted["account_id"], granted["dnis"]) == (200, "grant", 176, "4420712345")
    assert granted["id"] == 7
    assert ask(client, "authorize", {**GRANTED, "call_id": "a"})[1]["existing"] is True
    assert ask(client, "start", {"call_id": "a"})[1]["result"] == "started"
    touched = ask(client, "touch", {"calls": [["a", ""], ["b", ""]]})
    assert touched == (200, {"id": 0, "op": "touch", "result": "touched", "unknown": [["b", ""]]})
    assert ask(client, "status", None)[1]["calls"] == 1
    assert ask(client, "release", {"call_id": "a"})[1]["result"] == "released"
    assert ask(client, "status", None)[1]["calls"] == 0
    assert client.sock is sock, "kept alive"
    client.close()


def test_calls_of_a_switch_that_has_forgotten_them_end_by_two_syncs(site: Site) -> None:
    assert site.ask("authorize", {**GRANTED, "call_id": "forgotten"})[1]["decision"] == "grant"
    for ended in (0, 1):
        assert site.ask("sync", {"phase": "begin"})[1]["result"] == "sync_begun"
        assert site.ask("sync", {"phase": "end"})[1]["ended"] == ended
    assert site.ask("status", None)[1]["calls"] == 0


def test_refused_call_is_an_answer_with_the_code_for_the_caller(site: Site) -> None:
    status, refused = site.ask("authorize", {"ip": "203.0.113.9", "dnis": "44", "call_id": "refused"})
    assert (status, refused["decision"], refused["reason"], refused["sip_code"]) == (
        200,
        "refuse",
        "unknown_source",
        403,
    )


def test_socket_and_http_speak_of_the_same_calls(site: Site) -> None:
    assert site.ask("authorize", {**GRANTED, "call_id": "both"})[1]["decision"] == "grant"
    with site.daemon.wire("tcp") as switch:
        switch.ask("hello", version=1, gateway="gw1", secret=SECRET)
        assert switch.ask("release", call_id="both")["result"] == "released"


def test_another_gateway_cannot_end_the_call(site: Site) -> None:
    assert site.ask("authorize", {**GRANTED, "call_id": "mine"})[1]["decision"] == "grant"
    with site.daemon.wire() as by_hand:
        assert by_hand.ask("release", call_id="mine")["op"] == "error"
    assert site.ask("release", {"call_id": "mine"})[1]["result"] == "released"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer gw1:wrong", "Bearer gw1:", "Bearer nobody:" + SECRET, "Bearer " + SECRET, "Basic Og==",
        "Bearer gw2:", "Bearer gw5:" + SECRET, "",
    ],
    ids=["wrong secret", "no secret", "unknown gateway", "no gateway", "nothing", "none to have", "address", "none"],
)  # fmt: skip
def test_who_has_no_good_token_is_told_nothing_but_that(site: Site, authorization: str) -> None:
    client = site.client()
    client.request("POST", "/v1/start", '{"call_id":"a"}', {"Authorization": authorization} if authorization else {})
    answer = client.getresponse()
    error = json.loads(answer.read())
    assert (answer.status, error["code"], error["field"]) == (401, "hello_required", "authorization")
    assert (answer.getheader("Connection"), "Bearer" in str(answer.getheader("WWW-Authenticate"))) == ("close", True)
    client.close()


@pytest.mark.parametrize("path", [b"start", b"nothing"])
def test_stranger_learns_nothing_about_paths_and_bodies_and_is_shown_out(site: Site, path: bytes) -> None:
    wrong = b"POST /v1/%s HTTP/1.1\r\nHost: gw.example\r\nContent-Length: 1\r\n\r\n{" % path
    said = site.raw(wrong * 2)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert said.count(b"HTTP/1.1") == said.count(b'"hello_required"') == 1


def test_old_curl_says_the_same_as_basic(site: Site) -> None:
    basic = "Basic " + base64.b64encode(f"gw1:{SECRET}".encode()).decode()
    assert site.ask("identify", GRANTED, Authorization=basic)[0] == 200


def test_each_request_may_be_another_gateways(site: Site) -> None:
    client = site.client()
    assert ask(client, "identify", GRANTED)[0] == 200
    assert ask(client, "identify", {**GRANTED, "gateway": "gw2"})[0] == 403
    assert ask(client, "identify", GRANTED, {"Authorization": "Bearer gw1:guessed"})[0] == 401
    client.close()


def test_pipelined_requests_are_answered_in_their_order_and_the_last_one_closes(site: Site) -> None:
    body = json.dumps(GRANTED).encode()
    requests = b"".join(
        POSTED % b"identify"
        + b'Content-Length: %d\r\n\r\n{"id":%d,%s' % (len(body) + len(b'"id":%d,' % n), n, body[1:])
        for n in range(100)
    )
    said = site.raw(requests + b"GET /v1/openapi.json HTTP/1.0\r\n\r\n" + requests)
    assert re.findall(rb'\{"id":(\d+),"op":"identify","decision":"grant"', said) == [b"%d" % n for n in range(100)]
    assert said.count(b"HTTP/1.1 200 OK") == 101
    assert said.rstrip().endswith(b"}")


def test_costly_request_lets_others_go_first_and_what_was_asked_behind_it_is_still_answered(site: Site) -> None:
    body = json.dumps({**GRANTED, "explain": True}).encode()
    explain = POSTED % b"identify" + b"Content-Length: %d\r\n" % len(body)
    said = site.raw((explain + b"\r\n" + body) * 3 + explain + b"Connection: close\r\n\r\n" + body)
    assert said.count(b'"verdict":"won"') == 4
    assert said.count(b"Connection: close") == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00", 400),
        (b'{"op":"ping","id":1}\n', 400),
        (POSTED % b"start" + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POSTED % b"start" + b"Content-Length: 70000\r\n\r\n", 413),
        (POSTED % b"start" + b"\r\n", 411),
        (POSTED % b"start" + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431),
        ((POSTED % b"start").replace(b"HTTP/1.1", b"RTSP/1.0") + b"Content-Length: 0\r\n\r\n", 505),
        (POSTED % b"start" + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_told_and_closed(site: Site, data: bytes, status: int) -> None:
    said = site.raw(data)
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in said
    assert site.daemon.status()["calls"] == 0


def test_request_that_never_ends_is_not_waited_for(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as sock:
        sock.sendall(POSTED % b"identify" + b"Content-Length: 100\r\n\r\n{")
        assert sock.recv(100) == b"", "closed after partial_frame_seconds_max"


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_asks_as_people_type_it(site: Site) -> None:
    body = json.dumps(
        {"calls": [[f"{n:01000}"[:250], ""] for n in range(200)]}
    )  # long enough for Expect: 100-continue
    curl = ["curl", "-s", "--max-time", "5", "-H", f"Authorization: Bearer gw1:{SECRET}", "-d", "@-"]
    done = subprocess.run(
        [*curl, "-H", "Expect: 100-continue", f"http://127.0.0.1:{site.port}/v1/touch"],
        input=body, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(json.loads(done.stdout)["unknown"]) == 200


def test_nobody_is_judged_before_there_is_data_and_a_plain_client_goes_on(
    start_daemon: Callable[..., DaemonProcess],
) -> None:
    port = free_port()
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    daemon = start_daemon(nowhere, wait_for="database_away", http={"listen": f"127.0.0.1:{port}"})
    site = Site(daemon, port)
    client = site.client()
    client.request("POST", "/v1/authorize", json.dumps({**GRANTED, "call_id": "a"}), GW1)
    answer = client.getresponse()
    assert (answer.status, answer.getheader("Retry-After")) == (503, "1")
    assert json.loads(answer.read())["reason"] == "not_ready"
    assert ask(client, "release", {"call_id": "a"})[0] == 503
    client.close()


def test_connections_of_this_door_are_counted_as_its_own(site: Site) -> None:
    client = site.client()
    ask(client, "status", None)
    eventually(lambda: 'transport="http"' in site.daemon.page("/metrics")[1], "the door's connections")
    client.close()


SCHEMATHESIS_SECONDS_MAX = 60
EXCLUDED = ("positive_data_acceptance",)
"""An address that is none, and text that is longer in bytes than in characters: no schema can say so."""

CONFIGURATION = """
[checks.missing_required_header]
expected-statuses = [400, 401]

[phases.coverage]
unexpected-methods = ["PUT", "TRACE"]

# its keys are those of authorize, which are tried one by one there
[[operations]]
include-path = "/v1/identify"
phases.coverage.enabled = false
"""


def test_every_operation_keeps_what_the_document_promises(site: Site, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"), "--config-file", tmp_path / "schemathesis.toml",
            "run", f"http://127.0.0.1:{site.port}/v1/openapi.json",
            "--header", f"Authorization: Bearer gw1:{SECRET}",
            "--checks", "all", "--exclude-checks", ",".join(EXCLUDED),
            "--phases", "coverage,fuzzing", "--max-examples", "2", "--seed", "20260131",
            "--generation-deterministic", "--continue-on-failure", "--suppress-health-check", "all", "--no-shrink",
            "--no-color", "--warnings", "off",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=SCHEMATHESIS_SECONDS_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
