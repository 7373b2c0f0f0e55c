"""Waiting for what comes true by itself, with an end."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.02


def until(is_so: Callable[[], bool], seconds_max: float) -> float | None:
    """Seconds until it was so; None if it never was."""
    began = time.monotonic()
    while True:
        if is_so():
            return time.monotonic() - began
        if time.monotonic() - began > seconds_max:
            return None
        time.sleep(POLL_SECONDS)
