"""The order of checks and the decisions themselves (docs/matching.md §4 to §6), call by call."""

import inspect
from typing import Any

import msgspec
import pytest

from identd.decision import Conflict, Existing, Grant, Refuse, Unavailable
from identd.engine import Engine
from identd.live_calls import LiveCalls
from matcher.account import Account, Client, OrigSide, Reseller
from matcher.attempt import ClearPassword
from matcher.directory import Directory
from protocol.reason import CODES, UNAVAILABLE, Reason
from tests.identd.building import (
    NOW,
    account,
    attempt,
    change,
    client,
    engine,
    gateway,
    gone,
    key,
    reason_of,
    reseller,
    said,
)
from tests.matcher.oracle import proves

# --- the order of checks

FAILING: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("account_blocked", "account", {"blocked": True}),
    ("account_expired", "account", {"valid_until": NOW}),
    ("client_blocked", "client", {"blocked": True}),
    ("reseller_blocked", "reseller", {"blocked": True}),
    ("no_credit", "client", {"balance_micros": -5, "credit_limit_micros": 5}),
    ("empty_dnis", "account", {"tech_prefix": "99#"}),
    ("cps_account", "account", {"cps": 0.0}),
    ("cps_client", "client", {"cps": 0.0}),
    ("capacity_account", "account", {"capacity": 0}),
    ("capacity_client", "client", {"capacity": 0}),
    ("capacity_reseller", "reseller", {"capacity": 0}),
)
"""Reason, the row that fails for it, and how."""


def failing_from(check: int) -> list[Account | Client | Reseller]:
    """Rows that fail every check from this one on, and none before."""
    keys: dict[str, dict[str, Any]] = {"account": {}, "client": {"reseller_id": 1}, "reseller": {}}
    for _, row, how in FAILING[check:]:
        keys[row] |= how
    return [account(**keys["account"]), client(**keys["client"]), reseller(**keys["reseller"])]


@pytest.mark.rule("M5.1", "M5.2", "M3.11", "M3.12")
@pytest.mark.parametrize("check", range(len(FAILING) + 1))
def test_a_refusal_carries_the_first_check_that_fails(check: int) -> None:
    dnis = "99#" if check <= 5 else "99#4420"
    expected = FAILING[check][0] if check < len(FAILING) else "grant"
    one = engine(*failing_from(check))
    assert said(one.authorize(attempt(dnis=dnis), None, key(), NOW)) == expected
    assert len(one.live) == (expected == "grant")


@pytest.mark.rule("M5.3", "M1.8")
@pytest.mark.parametrize("check", range(len(FAILING) + 1))
def test_identify_stops_before_calls_per_second(check: int) -> None:
    dnis = "99#" if check <= 5 else "99#4420"
    expected = FAILING[check][0] if check < 6 else "grant"
    one = engine(*failing_from(check))
    for _ in range(3):
        assert said(one.identify(attempt(dnis=dnis), None, NOW)) == expected
    assert not any(one.statistics().values())
    assert one.live.changes == []


@pytest.mark.rule("M5.1")
def test_the_table_of_reasons_is_in_the_order_of_the_checks() -> None:
    order = [reason.value for reason in Reason]
    assert order[order.index("account_blocked") :] == [reason for reason, _, _ in FAILING]


@pytest.mark.rule("M8.3", "M5.1", "M1.11")
def test_before_the_first_load_nothing_is_judged() -> None:
    one = Engine(Directory(proves), LiveCalls())
    for decision in (one.authorize(attempt(), None, key(), NOW), one.identify(attempt(), None, NOW)):
        assert isinstance(decision, Unavailable)
        assert reason_of(decision) == "not_ready"
    assert one.explain(attempt(), None, 50) == ((), 0)


@pytest.mark.rule("M5.1", "M3.9")
def test_nobodys_call_a_wrong_password_and_a_tie_of_clients_are_refused_first() -> None:
    named = account(3, ip="", ident_by="name", networks=(), ident_name="rose", password=b"right", blocked=True)
    strict = gateway(1, refuses_ambiguous=True)
    tied = [account(1, ip="10.0.0.1"), account(2, client_id=2, ip="10.0.0.1", blocked=True)]
    one = engine(*tied, named, client(1), client(2), strict)
    assert said(one.authorize(attempt("10.9.9.9"), None, key(), NOW)) == "unknown_source"
    wrong = attempt("", name="rose", credentials=ClearPassword("wrong"))
    assert said(one.authorize(wrong, None, key(), NOW)) == "bad_password"
    assert said(one.authorize(attempt(), strict, key(), NOW)) == "ambiguous"
    assert one.ambiguous_decisions == 1
    assert said(one.authorize(attempt(), None, key(), NOW)) == "grant"
    assert one.ambiguous_decisions == 2


@pytest.mark.rule("M5.5", "M5.6", "M5.7", "M5.8", "M5.9", "M5.10", "M5.11", "P2.9")
@pytest.mark.parametrize(
    ("reasons", "sip", "q850"),
    [
        (
            "unknown_source bad_password ambiguous account_blocked account_expired client_blocked reseller_blocked",
            403,
            21,
        ),
        ("no_credit", 402, 21),
        ("empty_dnis", 484, 28),
        ("already_released", 481, 31),
        ("cps_account cps_client capacity_account capacity_client capacity_reseller", 503, 42),
        ("not_ready overloaded draining", 500, 41),
    ],
)
def test_what_the_caller_is_told(reasons: str, sip: int, q850: int) -> None:
    for reason in reasons.split():
        assert CODES[Reason(reason)] == (sip, q850)
    assert (Reason(reasons.split(maxsplit=1)[0]) in UNAVAILABLE) is (sip == 500)


@pytest.mark.rule("M5.12")
def test_a_gateway_may_want_another_sip_code_for_a_reason() -> None:
    asking = gateway(1, sip_codes={"unknown_source": 404, "not_ready": 503})
    one = Engine(Directory(proves), LiveCalls())
    assert one.identify(attempt(), asking, NOW).sip_code == 503
    one = engine(asking)
    refused = one.identify(attempt(), asking, NOW)
    assert (refused.sip_code, refused.q850) == (404, 21)
    assert one.identify(attempt(), None, NOW).sip_code == 403


@pytest.mark.rule("M5.11")
def test_draining_and_overloaded_judge_nobody_new_and_answer_those_who_are_up() -> None:
    one = engine(account(), client(), calls_max=1)
    assert said(one.authorize(attempt(), None, key("up"), NOW)) == "grant"
    assert reason_of(one.authorize(attempt(), None, key("new"), NOW)) == "overloaded"
    one.draining = True
    assert reason_of(one.authorize(attempt(), None, key("new"), NOW)) == "draining"
    assert said(one.authorize(attempt(), None, key("up"), NOW)) == "existing"
    assert one.live.release(key("up"), NOW).result == "released"


@pytest.mark.rule("M3.11")
@pytest.mark.parametrize(
    ("valid_from", "valid_until", "said_now"),
    [
        (None, None, "grant"),
        (NOW, None, "grant"),
        (NOW + 0.001, None, "account_expired"),
        (None, NOW, "account_expired"),
        (None, NOW + 0.001, "grant"),
        (NOW - 1, NOW + 1, "grant"),
    ],
)
def test_validity_is_judged_at_the_moment_of_the_call_by_the_wall_clock(
    valid_from: float | None, valid_until: float | None, said_now: str
) -> None:
    one = engine(account(valid_from=valid_from, valid_until=valid_until), client())
    assert said(one.identify(attempt(), None, NOW)) == said_now
    one.wall_offset = 3600.0
    assert said(one.identify(attempt(), None, NOW - 3600)) == said_now


@pytest.mark.rule("M5.1")
def test_who_cannot_be_judged_pays_for_nothing() -> None:
    assert said(engine(account()).identify(attempt(), None, NOW)) == "client_blocked"
    without = engine(account(), client(reseller_id=9))
    assert said(without.identify(attempt(), None, NOW)) == "reseller_blocked"


# --- what a refusal says


@pytest.mark.rule("P2.7", "M7.3")
def test_a_refusal_says_whose_call_it_was_and_which_limit_is_full() -> None:
    one = engine(account(capacity=1), client())
    one.authorize(attempt(), None, key("a"), NOW)
    refused = one.authorize(attempt(), None, key("b"), NOW)
    assert isinstance(refused, Refuse)
    assert (refused.account_id, refused.client_id) == (1, 1)
    assert (refused.calls, refused.capacity, refused.capacity_scope) == (1, 1, "account")
    nobody = one.authorize(attempt("10.9.9.9"), None, key("b"), NOW)
    assert isinstance(nobody, Refuse)
    assert nobody.account_id is None


@pytest.mark.rule("M7.2", "M7.3")
def test_refused_for_capacity_takes_a_token_and_refused_for_cps_takes_none() -> None:
    one = engine(account(capacity=0, cps=1.0), client())
    assert said(one.authorize(attempt(), None, key("a"), NOW)) == "capacity_account"
    late = one.authorize(attempt(), None, key("b"), NOW + 0.75)
    assert isinstance(late, Refuse)
    assert (late.reason, late.retry_after_ms) == (Reason.CPS_ACCOUNT, 250)
    assert said(one.authorize(attempt(), None, key("c"), NOW + 1.0)) == "capacity_account"


# --- asking again


@pytest.mark.rule("M6.11", "P2.5", "M5.4")
def test_the_same_call_asked_again_gets_the_same_answer_and_takes_nothing() -> None:
    one = engine(account(capacity=1, cps=1.0), client())
    first = one.authorize(attempt(), None, key(), NOW)
    change(one, account(capacity=0, cps=0.0, blocked=True), client(blocked=True))
    again = one.authorize(attempt(), None, key(), NOW + 100)
    assert again == Existing(first)  # type: ignore[arg-type]  # said to be a grant by its equality
    assert one.live.lease_left(one.live.find(key()), NOW + 100) == 120
    change(one, gone(account()))
    assert one.authorize(attempt(), None, key(), NOW + 101) == again


@pytest.mark.rule("M1.10")
def test_legs_and_gateways_make_it_another_call() -> None:
    one = engine(account(), client(), gateway(1), gateway(2))
    keys = [key("c", 1), key("c", 1, "b"), key("c", 2), key("c", 0)]
    assert [said(one.authorize(attempt(), None, each, NOW)) for each in keys] == ["grant"] * 4


@pytest.mark.rule("M6.12")
def test_a_call_that_now_identifies_as_another_account_is_a_conflict_and_nothing_changes() -> None:
    one = engine(account(1), account(2), client())
    one.authorize(attempt(), None, key(), NOW)
    one.live.changes.clear()
    assert one.authorize(attempt("10.0.0.2"), None, key(), NOW + 9) == Conflict(1, 2)
    assert isinstance(one.authorize(attempt(direction="term"), None, key(), NOW + 9), Conflict)
    assert one.live.changes == []
    assert one.live.lease_left(one.live.find(key()), NOW + 9) == 111


@pytest.mark.rule("M6.12")
def test_the_name_of_a_call_is_worth_no_grant_to_who_asks_another_question() -> None:
    ann = account(3, client_id=1, ident_by="name", ident_name="ann", networks=(), password=b"right")
    one = engine(account(1), ann, client())
    assert said(one.authorize(attempt(dnis="4420"), None, key(), NOW)) == "grant"
    one.live.changes.clear()
    assert said(one.authorize(attempt("203.0.113.9", dnis="900"), None, key(), NOW + 1)) == "unknown_source"
    proven = attempt("", name="ann", credentials=ClearPassword("right"))
    assert said(one.authorize(proven, None, key("a"), NOW + 1)) == "grant"
    one.live.changes.clear()
    wrong = attempt("", name="ann", credentials=ClearPassword("wrong"))
    assert said(one.authorize(wrong, None, key("a"), NOW + 2)) == "bad_password"
    assert one.live.changes == [], "both calls stay as they are"
    assert said(one.authorize(attempt("203.0.113.9", dnis="4420"), None, key(), NOW + 3)) == "existing"


@pytest.mark.rule("M6.21")
def test_two_addresses_of_one_account_share_its_limit_and_a_reload_changes_no_count() -> None:
    both = account(capacity=2, networks=(*account(1).networks, *account(2).networks))
    one = engine(both, client())
    assert said(one.authorize(attempt("10.0.0.1"), None, key("a"), NOW)) == "grant"
    assert said(one.authorize(attempt("10.0.0.2"), None, key("b"), NOW)) == "grant"
    change(one, msgspec.structs.replace(both, name="reloaded"))
    assert said(one.authorize(attempt("10.0.0.1"), None, key("c"), NOW)) == "capacity_account"


# --- one step


@pytest.mark.rule("M6.6", "M6.7")
def test_a_decision_is_one_plain_call_that_nothing_can_interrupt() -> None:
    for decide in (Engine.authorize, Engine.identify, Engine.applied, LiveCalls.release, LiveCalls.expire):
        assert not inspect.iscoroutinefunction(decide)
        assert not inspect.isgeneratorfunction(decide)
        assert not inspect.isasyncgenfunction(decide)


@pytest.mark.rule("M4.1", "M1.12")
def test_the_generation_of_the_accounts_is_stamped_on_every_answer() -> None:
    one = engine(account(), client())
    assert one.identify(attempt(), None, NOW).generation == 1
    change(one, account(name="changed"))
    decisions = (
        one.identify(attempt(), None, NOW),
        one.authorize(attempt(), None, key(), NOW),
        one.identify(attempt("10.9.9.9"), None, NOW),
        one.unavailable(Reason.OVERLOADED, None),
    )
    assert [decision.generation for decision in decisions if isinstance(decision, Grant | Refuse | Unavailable)] == [
        2
    ] * 4


@pytest.mark.rule("M6.3", "P2.3")
def test_where_nothing_is_limited_no_limit_is_told() -> None:
    given = engine(account(orig=OrigSide()), client()).authorize(attempt(), None, key(), NOW)
    assert isinstance(given, Grant)
    assert (given.calls, given.capacity, given.capacity_scope) == (None, None, None)
