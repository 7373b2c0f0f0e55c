"""What the console asks over the Unix socket beside `usage`: a call ended by hand, and whether a change counts."""

from typing import Any

import pytest

from identd.calls import REMEMBER_SECONDS, Cause
from identd.engine import Engine
from identd.live_calls import LiveCalls
from matcher.directory import Directory
from protocol.framing import Encoding
from tests.identd.building import LOOPBACK, NOW, TCP, UNIX, Talk, account, change, client, engine, gateway, gone
from tests.matcher.oracle import proves

BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])
ASKED: list[dict[str, Any]] = [
    {"op": "usage", "accounts": [1]},
    {"op": "end", "call_id": "c"},
    {"op": "in_force", "xid": 1},
]
EACH = pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked["op"])


def small(**more: Any) -> Engine:
    return engine(account(1, capacity=1), client(), gateway(1), gateway(2), **more)


@EACH
@pytest.mark.rule("P3.1", "P3.2")
def test_console_needs_no_hello_on_the_unix_socket(asked: dict[str, Any]) -> None:
    (answer,) = Talk(small()).says(asked)
    assert answer["op"] == asked["op"]


@EACH
@pytest.mark.parametrize("peer", [TCP, LOOPBACK], ids=["tcp", "loopback"])
@pytest.mark.parametrize("hello", ["", "gw1"])
@pytest.mark.rule("P3.2")
def test_console_is_not_heard_over_tcp_with_or_without_a_hello(asked: dict[str, Any], peer: Any, hello: str) -> None:
    made = small()
    Talk(made, UNIX).authorize()
    talk = Talk(made, peer, hello=hello)
    (answer,) = talk.says(asked)
    assert (answer["op"], answer["code"]) == ("error", "forbidden")
    assert len(made.live) == 1
    assert not talk.session.closing
    assert talk.heard.errors == ["forbidden"]


@pytest.mark.rule("P3.3", "P3.4", "P3.5")
@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"op": "usage", "accounts": list(range(1, 502))}, "accounts"),
        ({"op": "usage", "clients": list(range(1, 502))}, "clients"),
        ({"op": "usage", "clients": ["1"]}, "clients[0]"),
        ({"op": "usage", "accounts": [2**63]}, "accounts[0]"),
        ({"op": "usage", "gateways": [1]}, "gateways"),
        ({"op": "end", "call_id": "é" * 128}, "call_id"),
        ({"op": "end", "call_id": "c", "gateway": "é" * 128}, "gateway"),
        ({"op": "end", "call_id": "c", "cause": "16"}, "cause"),
        ({"op": "end", "call_id": 5}, "call_id"),
        ({"op": "in_force", "xid": 1.5}, "xid"),
        ({"op": "in_force", "xid": None}, "xid"),
    ],
)
@BOTH
def test_wrong_question_of_the_console_names_its_key(
    request_: dict[str, Any], field: str, encoding: Encoding
) -> None:
    talk = Talk(small(), encoding=encoding)
    (answer,) = talk.says(request_)
    assert (answer.get("code"), answer.get("field")) == ("bad_request", field)
    assert talk.say("ping")["op"] == "pong"


def test_as_many_accounts_and_clients_as_may_be_asked_for_at_once() -> None:
    talk = Talk(engine(*(account(row_id) for row_id in range(1, 251)), *(client(row_id) for row_id in range(1, 501))))
    told = talk.say("usage", accounts=list(range(1, 501)), clients=list(range(1, 501)))
    assert (len(told["accounts"]), len(told["clients"])) == (250, 500)


@EACH
def test_usage_ends_a_turn_and_what_is_quick_does_not(asked: dict[str, Any]) -> None:
    talk = Talk(small())
    answers = talk.says(asked, asked, {"op": "ping"})
    assert len(answers) == (1 if asked["op"] == "usage" else 3)
    assert talk.session.waiting is (asked["op"] == "usage")


# --- a call ended by hand


@BOTH
@pytest.mark.rule("P3.4", "P3.10", "M6.40")
def test_call_ended_by_hand_frees_its_slot_and_the_switch_hears_that_it_is_over(encoding: Encoding) -> None:
    made = small()
    switch, console = Talk(made, hello="gw1"), Talk(made, encoding=encoding)
    assert switch.outcome("a") == "grant"
    switch.say("start", call_id="a")
    assert switch.outcome("b") == "capacity_account"
    console.now = switch.now = NOW + 61.25
    answer = console.say("end", gateway="gw1", call_id="a")
    assert {**answer, "id": 0} == {
        "id": 0, "op": "end", "result": "released", "calls": 0, "seconds": 61.25, "call": {
            "call_id": "a", "leg": "", "direction": "orig", "state": "active", "account_id": 1, "client_id": 1,
            "age_seconds": 61.25, "lease_seconds_left": 14_400 - 61.25, "gateway": "gw1",
        },
    }  # fmt: skip
    assert made.live.endings[Cause.ADMIN] == 1
    assert made.live.releases["released"] == 0, "no switch has released it"
    assert console.heard.by_hand == [("gw1", "a", 1)]
    assert switch.outcome("b") == "grant"
    assert switch.say("release", call_id="a")["result"] == "already_released"
    assert switch.outcome("a") == "already_released", "its late reserve would take a slot for nobody"
    assert console.say("end", gateway="gw1", call_id="a")["result"] == "already_released"
    assert console.heard.by_hand == [("gw1", "a", 1)]


@pytest.mark.rule("P3.10")
@pytest.mark.parametrize("named", ["gw2", None])
def test_call_of_another_gateway_is_not_ended(named: str | None) -> None:
    made = small()
    assert Talk(made, hello="gw1").outcome() == "grant"
    console = Talk(made)
    assert console.say("end", call_id="c", **({} if named is None else {"gateway": named}))["result"] == "unknown"
    assert console.say("end", call_id="c", leg="b", gateway="gw1")["result"] == "unknown"
    assert len(made.live) == 1


@pytest.mark.rule("P3.10")
def test_without_a_gateway_the_call_is_meant_that_was_asked_for_without_one() -> None:
    made = small()
    assert Talk(made).outcome() == "grant"
    console = Talk(made, hello="gw1")  # whoever says hello means no less
    assert console.say("end", call_id="c")["result"] == "released"
    assert console.heard.by_hand == [(None, "c", 1)]


@pytest.mark.rule("P3.10")
def test_call_of_a_gateway_that_is_gone_can_be_ended() -> None:
    made = small()
    assert Talk(made, hello="gw1").outcome() == "grant"
    change(made, gone(gateway(1)))
    console = Talk(made)
    assert "gateway" not in console.say("calls")["calls"][0]
    assert console.say("end", call_id="c", gateway="gw1")["code"] == "forbidden"
    assert console.say("end", call_id="c")["result"] == "released"
    assert len(made.live) == 0


@pytest.mark.rule("P3.12")
def test_which_call_of_several_without_a_known_gateway_is_meant_is_not_guessed() -> None:
    made = engine(account(1), client(), gateway(1), gateway(2))
    for name in ("gw1", "gw2"):
        assert Talk(made, hello=name).outcome() == "grant"
    change(made, gone(gateway(1)), gone(gateway(2)))
    console = Talk(made)
    for _ in range(4):
        answer = console.say("end", call_id="c")
        assert (answer["code"], answer["field"]) == ("call_id_conflict", "gateway")
    assert (len(made.live), console.heard.by_hand) == (2, [])
    assert not console.session.closing, "the console's connection is everybody's"
    made.live.end(made.live.all_calls()[0], Cause.EXPIRE, NOW)
    assert console.say("end", call_id="c")["call"]["account_id"] == 1
    assert len(made.live) == 0


@BOTH
@pytest.mark.rule("P3.12")
def test_longest_names_fit_into_the_answer_to_an_ending(encoding: Encoding) -> None:
    longest = "\1" * 255
    made = engine(account(1), client(), gateway(1, name=longest))
    assert Talk(made, hello=longest).outcome(longest, leg=longest) == "grant"
    answer = Talk(made, encoding=encoding).say("end", gateway=longest, call_id=longest, leg=longest)
    assert (answer["call"]["gateway"], answer["call"]["leg"]) == (longest, longest)


@pytest.mark.rule("P3.10")
def test_ending_what_is_not_up_changes_nothing() -> None:
    made = small()
    made.live.changes.clear()
    console = Talk(made)
    answer = console.say("end", call_id="c", gateway="gw1")
    assert (answer["result"], "call" in answer) == ("unknown", False)
    assert made.live.changes == []
    assert set(made.live.endings.values()) == set(made.live.releases.values()) == {0}
    assert Talk(made, hello="gw1").outcome() == "grant", "the switch may still ask for it"


@pytest.mark.rule("P3.10")
@pytest.mark.parametrize(("cause", "result"), [(Cause.RELEASE, "already_released"), (Cause.EXPIRE, "unknown")])
def test_call_that_has_ended_a_moment_ago_is_told_as_release_tells_it(cause: Cause, result: str) -> None:
    made = small()
    switch, console = Talk(made, hello="gw1"), Talk(made)
    switch.authorize()
    call = made.live.all_calls()[0]
    made.live.end(call, cause, NOW)
    assert console.say("end", call_id="c", gateway="gw1")["result"] == result
    console.now += REMEMBER_SECONDS
    assert console.say("end", call_id="c", gateway="gw1")["result"] == "unknown"


# --- is a change in force


@BOTH
@pytest.mark.rule("P3.5", "P3.11")
def test_transaction_is_in_force_when_the_daemon_has_it(encoding: Encoding) -> None:
    talk = Talk(small(), encoding=encoding)
    talk.facts.xids = frozenset((748, 2**64 - 1))
    for xid, in_force in ((748, True), (749, False), (0, False), (2**64 - 1, True)):
        assert talk.say("in_force", xid=xid)["in_force"] is in_force
    assert talk.say("in_force", xid=748)["generation"] == 1


@pytest.mark.rule("P3.11")
def test_nothing_is_in_force_before_there_is_data() -> None:
    talk = Talk(Engine(Directory(proves), LiveCalls()))
    talk.facts.xids = frozenset((748,))
    answer = talk.say("in_force", xid=748)
    assert (answer["in_force"], answer["generation"]) == (False, 0)
