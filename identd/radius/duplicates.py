"""Answers that were given lately, for packets that come again: a client that has heard nothing repeats itself.

RFC 5080 §2.2.2: the same bytes get the same bytes, and nothing is taken twice. Two generations take turns, so nothing
has to be looked through for what is old. What is forgotten is let go of in slices: 10,000 answers at once would stop
every other answer for some 5 ms.
"""

from collections import deque

TURN_SECONDS = 10.0
"""For so long a repeat is known at least, and twice as long at most (RFC 5080 §2.2.2: 5 to 30 seconds)."""

ANSWERS_MAX = 65_536
"""Of one generation: 6,500 packets a second for ten seconds, some 50 MB, and there are two. Beyond it a turn is
shorter: at 13,000 a second it is five seconds, what RFC 5080 asks for at least."""

LET_GO_AT_ONCE = 2
"""Of what is forgotten, for each answer that is remembered: more than comes, so it never piles up."""

Key = tuple[bytes, int, str, int]
"""(packed source address, source port, which socket, identifier): RFC 2865 §2.5 tells repeats by these."""


Answers = dict[Key, tuple[bytes, bytes]]
"""Key -> (the datagram, its answer)."""


class Duplicates:
    """What was answered lately. Sync; `now` in seconds that never step."""

    __slots__ = ("_before", "_current", "_forgotten", "_turned_at")

    def __init__(self) -> None:
        self._current: Answers = {}
        self._before: Answers = {}
        self._forgotten: deque[Answers] = deque()
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
        if self._forgotten:
            self._let_go()

    def clear(self) -> None:
        """Forget all: a secret may have changed."""
        self._forget(self._before)
        self._forget(self._current)
        self._before, self._current = {}, {}

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures. `answers_forgotten`: those still to be let go of."""
        return {
            "answers": len(self._current) + len(self._before),
            "answers_forgotten": sum(map(len, self._forgotten)),
        }

    def _turn(self, now: float) -> None:
        if now - self._turned_at >= 2 * TURN_SECONDS:
            self._forget(self._current)
            self._current = {}
        self._forget(self._before)
        self._before, self._current = self._current, {}
        self._turned_at = now

    def _forget(self, answers: Answers) -> None:
        if answers:
            self._forgotten.append(answers)

    def _let_go(self) -> None:
        oldest = self._forgotten[0]
        for _ in range(LET_GO_AT_ONCE):
            oldest.popitem()
            if not oldest:
                self._forgotten.popleft()
                if not self._forgotten:
                    return
                oldest = self._forgotten[0]
