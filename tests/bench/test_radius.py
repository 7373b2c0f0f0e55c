"""The bench asks both servers the same, gives back what it takes, and stops at the first answer that is not one."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.freeradius import program
from bench.population import population
from bench.radius import Target, measure, play, report
from bench.radius_packets import access_requests
from bench.running import compiled, database_with

PEOPLE = population(300)
CORES = len(os.sched_getaffinity(0))
two_cores = pytest.mark.skipif(CORES < 2, reason="the server and the load need a core each")


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """A socket on which a test answers for itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10.0)
        yield sock


def target_of(peer: socket.socket, what: str) -> Target:
    return Target(what, f"127.0.0.1:{peer.getsockname()[1]}", "127.0.0.1", os.getpid())


@two_cores
def test_a_small_run_measures_both_on_the_same_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    if program() is None:
        pytest.skip("FreeRADIUS is not installed")
    monkeypatch.setattr("bench.radius.PACKETS", {8: 400})
    monkeypatch.setattr("bench.radius.WARM_UP", 100)
    with database_with(PEOPLE) as dsn:
        figures = measure(PEOPLE, dsn, 1, [8])
    echo, free, single, least, identify, authorize, stop = figures["runs"]
    assert echo["lost"] == 0
    answered = {(run["accepted"], run["rejected"]) for run in (free, single, least, identify, authorize)}
    assert len(answered) == 1
    assert 350 < free["accepted"] < 400
    assert free["accepted"] + free["rejected"] == stop["accounted"] == 400
    assert free["answer_bytes"] == pytest.approx(authorize["answer_bytes"], rel=0.05)
    assert report(figures).count("1x8") == 7


@two_cores
def test_an_answer_without_the_secret_ends_the_bench(peer: socket.socket, tmp_path: Path) -> None:
    def answer() -> None:
        packet, client = peer.recvfrom(4096)
        peer.sendto(b"\x02" + packet[1:2] + b"\0\x14" + bytes(16), client)

    answering = threading.Thread(target=answer)
    answering.start()
    packets, hits = access_requests(PEOPLE, 1, seed=1)
    with pytest.raises(SystemExit, match="freeradius gave 1 answers without the secret"):
        play(compiled("radius_load", tmp_path), tmp_path, target_of(peer, "freeradius"), 1, packets, hits)
    answering.join()


@two_cores
def test_what_is_not_answered_is_lost_and_not_asked_again(peer: socket.socket, tmp_path: Path) -> None:
    packets, hits = access_requests(PEOPLE, 3, seed=1)
    run = play(compiled("radius_load", tmp_path), tmp_path, target_of(peer, "identd"), 3, packets, hits)
    assert (run["lost"], run["missing"], run["per_second"]) == (3, 3, 0)
    assert [peer.recv(4096) for _ in packets] == packets


@two_cores
def test_an_identifier_in_flight_is_not_given_to_another_packet(peer: socket.socket, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer_all_but_the_first() -> None:
        while len(seen) < 300:
            packet, client = peer.recvfrom(4096)
            seen.append(packet)
            if len(seen) > 1:
                peer.sendto(packet, client)

    answering = threading.Thread(target=answer_all_but_the_first)
    answering.start()
    packets, hits = access_requests(PEOPLE, 300, seed=1)
    run = play(compiled("radius_load", tmp_path), tmp_path, target_of(peer, "echo"), 64, packets, hits)
    answering.join()
    assert seen == packets
    assert (run["lost"], run["strays"], run["packets"]) == (1, 0, 300)
    assert run["seconds"] > 1.0  # packet 256 had to wait until packet 0 was given up


@two_cores
def test_a_load_that_nobody_hears_fails_in_words(peer: socket.socket, tmp_path: Path) -> None:
    target = target_of(peer, "identd")
    peer.close()
    packets, hits = access_requests(PEOPLE, 3, seed=1)
    with pytest.raises(SystemExit, match="the load failed"):
        play(compiled("radius_load", tmp_path), tmp_path, target, 1, packets, hits)
