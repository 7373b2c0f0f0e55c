"""Delays between attempts: doubling, bounded, spread."""

import itertools

from protocol.backoff import FIRST_SECONDS, MAX_SECONDS, delays


def test_delays_double_up_to_a_bound() -> None:
    longest = list(itertools.islice(delays(lambda: 1.0), 10))
    assert longest[:4] == [FIRST_SECONDS * factor for factor in (1, 2, 4, 8)]
    assert longest[-1] == MAX_SECONDS


def test_delays_are_spread_over_half_of_each_step() -> None:
    assert next(delays(lambda: 0.0)) == FIRST_SECONDS / 2
    assert max(itertools.islice(delays(lambda: 0.999), 50)) < MAX_SECONDS
