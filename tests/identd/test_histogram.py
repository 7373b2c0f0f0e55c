"""Buckets: where an observation falls, and what Prometheus is shown."""

import pytest

from identd.histogram import Histogram


def test_a_bound_includes_its_own_value_and_the_rows_accumulate() -> None:
    histogram = Histogram((0.1, 1.0))
    histogram.observe(0.1)
    histogram.observe(0.11, 3)
    histogram.observe(5.0)
    assert histogram.cumulative() == [("0.1", 1.0), ("1.0", 4.0), ("+Inf", 5.0)]
    assert histogram.sum_seconds == pytest.approx(0.1 + 0.33 + 5.0)


@pytest.mark.parametrize("bounds", [(), (1.0, 0.1), (1.0, 1.0)])
def test_bounds_that_do_not_rise_are_a_mistake(bounds: tuple[float, ...]) -> None:
    with pytest.raises(AssertionError):
        Histogram(bounds)
