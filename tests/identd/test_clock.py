"""The daemon's clock: it never steps, and a gap in which nothing ran is told as deafness."""

import pytest

from identd.clock import DEAF_SECONDS_MIN, Clock


class Times:
    """A monotonic and a wall clock that are set by hand."""

    def __init__(self) -> None:
        self.monotonic, self.wall = 100.0, 1_700_000_000.0
        self.deaf: list[float] = []
        self.clock = Clock(self.deaf.append, lambda: self.monotonic, lambda: self.wall)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@pytest.mark.rule("M6.30")
def test_no_step_of_the_wall_clock_moves_it() -> None:
    times = Times()
    assert times.clock.now() == 1_700_000_000.0
    times.wall -= 86_400
    assert times.clock.now() == 1_700_000_000.0
    assert times.clock.wall_offset() == -86_400
    times.pass_by(2.5)
    assert times.clock.now() == 1_700_000_002.5


@pytest.mark.rule("M6.30")
def test_a_gap_between_looks_is_deafness_and_a_busy_moment_is_not() -> None:
    times = Times()
    times.pass_by(DEAF_SECONDS_MIN - 0.01)
    times.clock.look()
    assert times.deaf == []
    times.pass_by(30)
    assert times.clock.look() == times.clock.now()
    assert times.deaf == [pytest.approx(30)]
    times.clock.look()
    assert len(times.deaf) == 1
