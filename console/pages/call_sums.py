"""Who has how many of the live calls: the sums that stand above their list, by client and by account."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from console.daemon import Daemon
from console.objects.call_sums import By, CallSum, sums_of
from console.pages.call_filter import CallFilter
from protocol import messages as m

SUMS_MAX = 10
"""Of a kind: those with the most calls."""
SUMS: Mapping[str, By] = {"client": "client_id", "account": "account_id"}


class ShownSum(msgspec.Struct, frozen=True, kw_only=True):
    """A line above the list: how much somebody has up, and the URL of these calls alone."""

    sum: CallSum
    name: str
    url: str


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The most of them, and how many others there are, with how many calls. `is_part`: of the listed calls only."""

    shown: Sequence[ShownSum]
    others: int = 0
    calls_of_others: int = 0
    is_part: bool = False


async def sums_by(
    daemon: Daemon, sought: CallFilter, names: Mapping[str, Mapping[int, str]], answer: m.CallsAnswer
) -> Mapping[str, Sums]:
    """By "client" and by "account", as `names` is. Where not every call is listed: the daemon's own counts, unless of
    one gateway.

    Raises DaemonAwayError.
    """
    calls = answer.calls
    usage: m.UsageAnswer | None = None
    if answer.omitted and sought.gateway is None:
        usage = await daemon.usage(
            sorted({call.account_id for call in calls}), sorted({call.client_id for call in calls})
        )
    counts: Mapping[str, Mapping[int, m.AccountUsage | m.ClientUsage]] = {
        "client": {} if usage is None else {one.client_id: one for one in usage.clients},
        "account": {} if usage is None else {one.account_id: one for one in usage.accounts},
    }
    sums: dict[str, Sums] = {}
    for kind, by in SUMS.items():
        found = sums_of(calls, by, counts[kind])
        sums[kind] = Sums(
            shown=[
                ShownSum(
                    sum=one,
                    name=names[kind][one.row_id],
                    url=f"/calls?{urlencode(sought.pairs | {by: str(one.row_id)})}",
                )
                for one in found[:SUMS_MAX]
            ],
            others=len(found[SUMS_MAX:]),
            calls_of_others=sum(one.both for one in found[SUMS_MAX:]),
            is_part=bool(answer.omitted),
        )
    return sums
