"""Who may ask as which gateway, and for how long."""

from typing import Any

import pytest

from identd.access import Peer
from identd.asker import ASSIGNED, NO_TOKEN, NOT_A_GATEWAY, AssignedAsker, TokenAsker
from identd.engine import Engine
from identd.live_calls import LiveCalls
from matcher.address import canonical_address
from matcher.directory import Directory
from protocol.codec import Token
from protocol.framing import Encoding
from protocol.messages import Hello
from tests.identd.building import (
    NOW,
    PEERS,
    TCP,
    UNIX,
    Talk,
    account,
    change,
    client,
    engine,
    gateway,
    gone,
    load,
    network,
    verify,
)
from tests.matcher.oracle import proves

BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])


def small() -> Engine:
    return engine(account(1), account(2), client(), gateway(1), gateway(2))


def not_ready() -> Engine:
    return Engine(Directory(proves), LiveCalls())


@pytest.mark.rule("P1.3", "P2.15")
@BOTH
def test_hello_is_answered_with_what_the_switch_needs(encoding: Encoding) -> None:
    made = engine(gateway(1, reserve_seconds=30, active_seconds=600))
    assert Talk(made, TCP, encoding).say("hello", version=1, gateway="gw1") == {
        "id": 1,
        "op": "hello",
        "version": 1,
        "server": "identd test",
        "gateway": "gw1",
        "ready": True,
        "generation": 1,
        "reserve_seconds": 30,
        "active_seconds": 600,
    }


@pytest.mark.rule("P1.3", "P2.17")
@pytest.mark.parametrize(
    "request_",
    [
        {"op": "ping"},
        {"op": "status"},
        {"op": "identify", "ip": "10.0.0.1", "dnis": "44"},
        {"op": "release", "call_id": "c"},
        {"op": "sync", "phase": "begin"},
        {"op": "calls"},
        {"op": "touch", "calls": []},
    ],
)
def test_over_tcp_hello_comes_first_and_on_the_unix_socket_it_need_not(request_: dict[str, Any]) -> None:
    talk = Talk(small(), TCP)
    assert not talk.session.said_hello
    assert talk.says(request_)[0]["code"] == "hello_required"
    assert not talk.session.closing
    assert talk.say("hello", version=1, gateway="gw1")["op"] == "hello"
    assert talk.session.said_hello
    assert "code" not in talk.says(request_)[0]
    assert "code" not in Talk(small(), UNIX).says(request_)[0]


HELLOS = [
    ({}, {}, "unix", True),
    ({}, {}, "tcp", True),
    ({"gateway": "nobody"}, {}, "unix", False),
    ({"gateway": "nobody"}, {}, "tcp", False),
    ({"secret": "right"}, {"secret_hash": "hash of right"}, "tcp", True),
    ({"secret": "wrong"}, {"secret_hash": "hash of right"}, "tcp", False),
    ({}, {"secret_hash": "hash of right"}, "tcp", False),
    ({"secret": "any"}, {}, "tcp", True),
    ({}, {"secret_hash": "hash of right"}, "unix", True),  # the file's mode has decided
    ({"secret": "wrong"}, {"secret_hash": "hash of right"}, "unix", False),
    ({}, {"addresses": (network("192.0.2.0/24"),)}, "tcp", True),
    ({}, {"addresses": (network("198.51.100.0/24"),)}, "tcp", False),
    ({}, {"addresses": (network("198.51.100.0/24"),)}, "unix", True),
    ({"secret": "right"}, {"addresses": (network("198.51.100.1"),), "secret_hash": "hash of right"}, "tcp", False),
]


@pytest.mark.rule("P1.3", "P1.17", "P2.18")
@pytest.mark.parametrize(("hello", "row", "peer", "may_speak"), HELLOS)
def test_who_may_speak_as_a_gateway(hello: dict[str, Any], row: dict[str, Any], peer: str, may_speak: bool) -> None:
    talk = Talk(engine(gateway(1, **row)), PEERS[peer])
    answers = talk.says({"op": "hello", "version": 1, "gateway": "gw1", **hello}, {"op": "ping"})
    if may_speak:
        assert answers[0]["op"] == "hello"
        assert len(answers) == 2
        assert not talk.session.closing
    else:
        assert [answer.get("code") for answer in answers] == ["forbidden"], "and nothing after it is answered"
        assert talk.session.closing
        assert talk.says({"op": "ping"}) == []


@pytest.mark.rule("P1.16", "P2.17")
def test_over_tcp_a_request_that_names_another_gateway_is_forbidden() -> None:
    talk = Talk(small(), TCP, hello="gw1")
    assert talk.outcome(gateway="gw2") == "forbidden"
    assert talk.outcome(gateway="nobody") == "forbidden"
    assert talk.outcome(gateway="gw1") == "grant"
    assert not talk.session.closing


@pytest.mark.rule("P1.16", "P1.17", "M2.15")
def test_on_the_unix_socket_any_gateway_that_the_database_knows_may_be_named_or_none() -> None:
    made = engine(account(1, gateway_ids=(2,)), client(), gateway(1), gateway(2))
    talk = Talk(made)
    assert talk.outcome("a") == "unknown_source"
    assert talk.outcome("a", gateway="gw1") == "unknown_source"
    assert talk.outcome("a", gateway="gw2") == "grant"
    assert talk.outcome("a", gateway="nobody") == "forbidden"
    assert {call.key[0] for call in made.live.all_calls()} == {2}


def test_a_gateway_that_is_deleted_may_not_go_on() -> None:
    made = small()
    talk = Talk(made, TCP, hello="gw1")
    change(made, gone(gateway(1)))
    for answer in (
        talk.authorize(),
        talk.say("release", call_id="c"),
        talk.say("calls"),
        talk.say("sync", phase="begin"),
    ):
        assert answer["code"] == "forbidden"
    assert talk.say("ping")["op"] == "pong"


@pytest.mark.rule("M6.32", "P2.17", "P2.18")
def test_a_new_boot_ends_the_earlier_ones_calls_and_connections() -> None:
    made = small()
    old, new = Talk(made, TCP), Talk(made, TCP)
    old.say("hello", version=1, gateway="gw1", boot_id=7)
    assert old.outcome("c") == "grant"
    new.say("hello", version=1, gateway="gw1", boot_id=8)
    assert new.say("calls")["calls"] == []
    assert old.outcome("d") == "stale_boot"
    assert old.session.closing
    late = Talk(made, TCP)
    assert late.say("hello", version=1, gateway="gw1", boot_id=7)["code"] == "stale_boot"
    assert late.session.closing


@pytest.mark.rule("M6.33")
def test_a_closed_connection_ends_nothing() -> None:
    made = small()
    assert Talk(made, TCP, hello="gw1").outcome() == "grant"
    assert Talk(made, TCP, hello="gw1").outcome() == "existing"
    assert Talk(made, TCP, hello="gw1").say("release", call_id="c")["result"] == "released"


@pytest.mark.rule("M8.3", "P1.3")
def test_a_hello_before_there_is_data_is_checked_when_data_arrives() -> None:
    made = not_ready()
    good, bad = Talk(made, TCP), Talk(made, TCP)
    assert good.say("hello", version=1, gateway="gw1", boot_id=3)["ready"] is False
    assert bad.say("hello", version=1, gateway="gw1", secret="wrong")["ready"] is False
    for talk in (good, bad):
        assert talk.outcome() == "not_ready"
        assert talk.say("status")["ready"] is False
        assert talk.say("release", call_id="c")["code"] == "internal"
    load(made, account(), client(), gateway(1, secret_hash=None, addresses=()), gateway(2))
    assert good.outcome() == "grant"
    assert made.live.boots == {1: 3}
    load(made, account(), client(), gateway(1, secret_hash="hash of right"))
    assert bad.outcome("d") == "forbidden"
    assert bad.session.closing
    assert [call.key[1] for call in made.live.all_calls()] == ["c"]


# --- by token, and by the configuration


HTTP = Peer("http", "192.0.2.7:40000", canonical_address("192.0.2.7"))
EVAPI = Peer("evapi", "192.0.2.7:8448", canonical_address("192.0.2.7"))
SECRET = gateway(1, secret_hash="hash of s")


def test_a_token_is_good_until_another_comes() -> None:
    asker = TokenAsker(engine(account(), client(), SECRET, gateway(2)), HTTP, verify)
    assert (asker.said_hello, asker.check(NOW)) == (False, NO_TOKEN)
    asker.present(Token("gw1", "s"), NOW)
    assert (asker.said_hello, asker.check(NOW), asker.gateway_id()) == (True, None, 1)
    for token in (Token("gw1", "t"), Token("nobody", "s"), Token(None, None), Token("gw2", "")):
        asker.present(token, NOW)
        assert (asker.said_hello, asker.check(NOW)) == (False, NO_TOKEN), (
            f"{token}: a gateway without a secret is nobody"
        )
    asker.present(Token("gw1", "s"), NOW)
    assert asker.check(NOW) is None


def test_a_token_is_held_until_there_is_data() -> None:
    made = not_ready()
    good, bad = (TokenAsker(made, HTTP, verify) for _ in range(2))
    good.present(Token("gw1", "s"), NOW)
    bad.present(Token("gw1", "t"), NOW)
    assert (good.check(NOW), bad.check(NOW)) == (None, None), "nobody can say yet"
    load(made, account(), client(), SECRET)
    assert (good.check(NOW), bad.check(NOW)) == (None, NO_TOKEN)
    assert (good.gateway_id(), bad.said_hello) == (1, False)


def test_whoever_the_configuration_names_cannot_say_to_be_another() -> None:
    made = engine(account(), client(), gateway(1), gateway(2))
    asker = AssignedAsker(made, EVAPI, verify, "gw1")
    assert (asker.check(NOW), asker.gateway_id()) == (None, 1)
    assert asker.say_hello(Hello(id=1, version=1, gateway="gw2", boot_id=9), NOW) == ASSIGNED
    assert not ASSIGNED.closes
    assert (asker.check(NOW), asker.gateway_id(), made.live.boots) == (None, 1, {})
    change(made, gone(gateway(1)))
    assert asker.check(NOW) == NOT_A_GATEWAY
    change(made, gateway(3, name="gw1"))
    assert (asker.check(NOW), asker.gateway_id()) == (None, 3)
