"""A small run of it all over real processes: every part measures what it says, and tells what misses its mark."""

import copy
import os
from typing import Any

import pytest

from bench import operators_calls, operators_imports
from bench.console import QUESTIONS, database_to_search
from bench.operators import PARTS, Sizes, measure
from bench.operators_imports import HEAD, lines_of
from bench.population import population

SMALL = Sizes(times=1, changes=10, lines=200, rate=200, seconds=0.5, rounds=1)


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("the calls need a core beside that of the daemon")
    people = population(2_000)
    with database_to_search(people) as dsn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators_calls, "WARM_SECONDS", 0.5)
        patch.setattr(operators_imports, "REST_SECONDS", 0.5)
        return measure(people, dsn, list(PARTS), SMALL)


def test_every_question_is_asked_of_the_pages_and_some_of_the_api(figures: dict[str, Any]) -> None:
    asked = [row["question"] for row in figures["pages"]]
    assert [f"page: {question.name}" for question in QUESTIONS] == [
        name for name in asked if name.startswith("page:") and not name.endswith(" rows")
    ]
    assert "API: 500 rows" in asked
    assert "API: all at once" in asked
    by_name = {row["question"]: row for row in figures["pages"]}
    assert by_name["page: 500 rows"]["bytes_max"] > 10 * by_name["page: 20 rows"]["bytes_max"]
    for row in figures["pages"]:
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]
        assert row["console_p50_ms"] > 0
        assert row["database_p50_ms"] > 0


def test_every_change_is_seen_by_a_call_or_in_force_when_the_page_is_back(figures: dict[str, Any]) -> None:
    saves = figures["saves"]
    assert saves["post_to_effect"]["times"] + saves["post_to_redrawn"]["times"] == SMALL.changes == saves["changes"]
    # the row is written after the form was sent, and before any call can be judged by it
    assert 0 < saves["row_to_effect"]["p50_ms"] < saves["post_to_effect"]["max_ms"]


def test_calls_are_asked_at_rest_and_while_operators_get_something_done(figures: dict[str, Any]) -> None:
    calls = figures["calls"]
    for run in (calls[f"{what}_{state}"] for what in ("echo", "authorize") for state in ("at_rest", "hammered")):
        assert run["requests"] == SMALL.rate * SMALL.seconds
        assert 0 < run["p50_us"] <= run["p99_us"] <= run["max_us"]
    assert calls["authorize_hammered"]["granted"] > calls["authorize_hammered"]["refused"]
    assert calls["authorize_hammered"]["errors"] == 0
    assert calls["a_second"]["pages"] > 0


def test_all_lines_of_both_files_are_in_force_at_the_end(figures: dict[str, Any]) -> None:
    imports = figures["import"]
    assert imports["lines"] == SMALL.lines
    for way in ("page", "command"):
        parts = [seconds for name, seconds in imports[way].items() if name != "seconds"]
        assert sum(parts) == pytest.approx(imports[way]["seconds"])
        assert all(seconds > 0 for seconds in parts)
    assert imports["others_meanwhile"]["p99_ms"] > 0


def test_what_misses_its_mark_is_told(figures: dict[str, Any]) -> None:
    slow = copy.deepcopy(figures)
    slow["pages"][3]["p99_ms"] = 151.0
    slow["saves"]["row_to_effect"]["p99_ms"] = 51.0
    slow["import"]["page"]["seconds"] = 31.0
    (page,) = [line for line in PARTS["pages"].told([slow["pages"][3]]).splitlines() if "over the mark" in line]
    assert page.startswith(slow["pages"][3]["question"])
    assert "over the mark of 50 ms" in PARTS["saves"].told(slow["saves"])
    assert "ABOVE the mark of 30 s" in PARTS["import"].told(slow["import"])
    calls = slow["calls"]
    calls["authorize_hammered"]["p99_us"] = 3 * calls["authorize_at_rest"]["p99_us"]
    assert "3.00 × at rest in p99" in PARTS["calls"].told(calls).splitlines()[-1]


def test_a_file_of_new_accounts_has_each_kind_and_no_line_twice() -> None:
    head, *lines = lines_of(1_000, 50, 1).decode().splitlines()
    assert head == HEAD
    cells = [line.split(",") for line in lines]
    assert {len(row) for row in cells} == {len(HEAD.split(","))}
    assert {row[2] for row in cells} == {"ip", "name", "ani"}
    assert len({tuple(row[3:6]) for row in cells}) == 1_000
    assert not {line.partition(",")[2] for line in lines} & set(lines_of(1_000, 50, 2).decode().splitlines())
