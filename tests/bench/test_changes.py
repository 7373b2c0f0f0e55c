"""A small run of it all: one change turns answers, one transaction is one step, and calls are answered throughout."""

import os

import pytest

from bench.changes import MARKS, measure, report
from bench.population import population
from bench.running import database_with

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the daemon and the load need a core each")


def test_changes_are_in_force_while_calls_are_answered_and_the_disk_replaces_the_database() -> None:
    people = population(1_000)
    with database_with(people) as dsn:
        figures = measure(people, dsn, rate=500, rest_seconds=0.3, singles=5, repeat=1)
    assert figures["single"]["changes"] == 5
    assert 0 < figures["single"]["p50_ms"] <= figures["single"]["p99_ms"] <= figures["single"]["max_ms"] < 5_000
    (many,) = figures["many"]
    assert many["changed"] == 1_000
    assert many["began_at"] < many["committed_at"] < many["in_force_at"]
    assert many["calls"]["requests"] == many["calls"]["granted"] + many["calls"]["refused"] > 500
    assert many["calls"]["granted"] > many["calls"]["refused"]
    assert figures["rest"]["errors"] == many["calls"]["errors"] == 0
    assert figures["start_from_disk"]["accounts"] == 1_000
    told = report(figures)
    assert f"the mark of {MARKS['single_p99_ms']:.0f} ms" in told
    assert "longest answer while" in told
