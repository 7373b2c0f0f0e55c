"""What the load expects, and its figures in words; `bin/lab` plays it."""

import math
from collections import Counter

import pytest

from lab.load import Load, durations, load_step, only_out_of_time, times


def test_every_call_has_to_be_answered_and_none_to_be_left():
    step = load_step(Load(calls=20, rate=10))
    assert step.title == "20 calls at 10 a second"
    assert step.expected["answers"] == "20 × 200"
    assert step.expected["lost"] == 0
    assert step.expected["live afterwards"] == "0"


def test_times_in_words():
    assert times((4.0, 4.0, 4.0, 120.0)) == "p50 4 ms p99 120 ms"
    assert times(()) == "none"


def test_a_histogram_in_words_tells_bounds():
    assert durations({5e-05: 3, 0.0001: 3, 0.001: 4, math.inf: 4}) == "p50 ≤ 50 µs p99 ≤ 1000 µs"
    assert durations({5e-05: 0, math.inf: 0}) == "none"


@pytest.mark.parametrize(
    ("answers", "again"),
    [
        ({"200": 20}, False),
        ({"200": 19, "503": 1}, True),
        ({"503": 20}, True),
        ({"200": 18, "503": 1, "403": 1}, False),
        ({"200": 19, "nothing": 1}, False),
    ],
)
def test_it_is_played_again_only_where_the_switch_ran_out_of_time(answers, again):
    assert only_out_of_time(Counter(answers)) is again
