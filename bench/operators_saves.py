"""From a click on OK to calls that are judged by it.

An operator opens the account's form, changes tech prefix or capacity and posts it. The daemon is asked `identify` for
a call of this account until its answer is the changed one; every fifth change it is asked once only, when the page
has come back: by then the change must be in force, or the run fails.
"""

import itertools
import random
import time
from typing import Any

from bench.changes import LOOK_SECONDS, SPACED_SECONDS, wait_until
from bench.population import Caller, as_attempt
from bench.running_console import Browser, Stage, account_form, pairs_of
from matcher.address import address_text
from protocol.client_blocking import BlockingClient
from protocol.messages import DecisionAnswer, Identify

MARK_MS = 50.0
REDRAWN_EVERY = 5
PREFIX = "77#"
CAPACITIES = (10_000, 20_000)  # never reached by calls: nothing but the change turns the answer


def saves(stage: Stage, count: int) -> dict[str, Any]:
    """So many changes, one by one; milliseconds from sending the form, and from the row written."""
    rng = random.Random(4)
    from_post, from_row, redrawn = [], [], []
    with Browser(stage.granted) as browser, BlockingClient(str(stage.daemon.unix)) as switch:
        for turn, caller in enumerate(_callers(stage, switch, count, rng)):
            path = f"/accounts/{caller.account_id}/edit"
            values = account_form(browser.get(path).body)
            expected = _changed(values, by_prefix=turn % 2 == 0, rng=rng)
            posted, posted_at = time.perf_counter(), time.time()
            browser.send(path, [*pairs_of(values), ("do", "ok")])
            if turn % REDRAWN_EVERY == REDRAWN_EVERY - 1:
                browser.answer(path, 303)
                redrawn.append((time.perf_counter() - posted) * 1000)
                if _seen(switch, caller) != expected:
                    raise SystemExit(
                        f"account {caller.account_id}: the page came back before the change was in force"
                    )
            else:
                _await(switch, browser, caller, path, expected)
                took = time.perf_counter() - posted
                from_post.append(took * 1000)
                from_row.append((posted_at + took, caller.account_id))
                browser.answer(path, 303)
            time.sleep(SPACED_SECONDS)
    written = _written_at(stage, [account_id for _, account_id in from_row])
    figures = {
        "post_to_effect": from_post,
        "row_to_effect": [(seen_at - written[account_id]) * 1000 for seen_at, account_id in from_row],
        "post_to_redrawn": redrawn,
    }
    return {
        "changes": count,
        "look_ms": LOOK_SECONDS * 1000,
        **{what: _told(ms) for what, ms in figures.items() if ms},
    }


def _callers(stage: Stage, switch: BlockingClient, count: int, rng: random.Random) -> list[Caller]:
    """Accounts known by address whose calls are granted: what is filtered by has blocked and bound some."""
    hosts = [caller for caller in stage.people.callers if caller.kind == "host"]
    rng.shuffle(hosts)
    found = list(itertools.islice((caller for caller in hosts if _seen(switch, caller)[0] == "grant"), count))
    if len(found) < count:
        raise SystemExit(f"{count} accounts are to be changed, and {len(found)} can be: ask for more accounts")
    return found


def _await(
    switch: BlockingClient, browser: Browser, caller: Caller, path: str, expected: tuple[str, str | int]
) -> None:
    """Ask until the answer is this. Raises `SystemExit` with what the page and the daemon say where it never is."""
    try:
        wait_until(lambda: _seen(switch, caller) == expected, f"{path} {expected}")
    except SystemExit as late:
        browser.answer(path, 303)  # a form that was refused says more
        raise SystemExit(f"{late}; the daemon says {_seen(switch, caller)}") from None


def _changed(values: dict[str, list[str]], *, by_prefix: bool, rng: random.Random) -> tuple[str, str | int]:
    """The form with something else in it; what `identify` says from then on (`_seen`)."""
    if by_prefix:
        values["tech_prefix"] = [PREFIX]
        return ("refuse", "")  # the call dials no prefix
    capacity = rng.randrange(CAPACITIES[0] + 1, CAPACITIES[1])
    values["orig_capacity"] = [str(capacity)]
    return ("grant", capacity)


def _seen(switch: BlockingClient, caller: Caller) -> tuple[str, str | int]:
    attempt = as_attempt(caller)
    assert attempt.address is not None, "callers by address only"
    answer = switch.call(
        Identify(id=switch.next_id(), dnis=attempt.dnis, ip=address_text(attempt.address), port=attempt.port)
    )
    assert isinstance(answer, DecisionAnswer), answer
    return (answer.decision, "" if answer.capacity is None else answer.capacity)


def _written_at(stage: Stage, account_ids: list[int]) -> dict[int, float]:
    """When the trigger saw the row change, by the clock of this machine: before COMMIT, so no figure flatters."""
    rows = stage.database.fetch(
        "SELECT entity_id, extract(epoch FROM max(at))::float8 FROM identd.audit_log"
        " WHERE entity = 'accounts' AND action = 'update' AND entity_id = ANY($1) GROUP BY entity_id",
        account_ids,
    )
    return dict(rows)


def _told(milliseconds: list[float]) -> dict[str, float]:
    taken = sorted(milliseconds)
    return {
        "times": len(taken),
        "p50_ms": taken[len(taken) // 2],
        "p99_ms": taken[int(len(taken) * 0.99)],
        "max_ms": taken[-1],
    }


def told_saves(figures: dict[str, Any]) -> str:
    """As a table."""
    words = {
        "post_to_effect": "form sent to call judged by it",
        "row_to_effect": "row written (COMMIT follows) to call judged by it",
        "post_to_redrawn": "form sent to answer, in force by then each time",
    }
    lines = [f"{'one change (ms)':54} {'times':>6} {'p50':>7} {'p99':>7} {'max':>7}"]
    for what, word in words.items():
        row = figures.get(what)
        if row is None:
            continue
        over = what == "row_to_effect" and row["p99_ms"] > MARK_MS
        miss = f"  over the mark of {MARK_MS:.0f} ms" if over else ""
        lines.append(
            f"{word:54} {row['times']:6} {row['p50_ms']:7.1f} {row['p99_ms']:7.1f} {row['max_ms']:7.1f}{miss}"
        )
    return "\n".join(lines)
