"""A small run of it all: every kind of question is asked, finds what the population has, and is in the table."""

from bench.console import QUESTIONS, database_to_search, measure, report
from bench.population import population


def test_every_question_is_asked_and_its_times_are_told() -> None:
    people = population(2_000)
    with database_to_search(people) as dsn:
        figures = measure(people, dsn, times=2)
    assert [row["question"] for row in figures] == [asked.name for asked in QUESTIONS]
    found = {row["question"]: row["found"] for row in figures}
    assert found["last page by client descending"] == 2_000
    assert found["origination on"] == 2_000
    assert found["tag that many have"] == 100
    assert found["quick: nothing there"] == 0
    assert found["client: one click"] == 4
    for row in figures:
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]
        assert 0 < row["cpu_p50_ms"] <= row["cpu_max_ms"]
    told = report([*figures, {**figures[0], "question": "slow", "p99_ms": 151.0}])
    assert told.count("over the mark of 150 ms") >= 1
    assert told.splitlines()[-1].startswith("slow")
