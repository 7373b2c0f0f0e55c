"""How long things took, as counts in fixed buckets: a bisect and two additions each, no lock, no label."""

from bisect import bisect_left


class Histogram:
    """Counts of observations by upper bound in seconds, in the shape that Prometheus reads (`le`, cumulative)."""

    __slots__ = ("bounds", "counts", "sum_seconds")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        assert bounds, "a histogram has at least one bound"
        assert list(bounds) == sorted(set(bounds)), "bounds rise"
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last: above every bound
        self.sum_seconds = 0.0

    def observe(self, seconds: float, n: int = 1) -> None:
        """`n` things took `seconds` each. A bound includes its own value."""
        self.counts[bisect_left(self.bounds, seconds)] += n
        self.sum_seconds += seconds * n

    def cumulative(self) -> list[tuple[str, float]]:
        """(bound as text, how many took at most that long), ending with `+Inf`."""
        total = 0
        rows: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            rows.append((bound, float(total)))
        return rows
