"""Live calls added up by account or by client. Values only."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from protocol.messages import AccountUsage, ClientUsage, LiveCall

By = Literal["account_id", "client_id"]


class CallSum(msgspec.Struct, frozen=True):
    """What one account or client, `row_id`, has up."""

    row_id: int
    orig: int
    term: int

    @property
    def both(self) -> int:
        """Calls in either direction."""
        return self.orig + self.term


def sums_of(
    calls: Iterable[LiveCall], by: By, usage: Mapping[int, AccountUsage | ClientUsage] | None = None
) -> list[CallSum]:
    """Most calls first, then by id.

    `usage`: the daemon's own counts, by the same id. They stand in for the calls where not all of these are listed.
    """
    counted: dict[int, dict[str, int]] = {}
    for call in calls:
        directions = counted.setdefault(getattr(call, by), {"orig": 0, "term": 0})
        directions[call.direction] += 1
    sums = [
        CallSum(row_id, usage[row_id].orig, usage[row_id].term)
        if usage is not None and row_id in usage
        else CallSum(row_id, directions["orig"], directions["term"])
        for row_id, directions in counted.items()
    ]
    return sorted(sums, key=lambda one: (-one.both, one.row_id))
