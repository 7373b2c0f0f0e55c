"""The frames are those that a switch would send, and the figures are of answered calls."""

import os
import struct

import pytest

from bench.authorize import authorize_frames, measure, report
from bench.population import attempts, population
from bench.running import database_with
from matcher.address import address_text
from protocol.connection import ServerConnection
from protocol.messages import Authorize

PEOPLE = population(300)


def test_load_finds_the_id_and_the_call_number_where_the_head_says() -> None:
    for prepared, (_, attempt, _) in zip(authorize_frames(PEOPLE, 50), attempts(PEOPLE, 50), strict=True):
        length, id_at, number_at = struct.unpack(">IHH", prepared[:8])
        written = bytearray(prepared[8:])
        assert length == len(written)
        written[id_at : id_at + 8] = struct.pack(">Q", 7)
        written[number_at : number_at + 12] = b"000000000042"
        (message,) = ServerConnection().receive_data(bytes(written), 0.0)
        assert isinstance(message, Authorize)
        assert (message.id, message.call_id) == (7, "000000000042@switch.example")
        assert (message.dnis, message.name, message.ani) == (attempt.dnis, attempt.name, attempt.ani)
        assert attempt.address is not None
        assert message.ip == address_text(attempt.address)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the daemon and the load need a core each")
def test_a_small_run_measures_calls_that_were_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.authorize.REQUESTS", {(2, 4): 600})
    with database_with(PEOPLE) as dsn:
        figures = measure(PEOPLE, dsn, 1, [(2, 4)])
    echo, authorize, release = figures["runs"]
    assert (echo["what"], authorize["what"], release["what"]) == ("echo", "authorize", "release")
    assert authorize["granted"] > 0.9 * 600
    assert authorize["errors"] == release["errors"] == 0
    assert authorize["cpu_us"] >= 0
    assert report(figures).count("2x4") == 3
