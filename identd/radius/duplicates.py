"""Answers that were given lately, for packets that come again: a client that has heard nothing repeats itself.

RFC 5080 §2.2.2: the same bytes get the same bytes, and nothing is taken twice. Two generations take turns, so
forgetting costs nothing a packet; what is remembered lives for one to two turns.
"""

TURN_SECONDS = 10.0
"""For so long a repeat is known at least, and twice as long at most (RFC 5080 §2.2.2: 5 to 30 seconds)."""

ANSWERS_MAX = 32_768
"""Of one generation: 3,000 packets a second for ten seconds, some 25 MB. Beyond it a turn is shorter."""

Key = tuple[bytes, int, str, int]
"""(packed source address, source port, which socket, identifier): RFC 2865 §2.5 tells repeats by these."""


class Duplicates:
    """What was answered lately. Sync; `now` in seconds that never step."""

    __slots__ = ("_before", "_current", "_turned_at")

    def __init__(self) -> None:
        self._current: dict[Key, tuple[bytes, bytes]] = {}
        self._before: dict[Key, tuple[bytes, bytes]] = {}
        self._turned_at = 0.0

    def find(self, key: Key, datagram: bytes, now: float) -> bytes | None:
        """The answer that exactly these bytes got lately. An identifier that is used again comes with others."""
        if now - self._turned_at >= TURN_SECONDS:
            self._turn(now)
        known = self._current.get(key) or self._before.get(key)
        return known[1] if known is not None and known[0] == datagram else None

    def remember(self, key: Key, datagram: bytes, answer: bytes, now: float) -> None:
        """These bytes were answered with those, after `find` had nothing."""
        if len(self._current) >= ANSWERS_MAX:
            self._turn(now)
        self._current[key] = (datagram, answer)

    def _turn(self, now: float) -> None:
        idle = now - self._turned_at >= 2 * TURN_SECONDS
        self._before = {} if idle else self._current
        self._current = {}
        self._turned_at = now

    def clear(self) -> None:
        """Forget all: a secret may have changed."""
        self._current, self._before = {}, {}

    def __len__(self) -> int:
        return len(self._current) + len(self._before)
