"""Percentiles of lists and of Prometheus histograms."""

import math

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from lab.figures import between, bound_of, buckets, percentile, total


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
        ([float(n) for n in range(1, 101)], 0.0, 1.0),
    ],
)
def test_a_percentile_is_one_of_the_values(values, share, expected):
    assert percentile(values, share) == expected


def _scrape(*observed: float) -> str:
    registry = CollectorRegistry()
    histogram = Histogram("decision_seconds", "…", ["op"], registry=registry, buckets=(0.001, 0.01, 0.1))
    for place, seconds in enumerate(observed):
        histogram.labels(op=("identify", "authorize")[place % 2]).observe(seconds)
    return generate_latest(registry).decode()


def test_buckets_of_all_labels_are_added_up():
    assert buckets(_scrape(0.0005, 0.0005, 0.05), "decision_seconds") == {0.001: 2, 0.01: 2, 0.1: 3, math.inf: 3}


def test_another_histogram_is_not_read():
    assert buckets(_scrape(0.0005), "seconds") == {}


def test_what_was_counted_before_does_not_count():
    before = buckets(_scrape(0.0005, 0.0005), "decision_seconds")
    after = buckets(_scrape(0.0005, 0.0005, 0.05, 5.0), "decision_seconds")
    counted = between(before, after)
    assert counted == {0.001: 0, 0.01: 0, 0.1: 1, math.inf: 2}
    assert bound_of(counted, 0.5) == 0.1
    assert bound_of(counted, 0.99) == math.inf


def test_a_counter_is_the_sum_of_its_label_sets():
    text = '# TYPE d_total counter\nd_total{reason=""} 3.0\nd_total{reason="no_credit"} 2.0\nd_total_more 9.0\n'
    assert total(text, "d_total") == 5
    assert total("d_total 4.0\n", "d_total") == 4
    assert total(text, "absent_total") == 0
