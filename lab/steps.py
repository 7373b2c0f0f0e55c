"""What the lab plays through every door, and what has to come out: one table, a row a step, in this order.

A step is a function of the stage that says what was seen, by keys; only the keys that it expects are compared. The
accounts are those of accounts.sql; what the numbers mean to the far side stands in scenarios/uas.xml.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import msgspec

from lab.figures import percentile
from lab.places import RADCLIENT_ADDRESS, RADIUS_SECRET, REALM
from lab.radclient import NOTHING, Command, asked
from lab.sipp import Play
from lab.stage import SOON_SECONDS, Stage
from lab.waiting import until

LONDON = "442071234567"
BUSY = "442071230486"
NOBODY_ANSWERS = "442071230099"
GOES_DEAF = "442071230088"

SHARED, PHONE, STRANGER, ONE_LINE, MANY_LINES = (f"127.0.0.{last}" for last in (11, 12, 13, 14, 16))
ONE, MANY, FIR = 203, 204, 205
"""Ids of the accounts that are counted."""

FIR_NAME, FIR_PASSWORD = "fir_phone", "correct horse"

AWAY_CALLS, AWAY_TRIES = 3, 3
AWAY_MILLISECONDS_MAX = 500
"""Until a caller has the 503 of a switch that cannot reach identd: what config/switches/ promises."""

AGAIN_SECONDS_MAX = 20.0
TOLD_LATE_SECONDS = 10.0
"""For a BYE that came while identd was away: the switch tells it again, or lists its calls."""

USED_CALL_ID_CODES = ("482", "503")
"""A switch refuses the name itself, or tells the calls apart: then the account is full."""


class Step(msgspec.Struct, frozen=True):
    """`plays` says what was seen, which may be more than is expected: the rest is told only."""

    title: str
    plays: Callable[[Stage], dict[str, Any]]
    expected: dict[str, Any]
    all_else_needs_it: bool = False


def call_to(dnis: str, address: str = ONE_LINE, **more: Any) -> Play:
    return Play("uac_call", address, dnis, **more)


def _call(dnis: str, address: str) -> Callable[[Stage], dict[str, Any]]:
    return lambda stage: stage.call(call_to(dnis, address))


def _digest(password: str) -> Callable[[Stage], dict[str, Any]]:
    play = Play("uac_digest", PHONE, LONDON, name=FIR_NAME, password=password, realm=REALM)
    return lambda stage: {**stage.call(play), "live": stage.becomes(FIR, 0)}


def find_switch(stage: Stage) -> dict[str, Any]:
    """Calls until one gets through: how long the switch needs to find the daemon."""
    seconds = until(lambda: stage.call(call_to(LONDON, MANY_LINES))["result"] == "200", AGAIN_SECONDS_MAX)
    return {"result": "none" if seconds is None else "200", "seconds": "-" if seconds is None else f"{seconds:.1f}"}


def full_account(stage: Stage) -> dict[str, Any]:
    """An account of one line: a second call while the first is up, and after it."""
    with stage.holding(Play("uac_hold", ONE_LINE, LONDON)) as (first, answer):
        seen = {"first": answer, "live": stage.becomes(ONE, 1, "active")}
        seen["second"] = stage.call(call_to(LONDON))["result"]
        first.go_on()
        first.wait()
    seen["after BYE"] = stage.becomes(ONE, 0)
    seen["third"] = stage.call(call_to(LONDON))["result"]
    return seen


def abandoned(stage: Stage) -> dict[str, Any]:
    """The caller gives up while it rings."""
    with stage.calling(Play("uac_cancel", ONE_LINE, NOBODY_ANSWERS)) as caller:
        until(lambda: caller.call_id in stage.far_side.reached(), SOON_SECONDS)
        seen = {"live": stage.becomes(ONE, 1, "reserved")}
        caller.go_on()
        played = caller.wait()
    seen |= {"result": played.finals.get(caller.call_id, "none"), "after CANCEL": stage.becomes(ONE, 0)}
    return seen


def deaf(stage: Stage) -> dict[str, Any]:
    """The far side does not answer the BYE: its loss, for the call is over."""
    with stage.holding(Play("uac_hold", ONE_LINE, GOES_DEAF)) as (held, answer):
        seen = {"held": answer, "live": stage.becomes(ONE, 1, "active")}
        held.go_on()
        seen["after BYE"] = stage.becomes(ONE, 0)
    return seen


def strays(stage: Stage) -> dict[str, Any]:
    """The caller sends the requests of its call to itself: a BYE that only it hears must not free the slot."""
    with stage.holding(Play("uac_stray", ONE_LINE, LONDON)) as (held, answer):
        seen = {"held": answer, "live": stage.becomes(ONE, 1, "active")}
        held.go_on()
        held.wait()
    until(lambda: held.call_id in stage.far_side.ended(), SOON_SECONDS)
    account = stage.far_side.again().get(held.call_id)
    seen["re-INVITE"] = "lost" if account is None else f"names {account}" if account else "names nobody"
    seen["far side"] = "has a BYE" if held.call_id in stage.far_side.ended() else "is up"
    seen["after BYE"] = stage.becomes(ONE, 0)
    return seen


def busy(stage: Stage) -> dict[str, Any]:
    """The far side is busy."""
    return {**stage.call(call_to(BUSY)), "live": stage.becomes(ONE, 0)}


def refused_away(stage: Stage) -> tuple[str, float]:
    """What callers hear while identd is away, and after how many milliseconds.

    The median of three, of up to three tries: what a busy machine adds to a call is not the switch's.
    """
    answers: set[str] = set()
    milliseconds = inf
    for _ in range(AWAY_TRIES):
        _, played = stage.played(call_to(LONDON, MANY_LINES, calls=AWAY_CALLS))
        answers |= set(played.finals.values())
        milliseconds = min(milliseconds, percentile(played.milliseconds or [inf], 0.5))
        if milliseconds <= AWAY_MILLISECONDS_MAX:
            break
    return " ".join(sorted(answers)) or "none", milliseconds


def hangs(stage: Stage) -> dict[str, Any]:
    """The daemon does not answer for a while, and then answers what nobody waits for any more."""
    before = stage.decided()
    stage.daemon.pause()
    try:
        answers, milliseconds = refused_away(stage)
    finally:
        stage.daemon.resume()
    seen = {"away": answers, "after ms": f"{milliseconds:.0f}", "in time": milliseconds <= AWAY_MILLISECONDS_MAX}
    # not sooner: a call that is still to be granted is no call that was released
    seen["granted late"] = until(lambda: stage.decided() > before, SOON_SECONDS) is not None
    seen["left over"] = stage.becomes(MANY, 0, seconds=TOLD_LATE_SECONDS)
    return {**seen, "again": find_switch(stage)["result"]}


def killed(stage: Stage) -> dict[str, Any]:
    """The daemon dies during a call and comes back."""
    hold_one, hold_other = Play("uac_hold", ONE_LINE, LONDON), Play("uac_hold", MANY_LINES, LONDON)
    with stage.holding(hold_one) as (held, answer), stage.holding(hold_other) as (other, _):
        seen: dict[str, Any] = {"held": answer, "live": stage.becomes(ONE, 1, "active")}
        stage.becomes(MANY, 1, "active")
        stage.daemon.kill()
        other.go_on()
        other.wait()
        answers, milliseconds = refused_away(stage)
        seen |= {"away": answers, "after ms": f"{milliseconds:.0f}", "in time": milliseconds <= AWAY_MILLISECONDS_MAX}
        stage.daemon.start()
        seen["still live"] = stage.becomes(ONE, 1, "active")
        found = find_switch(stage)
        seen |= {"again": found["result"], "after s": found["seconds"]}
        seen["ended meanwhile"] = stage.becomes(MANY, 0, seconds=TOLD_LATE_SECONDS)
        held.go_on()
        held.wait()
    seen["after BYE"] = stage.becomes(ONE, 0)
    return seen


def used_call_id(stage: Stage) -> dict[str, Any]:
    """The only line's Call-ID is used by another call, which must not pass for a repetition of the first."""
    with stage.holding(Play("uac_hold", ONE_LINE, LONDON)) as (held, answer):
        seen: dict[str, Any] = {"first": answer, "live": stage.becomes(ONE, 1, "active")}
        second = stage.call(call_to(LONDON, call_id=held.call_id))["result"]
        seen |= {"second": second, "refused": second in USED_CALL_ID_CODES}
        seen["still live"] = stage.becomes(ONE, 1, "active")
        held.go_on()
        held.wait()
    seen["after BYE"] = stage.becomes(ONE, 0)
    return seen


def switch_killed(stage: Stage) -> dict[str, Any]:
    """The switch dies during a call, which nobody will end, and comes back."""
    with stage.holding(Play("uac_hold", ONE_LINE, LONDON)) as (_, answer):
        seen = {"held": answer, "live": stage.becomes(ONE, 1, "active")}
        stage.switch.kill()
        stage.switch.start()
        seen["again"] = find_switch(stage)["result"]
        seen["then live"] = stage.becomes(ONE, 0, seconds=TOLD_LATE_SECONDS)
    return seen


def other_client(stage: Stage) -> dict[str, Any]:
    """A call from its Access-Request to its Stop, asked by FreeRADIUS's client."""

    def answer(command: Command, port: int, secret: str = RADIUS_SECRET, **attributes: str) -> str:
        named = {name.replace("_", "-"): value for name, value in attributes.items()}
        return asked(command, port, secret, RADCLIENT_ADDRESS, named)

    auth, accounting = stage.places.radius_auth, stage.places.radius_accounting
    call = {"Acct_Session_Id": '"radclient-1"'}
    ours = {**call, "Called_Station_Id": f'"{LONDON}"', "Framed_IP_Address": ONE_LINE}
    return {
        "status": answer("status", auth),
        "call": answer("auth", auth, **ours),
        "live": stage.becomes(ONE, 1, "reserved"),
        "Start": answer("acct", accounting, **call, Acct_Status_Type="Start"),
        "then": stage.becomes(ONE, 1, "active"),
        "Stop": answer("acct", accounting, **call, Acct_Status_Type="Stop"),
        "after it": stage.becomes(ONE, 0),
        "stranger": answer("auth", auth, **{**ours, "Framed_IP_Address": STRANGER}),
        "other secret": answer("auth", auth, secret="not-the-secret", **ours),  # noqa: S106 - that is the point
    }


STEPS: tuple[Step, ...] = (
    Step("the switch finds the daemon", find_switch, {"result": "200"}, all_else_needs_it=True),
    Step(
        "by source address",
        _call(f"77{LONDON}", SHARED),
        {"result": "200", "account": "alder_lines", "rate table": "5", "plan": "3", "dnis": LONDON},
    ),
    Step(
        "the same address, by tech prefix 12",
        _call(f"12{LONDON}", SHARED),
        {"result": "200", "account": "birch_lines", "rate table": "6", "plan": "4", "dnis": LONDON},
    ),
    Step(
        "… by 1234#, as a URI writes it",
        _call(f"1234%23{LONDON}", SHARED),
        {"result": "200", "account": "cedar_premium", "dnis": LONDON},
    ),
    Step(
        "by name and password (digest)",
        _digest(FIR_PASSWORD),
        {"result": "200", "account": FIR_NAME, "dnis": LONDON, "live": "0"},
    ),
    Step("… a wrong password", _digest(FIR_PASSWORD.upper()), {"result": "403", "account": None, "live": "0"}),
    Step("an address of nobody", _call(LONDON, STRANGER), {"result": "403", "account": None}),
    Step(
        "an account of one line",
        full_account,
        {"first": "200", "live": "1 active", "second": "503", "after BYE": "0", "third": "200"},
    ),
    Step(
        "given up while it rings",
        abandoned,
        {"live": "1 reserved", "result": "487", "after CANCEL": "0"},
    ),
    Step(
        "a Call-ID that is up already",
        used_call_id,
        {"first": "200", "live": "1 active", "refused": True, "still live": "1 active", "after BYE": "0"},
    ),
    Step(
        "re-INVITE and BYE sent elsewhere",
        strays,
        {
            "held": "200",
            "live": "1 active",
            "re-INVITE": "names nobody",
            "far side": "has a BYE",
            "after BYE": "0",
        },
    ),
    Step("the far side does not answer the BYE", deaf, {"held": "200", "live": "1 active", "after BYE": "0"}),
    Step("the far side is busy", busy, {"result": "486", "account": "alder_one", "live": "0"}),
    Step(
        "identd hangs",
        hangs,
        {"away": "503", "in time": True, "granted late": True, "left over": "0", "again": "200"},
    ),
    Step(
        "identd is killed during two calls",
        killed,
        {
            "held": "200",
            "live": "1 active",
            "away": "503",
            "in time": True,
            "still live": "1 active",
            "again": "200",
            "ended meanwhile": "0",
            "after BYE": "0",
        },
    ),
    Step(
        "the switch is killed during a call",
        switch_killed,
        {"held": "200", "live": "1 active", "again": "200", "then live": "0"},
    ),
)


OWN_STEPS: dict[str, tuple[Step, ...]] = {
    "radius": (
        Step(
            "radclient of FreeRADIUS",
            other_client,
            {
                "status": "Access-Accept",
                "call": "Access-Accept",
                "live": "1 reserved",
                "Start": "Accounting-Response",
                "then": "1 active",
                "Stop": "Accounting-Response",
                "after it": "0",
                "stranger": "Access-Reject",
                "other secret": NOTHING,
            },
        ),
    ),
}
"""What only one door has, after what all have."""
