"""Percentiles of a list of times, and what /metrics says: counters, histograms between two scrapes. Pure."""

import math
import re
from collections.abc import Sequence

BUCKET = re.compile(r'^(\w+)_bucket\{(?:.*,)?le="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE)

Buckets = dict[float, float]
"""Upper bound in seconds -> how many took at most that long (cumulative, ends with infinity)."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of them do not exceed. There is at least one."""
    assert values, "a percentile of nothing"
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def buckets(metrics: str, name: str) -> Buckets:
    """A histogram in the text of /metrics; label sets are added up."""
    found: Buckets = {}
    for seen, bound, count in BUCKET.findall(metrics):
        if seen == name:
            found[float(bound)] = found.get(float(bound), 0.0) + float(count)
    return found


def total(metrics: str, name: str) -> int:
    """A counter in the text of /metrics; label sets are added up."""
    lines = [line.rpartition(" ") for line in metrics.splitlines() if re.match(rf"{name}[ {{]", line)]
    return int(sum(float(value) for _, _, value in lines))


def between(before: Buckets, after: Buckets) -> Buckets:
    """What was counted from one scrape to the next."""
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}


def bound_of(counted: Buckets, share: float) -> float:
    """The bound in seconds that `share` of what was counted did not exceed; infinity above the last one."""
    total = max(counted.values(), default=0.0)
    assert total > 0, "nothing was counted"
    return min(bound for bound, count in counted.items() if count >= share * total)
