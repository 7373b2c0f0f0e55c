"""The load: many short calls, every one answered, none left behind, and how long they took."""

from collections import Counter
from typing import Any

import msgspec

from lab.figures import Buckets, between, bound_of, percentile
from lab.sipp import Play
from lab.stage import Stage
from lab.steps import LONDON, MANY, MANY_LINES, Step

LASTS_MILLISECONDS = 100
TRIES_MAX = 3


class Load(msgspec.Struct, frozen=True):
    """So many short calls at so many a second."""

    calls: int = 1500
    rate: int = 300


def load_step(load: Load) -> Step:
    """The step that plays it."""
    title = f"{load.calls} calls at {load.rate} a second"
    expected = {"answers": f"{load.calls} × 200", "lost": 0, "faults": "none", "live afterwards": "0"}
    return Step(title, lambda stage: _played(stage, load), expected)


def _played(stage: Stage, load: Load) -> dict[str, Any]:
    """The last of up to three tries: who has no core for half a second hears 503, and that is the machine's doing."""
    tries = 0
    while True:
        tries += 1
        seen, answers = _tried(stage, load)
        unforgiven = seen["lost"] or seen["live afterwards"] != "0" or not only_out_of_time(answers)
        if unforgiven or tries == TRIES_MAX:
            return {**seen, "tries": tries} if tries > 1 else seen


def _tried(stage: Stage, load: Load) -> tuple[dict[str, Any], Counter[str]]:
    before = stage.decisions()
    play = Play("uac_call", MANY_LINES, LONDON, calls=load.calls, rate=load.rate, milliseconds=LASTS_MILLISECONDS)
    with stage.calling(play) as caller:
        played = caller.wait()
    invites = stage.far_side.reached()
    answers = Counter(played.finals.get(call_id, "nothing") for call_id in caller.call_ids)
    # every call that was let through, and no other, is one that the far side saw
    lost = answers["200"] - sum(1 for call_id in caller.call_ids if call_id in invites)
    return {
        "answers": " ".join(f"{count} × {answer}" for answer, count in sorted(answers.items())),
        "lost": lost,
        "faults": "none" if played.complete else "SIPp found some",
        "live afterwards": stage.becomes(MANY, 0),
        "INVITE to answer": times(played.milliseconds),
        "decisions": durations(between(before, stage.decisions())),
    }, answers


def only_out_of_time(answers: Counter[str]) -> bool:
    """Whether calls were refused, and none for another reason than that the switch did not get its answer in time."""
    return set(answers) == {"200", "503"} or set(answers) == {"503"}


def times(milliseconds: tuple[float, ...]) -> str:
    """p50 and p99 in words."""
    if not milliseconds:
        return "none"
    p50, p99 = (percentile(milliseconds, share) for share in (0.5, 0.99))
    return f"p50 {p50:.0f} ms p99 {p99:.0f} ms"


def durations(counted: Buckets) -> str:
    """p50 and p99 in words, as bounds: a histogram knows no more."""
    if not any(counted.values()):
        return "none"
    p50, p99 = (bound_of(counted, share) * 1e6 for share in (0.5, 0.99))
    return f"p50 ≤ {p50:.0f} µs p99 ≤ {p99:.0f} µs"
