"""Calls per second: a token bucket with fractional tokens (docs/matching.md §7). Time comes in as an argument."""

ROUNDING = 0.001
"""Of a token. Seconds since 1970 are 0.24 us apart in a float, and who waits as long as told must find a token; what
was not quite there is owed, so that nobody gets more than the rate in the long run."""

WAIT_MS_MAX = 86_400_000
"""A day. A token that takes longer never comes, as far as any caller is concerned."""


class TokenBucket:
    """`rate` tokens a second flow in, at most `size` stay. Full at first; a bucket that is full can be forgotten."""

    __slots__ = ("filled_at", "rate", "size", "tokens")

    def __init__(self, rate: float, size: float, now: float) -> None:
        self.rate = rate
        self.size = size
        self.tokens = size
        self.filled_at = now

    def refill(self, now: float) -> float:
        """Let in what has flowed since the last look; the tokens that are there now."""
        if now > self.filled_at:
            self.tokens = min(self.size, self.tokens + (now - self.filled_at) * self.rate)
            self.filled_at = now
        return self.tokens

    def has_token(self, now: float) -> bool:
        """Whether a whole token is there now."""
        return self.refill(now) >= 1 - ROUNDING

    def take(self) -> None:
        """Take the token that `has_token` saw."""
        self.tokens -= 1

    def rescale(self, rate: float, size: float, now: float) -> None:
        """Another rate or size from now on, the same fill ratio: a change neither gives nor takes a burst."""
        if rate == self.rate and size == self.size:
            return
        self.refill(now)
        self.tokens = self.tokens / self.size * size if self.size > 0 else size
        self.rate = rate
        self.size = size

    def wait_ms(self) -> int | None:
        """Milliseconds until one whole token is there, rounded up; None if not within a day. Refill first."""
        if self.size < 1 or (1 - self.tokens) * 1000 > self.rate * WAIT_MS_MAX:
            return None
        return max(1, -int(-(1 - self.tokens) / self.rate * 1000 // 1))


def bucket_size(rate: float, burst: float | None) -> float:
    """`cps_burst`, by default `max(1, cps)`; no rate lets a call in only where a whole token fits."""
    if rate <= 0:
        return 0.0
    return max(1.0, rate) if burst is None else burst
