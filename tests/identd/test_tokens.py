"""The token bucket: what flows in, what stays, and what a refusal promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identd.tokens import TokenBucket, bucket_size
from tests.identd.building import NOW


@pytest.mark.rule("M7.1")
@pytest.mark.parametrize(
    ("rate", "burst", "size"),
    [
        (5.0, None, 5.0),
        (0.5, None, 1.0),
        (1.0, None, 1.0),
        (5.0, 20.0, 20.0),
        (5.0, 1.0, 1.0),
        (0.0, None, 0.0),
        (0.0, 9.0, 0.0),
    ],
)
def test_the_size_is_the_burst_or_by_default_the_rate_and_at_least_one(
    rate: float, burst: float | None, size: float
) -> None:
    assert bucket_size(rate, burst) == size


@pytest.mark.rule("M7.1")
def test_tokens_flow_in_by_fractions_and_never_above_the_size() -> None:
    bucket = TokenBucket(rate=2.0, size=4.0, now=0.0)
    bucket.tokens = 0.0
    assert bucket.refill(0.25) == 0.5
    assert bucket.refill(0.5) == 1.0
    assert bucket.refill(100.0) == 4.0


def test_a_clock_that_does_not_move_gives_nothing() -> None:
    bucket = TokenBucket(rate=2.0, size=4.0, now=10.0)
    bucket.tokens = 1.0
    assert bucket.refill(10.0) == 1.0
    assert bucket.refill(9.0) == 1.0
    assert bucket.refill(10.5) == 2.0


@pytest.mark.rule("M7.4")
@pytest.mark.parametrize(("rate", "size"), [(20.0, 20.0), (1.0, 1.0), (5.0, 40.0)])
def test_another_rate_keeps_the_fill_ratio(rate: float, size: float) -> None:
    bucket = TokenBucket(rate=10.0, size=10.0, now=0.0)
    bucket.tokens = 3.0
    bucket.rescale(rate, size, now=0.0)
    assert bucket.tokens / bucket.size == pytest.approx(0.3)
    assert (bucket.rate, bucket.size) == (rate, size)


@pytest.mark.rule("M7.4")
def test_the_time_before_a_change_flows_at_the_old_rate() -> None:
    bucket = TokenBucket(rate=1.0, size=10.0, now=0.0)
    bucket.tokens = 0.0
    bucket.rescale(100.0, 10.0, now=2.0)
    assert bucket.tokens == pytest.approx(2.0)


@pytest.mark.rule("M7.3")
@given(
    rate=st.floats(0.001, 1e6),
    tokens=st.floats(0, 0.999),
    offset=st.floats(0, 1e6),
)
def test_after_the_wait_that_was_told_a_token_is_there(rate: float, tokens: float, offset: float) -> None:
    now = NOW + offset
    bucket = TokenBucket(rate, bucket_size(rate, None), now)
    bucket.tokens = tokens
    wait = bucket.wait_ms()
    assert wait is not None
    assert wait >= 1
    assert bucket.has_token(now + wait / 1000)


@pytest.mark.rule("M7.3")
def test_the_wait_is_the_shortest_whole_number_of_milliseconds() -> None:
    bucket = TokenBucket(rate=3.0, size=3.0, now=NOW)
    bucket.tokens = 0.0
    assert bucket.wait_ms() == 334


@pytest.mark.parametrize("rate", [0.0, 1e-300, 5e-324])
def test_a_token_that_never_comes_has_no_time(rate: float) -> None:
    bucket = TokenBucket(rate, bucket_size(rate, None), NOW)
    bucket.tokens = 0.0
    assert bucket.wait_ms() is None
