"""The RADIUS door of a running daemon over real UDP: pyrad's packets, FreeRADIUS's own client, kills and reloads."""

import random
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from identd.radius.door import Which
from tests.end_to_end.conftest import LIMITS, Database
from tests.end_to_end.daemon import DaemonProcess, eventually, free_port
from tests.identd.radius.building import SECRET, Said, Switch

START, STOP, ACCOUNTING_ON = 1, 2, 7
ANSWER_SECONDS, SILENCE_SECONDS = 5.0, 0.1


class Site:
    """The daemon and its two ports. `receive` is what a `Switch` speaks to: a datagram out, and one back."""

    def __init__(self, daemon: DaemonProcess, ports: dict[Which, int]) -> None:
        self.daemon = daemon
        self.ports = ports
        self.patience_seconds = ANSWER_SECONDS

    def receive(self, datagram: bytes, source: bytes, _port: int, which: Which, _now: float) -> bytes | None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((socket.inet_ntoa(source), 0))
            sock.connect(("127.0.0.1", self.ports[which]))
            sock.settimeout(self.patience_seconds)
            sock.send(datagram)
            try:
                return sock.recv(5000)
            except TimeoutError:
                return None

    def switch(self, source: str = "127.0.0.1", **more: Any) -> Switch:
        made = Switch(self, source, **more)  # type: ignore[arg-type]  # it has the one method that is called
        made.identifier = random.randrange(256)
        return made

    def dropped(self, reason: str) -> float:
        return self.daemon.metric(f'identd_radius_dropped_total{{reason="{reason}"}}')


@pytest.fixture(scope="module")
def site(postgres: Any, sample_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    database = Database(postgres, postgres.create_database("radius", template=sample_template))
    ports: dict[Which, int] = {"auth": free_port(), "accounting": free_port()}
    listens = {f"{which}_listen": f"127.0.0.1:{port}" for which, port in ports.items()}
    clients = {"network": "127.0.0.1", "gateway": "gw1", "secret": SECRET.decode()}
    sections = {"radius": listens, "[radius.clients]": clients}
    daemon = DaemonProcess(tmp_path_factory.mktemp("r"), database.dsn, limits=LIMITS, **sections)
    try:
        yield Site(daemon.start(), ports)
    finally:
        daemon.end()
        database.close()
        postgres.drop_database(database.name)
    assert not re.search("broke|Traceback", daemon.log())


def rose(switch: Switch, call_id: str) -> Said:
    said = switch.call(call_id, ip="192.0.2.10", dnis="1234#4420712345")
    assert said is not None, "silence"
    return said


def calls(site: Site) -> int:
    up: int = site.daemon.status()["calls"]
    return up


def test_a_call_from_access_request_to_stop_is_seen_on_the_socket(site: Site) -> None:
    switch = site.switch()
    granted = rose(switch, "a")
    assert (granted.code, granted.texts["identd-account-id"]) == ("accept", "176")
    assert granted.texts["identd-dnis"] == "4420712345"
    assert switch.account(START, "a") is not None
    (call,) = site.daemon.ask("calls", gateway="gw1")["calls"]
    assert (call["call_id"], call["state"]) == ("a", "active")
    assert switch.account(STOP, "a") is not None
    assert calls(site) == 0
    refused = switch.call("b", ip="203.0.113.9")
    assert refused is not None
    assert (refused.code, refused.texts["identd-sip-code"]) == ("reject", "403")


def test_a_killed_daemon_knows_its_calls_again_and_which_a_switch_has_forgotten(site: Site) -> None:
    switch = site.switch()
    rose(switch, "old")
    assert switch.account(START, "old") is not None
    assert switch.account(ACCOUNTING_ON, "boot") is not None
    granted = rose(switch, "new")
    site.daemon.kill()
    site.daemon.start()
    assert [call["call_id"] for call in site.daemon.ask("calls", gateway="gw1")["calls"]] == ["new"]
    assert rose(switch, "new").texts == granted.texts
    assert calls(site) == 1
    assert switch.account(STOP, "new") is not None
    assert calls(site) == 0


def test_strangers_and_nonsense_hear_nothing_and_cost_nobody_an_answer(site: Site) -> None:
    site.patience_seconds = SILENCE_SECONDS
    chance = random.Random(1812)
    unknown, wrong = site.dropped("unknown_client"), site.dropped("wrong_signature")
    assert site.switch("127.0.0.2").call() is None
    assert site.switch(secret=b"another").call() is None
    assert (site.dropped("unknown_client"), site.dropped("wrong_signature")) == (unknown + 1, wrong + 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for size in (0, 1, 19, 20, 300, 4096, 4097, 9000):
            for port in site.ports.values():
                sock.sendto(chance.randbytes(size), ("127.0.0.1", port))
        sock.settimeout(SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            sock.recv(5000)
    site.patience_seconds = ANSWER_SECONDS
    assert rose(site.switch(), "c").code == "accept"
    site.switch().account(STOP, "c")


def test_the_same_packet_twice_is_answered_twice_and_takes_one_slot(site: Site) -> None:
    switch = site.switch()
    words = {"Acct-Session-Id": "d", "Called-Station-Id": "1234#44", "Framed-IP-Address": bytes((192, 0, 2, 10))}
    raw = switch.packet(1, words).RequestPacket()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        sock.connect(("127.0.0.1", site.ports["auth"]))
        said = []
        for _ in range(2):
            sock.send(raw)
            said.append(sock.recv(5000))
    assert said[0] == said[1]
    assert calls(site) == 1
    switch.account(STOP, "d")


@pytest.mark.skipif(shutil.which("radclient") is None, reason="freeradius-utils is not installed")
def test_freeradius_own_client_believes_our_answers(site: Site) -> None:
    words = 'Acct-Session-Id = "e", Framed-IP-Address = 192.0.2.10, Called-Station-Id = "1234#44", '
    asked = {
        ("auth", "auth"): (words + "Message-Authenticator = 0x00", "Access-Accept"),
        ("acct", "accounting"): (words + "Acct-Status-Type = Stop", "Accounting-Response"),
        ("status", "auth"): ("Message-Authenticator = 0x00", "Access-Accept"),
    }
    for (command, which), (packet, answer) in asked.items():
        place = f"127.0.0.1:{site.ports[which]}"  # type: ignore[index]  # they are of Which
        ran = subprocess.run(
            ["radclient", "-x", "-r", "1", "-t", "5", place, command, SECRET.decode()],
            input=packet,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert f"Received {answer}" in ran.stdout, ran.stdout + ran.stderr
    assert calls(site) == 0


def test_a_reload_takes_another_secret_and_another_table(site: Site) -> None:
    site.daemon.sections["[radius.clients]"] |= {"secret": "changed", "preset": "kamailio"}
    site.daemon.write_configuration()
    reloads = site.daemon.log().count(" configuration_reloaded")
    site.daemon.signal(signal.SIGHUP)
    eventually(lambda: site.daemon.log().count(" configuration_reloaded") > reloads, "the reload")
    switch = site.switch(secret=b"changed")
    words = {"acct_session_id": "f", "called_station_id": "1234#44", "sip_avp": "source:192.0.2.10"}
    said = switch.access(**words)
    assert said is not None
    assert (said.code, said.texts["identd_account"]) == ("accept", "rose_orig")
    site.patience_seconds = SILENCE_SECONDS
    assert site.switch().call() is None, "the old secret"
    assert switch.account(STOP, "f") is not None
