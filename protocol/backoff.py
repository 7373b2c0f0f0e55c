"""How long to wait before trying again: doubling, with jitter, up to a bound.

Pure: the random numbers come in. Without jitter, every switch of a site would come back in the same instant after a
restart of the daemon.
"""

from collections.abc import Callable, Iterator

FIRST_SECONDS = 0.05
MAX_SECONDS = 2.0


def delays(uniform: Callable[[], float], first: float = FIRST_SECONDS, most: float = MAX_SECONDS) -> Iterator[float]:
    """Seconds to wait, without end; each is between half and the whole of a step that doubles up to `most`.

    `uniform` gives numbers in [0, 1).
    """
    step = first
    while True:
        yield step * (0.5 + 0.5 * uniform())
        step = min(step * 2, most)
