"""The daemon's time, made at the edge: Unix seconds that never step, and how long we could not hear."""

import time
from collections.abc import Callable

DEAF_SECONDS_MIN = 1.0
"""A gap this long between two looks at the clock means that the process was stopped, paused or starved. Ticks come
four times a second, so nothing shorter is told from a busy moment, and leases are counted in minutes."""


class Clock:
    """Starts at the wall clock's time and then follows the monotonic one.

    So moments may be written to disk and read by the next process, and no step of the wall clock ends a call.
    `on_deaf` is told of every gap in which the daemon did not run, in seconds, before anything after it is heard.
    """

    __slots__ = ("_monotonic", "_offset", "_on_deaf", "_seen", "_wall")

    def __init__(
        self,
        on_deaf: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._offset = wall() - monotonic()
        self._seen = self.now()
        self._on_deaf = on_deaf

    def now(self) -> float:
        """Unix seconds that never step."""
        return self._monotonic() + self._offset

    def look(self) -> float:
        """The same, and a gap since the last look counts as deafness: for the loop that hears, each time it wakes."""
        now = self._monotonic() + self._offset
        gap = now - self._seen
        if gap >= DEAF_SECONDS_MIN:
            self._on_deaf(gap)
        self._seen = now
        return now

    def wall_offset(self) -> float:
        """How far the wall clock is ahead of `now`: 0 until someone sets it."""
        return self._wall() - self.now()
