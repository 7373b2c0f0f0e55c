"""The stage that the steps play on: the switch between callers and the far side, and the daemon that it asks."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.daemon import Daemon
from lab.figures import Buckets, buckets, total
from lab.places import Places
from lab.sipp import Caller, FarSide, Play, Played, calling
from lab.switch import Switch
from lab.waiting import until
from protocol.messages import LiveCall

SOON_SECONDS = 5.0
"""For what happens in milliseconds on a quiet machine: a call that is noted, answered or ended."""

DECISIONS = "identd_decision_seconds"
DECIDED = "identd_decisions_total"


class Stage:
    """Plays calls and says what became of them."""

    def __init__(self, places: Places, folder: Path, daemon: Daemon, switch: Switch, far_side: FarSide) -> None:
        self.daemon = daemon
        self.switch = switch
        self.far_side = far_side
        self.places = places
        self._folder = folder
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def calling(self, play: Play) -> Iterator[Caller]:
        """A caller at work."""
        number = next(self._numbers)
        folder = self._folder / f"call{number}"
        with calling(play, self.places, self.places.caller(number), folder) as caller:
            yield caller

    def played(self, play: Play) -> tuple[str, Played]:
        """A caller's first call id, and what came of its calls, when they are over."""
        with self.calling(play) as caller:
            return caller.call_id, caller.wait()

    def call(self, play: Play) -> dict[str, Any]:
        """One call, played to its end: the caller's answer and, where it got through, what reached the far side."""
        call_id, played = self.played(play)
        seen: dict[str, Any] = {"result": played.finals.get(call_id, "none")}
        invite = self.far_side.reached().get(call_id)
        if invite is not None:
            seen |= {
                "account": invite.account,
                "rate table": invite.rate_table,
                "plan": invite.routing_plan,
                "dnis": invite.dnis,
            }
        return seen

    @contextlib.contextmanager
    def holding(self, play: Play) -> Iterator[tuple[Caller, str]]:
        """A call that lasts until it is told to end, and its answer; ended afterwards at the latest."""
        with self.calling(play) as caller:
            until(lambda: bool(caller.finals()), SOON_SECONDS)
            yield caller, caller.finals().get(caller.call_id, "none")

    def live(self, account_id: int) -> tuple[LiveCall, ...]:
        return self.daemon.calls(account_id)

    def becomes(self, account_id: int, count: int, state: str = "", seconds: float = SOON_SECONDS) -> str:
        """Waits for so many live calls (all in that state); how many there are then, and in which states."""
        until(lambda: self._are(self.live(account_id), count, state), seconds)
        calls = self.live(account_id)
        return " ".join([str(len(calls)), *sorted({call.state for call in calls})])

    @staticmethod
    def _are(calls: tuple[LiveCall, ...], count: int, state: str) -> bool:
        return len(calls) == count and all(call.state == state or not state for call in calls)

    def decisions(self) -> Buckets:
        """How long what it was asked has taken since it was started, starts and releases among it."""
        return buckets(self.daemon.metrics(), DECISIONS)

    def decided(self) -> int:
        """How many calls it has judged since it was started."""
        return total(self.daemon.metrics(), DECIDED)
