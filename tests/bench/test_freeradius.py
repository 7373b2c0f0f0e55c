"""The FreeRADIUS that is measured accepts who is in its users file, with the reply it has there, and nobody else."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import Packet

from bench.freeradius import FreeRadius, program, users_file
from bench.population import population
from bench.radius import free_port
from bench.radius_packets import ACCESS_ACCEPT, ACCESS_REJECT, SECRET, access_requests, is_proven, reply_items

PEOPLE = population(50)
CORE = min(os.sched_getaffinity(0))
CISCO_AVPAIR = (9, 1)
REPLY = [("Message-Authenticator", "0x00"), ("Cisco-AVPair", "a=1"), ("Cisco-AVPair", "b=2"), ("Class", "c")]


@pytest.fixture(params=[True, False], ids=["threads", "single"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FreeRadius]:
    if program() is None:
        pytest.skip("FreeRADIUS is not installed")
    users = users_file((account.name, REPLY) for account in PEOPLE.accounts)
    server = FreeRadius(tmp_path, free_port(socket.SOCK_DGRAM), CORE, SECRET, users, threads=request.param)
    yield server
    server.stop()


def test_a_users_file_has_a_reply_for_each_name() -> None:
    text = users_file([("a", [("Class", "x"), ("Class", "y")]), ("b", [("Class", "z")])])
    assert text == 'a Auth-Type := Accept\n\tClass += "x",\n\tClass += "y"\nb Auth-Type := Accept\n\tClass += "z"\n'


def test_it_answers_the_packets_of_the_bench(server: FreeRadius) -> None:
    host, _, port = server.address.partition(":")
    packets, hits = access_requests(PEOPLE, 40, seed=1)
    assert {True, False} == set(hits)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5.0)
        sock.connect((host, int(port)))
        for packet, hit in zip(packets, hits, strict=True):
            sock.send(packet)
            answer = sock.recv(4096)
            assert is_proven(packet, answer)
            assert answer[0] == (ACCESS_ACCEPT if hit else ACCESS_REJECT)
            told = Packet(packet=answer, secret=SECRET, dict=Dictionary())
            assert (CISCO_AVPAIR in told) == hit
            if hit:
                assert reply_items(answer) == REPLY


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    if program() is None:
        pytest.skip("FreeRADIUS is not installed")
    with pytest.raises(SystemExit, match=r"(?s)ended with .*No-Such-Thing"):
        FreeRadius(tmp_path, free_port(socket.SOCK_DGRAM), CORE, SECRET, "a No-Such-Thing := 1\n", threads=False)


def test_a_plain_user_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.freeradius.program", lambda: None)
    with pytest.raises(SystemExit, match="apt-get install freeradius"):
        FreeRadius(tmp_path, 1, CORE, SECRET, "", threads=False)
