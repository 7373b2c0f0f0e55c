"""One sentence of the pages a test: what is else shown only together with ten others, in one long conversation."""

import pytest

from matcher.account import OrigSide
from protocol.framing import Encoding
from tests.identd.building import NOW, Talk, account, attempt, client, engine, gateway, key

BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])


def talk(encoding: Encoding = "json") -> Talk:
    """A switch that has said hello, and a client with two accounts, at 10.0.0.1 and 10.0.0.2."""
    return Talk(engine(account(1), account(2), client(), gateway(1)), encoding=encoding, hello="gw1")


def calls_up(one: Talk) -> int:
    return len(one.say("calls")["calls"])


@pytest.mark.rule("M0.1")
def test_a_call_is_billed_to_the_client_of_the_account_that_matched_and_to_no_other() -> None:
    made = engine(account(1, client_id=7), account(2, client_id=8), client(7), client(8))
    for row_id, payer in ((1, 7), (2, 8)):
        given = made.authorize(attempt(f"10.0.0.{row_id}"), None, key(str(row_id)), NOW)
        assert (given.account_id, given.client_id) == (row_id, payer)
        assert made.live.find(key(str(row_id))).client_id == payer


@pytest.mark.rule("M1.9")
def test_to_authorize_is_to_identify_and_to_reserve() -> None:
    one = talk()
    granted, identified = one.authorize("c"), one.say("identify", ip="10.0.0.1", dnis="4420")
    same = ("decision", "account_id", "client_id", "ident_by", "matched", "dnis")
    assert [granted[name] for name in same] == [identified[name] for name in same]
    (call,) = one.say("calls")["calls"]
    assert (call["call_id"], call["state"]) == ("c", "reserved")


@pytest.mark.rule("M5.6")
def test_a_caller_that_nobody_knows_is_403_with_cause_21() -> None:
    refused = talk().say("identify", ip="192.0.2.9", dnis="4420")
    assert (refused["reason"], refused["sip_code"], refused["q850"]) == ("unknown_source", 403, 21)


@pytest.mark.rule("M5.7")
def test_a_client_without_credit_is_402_with_cause_21() -> None:
    broke = Talk(engine(account(), client(balance_micros=0, credit_limit_micros=0)))
    refused = broke.authorize()
    assert (refused["reason"], refused["sip_code"], refused["q850"]) == ("no_credit", 402, 21)


@pytest.mark.rule("M5.9")
def test_a_reserve_that_comes_after_its_release_is_481_with_cause_31() -> None:
    one = talk()
    one.authorize("c")
    one.say("release", call_id="c")
    refused = one.authorize("c")
    assert (refused["reason"], refused["sip_code"], refused["q850"]) == ("already_released", 481, 31)


@pytest.mark.rule("M5.10")
@pytest.mark.parametrize(
    ("limited", "payer", "reason"),
    [
        ({"cps": 1.0}, {}, "cps_account"),
        ({}, {"cps": 1.0}, "cps_client"),
        ({"capacity": 1}, {}, "capacity_account"),
        ({}, {"capacity": 1}, "capacity_client"),
    ],
)
def test_who_asks_for_more_than_was_sold_is_503_with_cause_42(
    limited: dict[str, float], payer: dict[str, float], reason: str
) -> None:
    one = Talk(engine(account(**limited), client(**payer)))
    assert one.authorize("first")["decision"] == "grant"
    refused = one.authorize("second")
    assert (refused["reason"], refused["sip_code"], refused["q850"]) == (reason, 503, 42)


@pytest.mark.rule("P1.2")
@BOTH
def test_what_is_asked_is_what_op_says_and_an_op_that_is_not_there_is_an_error(encoding: Encoding) -> None:
    one = talk(encoding)
    assert one.say("ping")["op"] == "pong"
    assert one.say("status")["op"] == "status"
    (answer,) = one.says({"op": "dance"})
    assert (answer["op"], answer["code"]) == ("error", "bad_request")


@pytest.mark.rule("P1.4", "P2.4")
@BOTH
def test_identify_changes_nothing_and_lends_nothing(encoding: Encoding) -> None:
    one = talk(encoding)
    answers = [one.say("identify", ip="10.0.0.1", dnis="4420") for _ in range(3)]
    assert {answer["decision"] for answer in answers} == {"grant"}
    assert not any("lease_seconds" in answer for answer in answers)
    assert calls_up(one) == 0


@pytest.mark.rule("P1.5")
@BOTH
def test_authorize_reserves_each_leg_of_a_call_for_itself(encoding: Encoding) -> None:
    one = talk(encoding)
    assert one.authorize("c")["lease_seconds"] == 120
    assert "existing" not in one.authorize("c", leg="b")
    assert calls_up(one) == 2
    (answer,) = one.says({"op": "authorize", "ip": "10.0.0.1", "dnis": "4420"})
    assert (answer["code"], answer["field"]) == ("bad_request", "call_id")


@pytest.mark.rule("P1.6")
@BOTH
def test_start_says_that_this_leg_was_answered(encoding: Encoding) -> None:
    one = talk(encoding)
    one.authorize("c", leg="a")
    one.authorize("c", leg="b")
    assert one.say("start", call_id="c", leg="b")["result"] == "started"
    assert {call["leg"]: call["state"] for call in one.say("calls")["calls"]} == {"a": "reserved", "b": "active"}


@pytest.mark.rule("P1.7")
@BOTH
@pytest.mark.parametrize("cause", [{}, {"cause": "grant"}, {"cause": "expire"}, {"cause": "so long"}])
def test_release_ends_the_call_whatever_the_cause_says(encoding: Encoding, cause: dict[str, str]) -> None:
    made = engine(account(), client(), gateway(1))
    one = Talk(made, encoding=encoding, hello="gw1")
    one.authorize("c")
    assert one.say("release", call_id="c", **cause)["result"] == "released"
    assert {ending.value: n for ending, n in made.live.endings.items() if n} == {"release": 1}


@pytest.mark.rule("P1.8")
@BOTH
def test_touch_says_that_these_calls_live_and_no_others(encoding: Encoding) -> None:
    one = talk(encoding)
    one.authorize("c")
    one.authorize("other")
    one.now += 100
    assert one.say("touch", calls=[["c", ""]])["result"] == "touched"
    left = {call["call_id"]: call["lease_seconds_left"] for call in one.say("calls")["calls"]}
    assert left == {"c": 120.0, "other": 20.0}


@pytest.mark.rule("P2.1")
@pytest.mark.parametrize("asked", [{"op": "identify"}, {"op": "authorize", "call_id": "c"}])
def test_a_grant_is_the_answer_where_an_account_was_found_and_may_call(asked: dict[str, str]) -> None:
    made = engine(account(1), account(2, blocked=True), client())
    for host, decision in ((3, "refuse"), (2, "refuse"), (1, "grant")):
        (answer,) = Talk(made).says({**asked, "ip": f"10.0.0.{host}", "dnis": "4420"})
        assert answer["decision"] == decision


@pytest.mark.rule("P2.2")
@BOTH
def test_a_grant_says_whose_call_it_is_by_what_and_with_which_number(encoding: Encoding) -> None:
    rose = account(176, 12, "10.0.0.0/24", name="rose_orig", tech_prefix="1234#", orig=OrigSide(rate_table_id=5))
    granted = Talk(engine(rose, client(12, name="Rose")), encoding=encoding).authorize(dnis="1234#44")
    expected = {
        "account_id": 176,
        "account": "rose_orig",
        "client_id": 12,
        "client": "Rose",
        "ident_by": "ip",
        "matched": "10.0.0.0/24",
        "tech_prefix": "1234#",
        "dnis": "44",
        "dnis_received": "1234#44",
        "rate_table_id": 5,
        "rate_table_from": "account",
    }
    assert {name: granted.get(name) for name in expected} == expected


@pytest.mark.rule("P2.12")
@BOTH
def test_what_becomes_of_a_call_is_said_in_a_result(encoding: Encoding) -> None:
    one = talk(encoding)
    one.authorize("c")
    assert [
        one.say("start", call_id="c")["result"],
        one.say("touch", calls=[["c", ""]])["result"],
        one.say("sync", phase="begin")["result"],
        one.say("release", call_id="c")["result"],
    ] == ["started", "touched", "sync_begun", "released"]
