"""What saving an account would do, as the matcher sees it: who shares its place, wins which calls, and is hidden."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.objects.account import AccountDraft
from console.objects.account_warnings import CallsUp
from console.objects.effect import Effect, effect_of
from console.objects.matched_account import ClientFacts, Neighbours, matched
from console.objects.tried_calls import proves
from matcher.account import Account, Gateway, IdentType
from matcher.address import network_text
from matcher.attempt import ClearPassword
from matcher.index import AccountIndex, Match
from tests.matcher import strategies

NOW = 1_700_000_000.0
ROSE, IRIS = 12, 13
CLIENTS = {
    ROSE: ClientFacts(id=ROSE, name="Rose", orig_rate_table_id=1, term_rate_table_id=1, routing_plan_id=1),
    IRIS: ClientFacts(id=IRIS, name="Iris", orig_rate_table_id=1, term_rate_table_id=1, routing_plan_id=1),
}


def draft(name: str, client_id: int = ROSE, **columns: Any) -> AccountDraft:
    ident_by: IdentType = "ip" if "ip" in columns else "name" if "ident_name" in columns else "ani"
    return AccountDraft(client_id=client_id, name=name, ident_by=ident_by, **{"orig_enabled": True, **columns})


def around(*drafts: AccountDraft, own: AccountDraft | None = None, own_id: int = 50, **more: Any) -> Neighbours:
    """Accounts with ids from 1 in this order; their own passwords are set where the name says so."""
    accounts = [matched(one, n, has_password="password" in one.name) for n, one in enumerate(drafts, 1)]
    return Neighbours(
        accounts=tuple(accounts), own=None if own is None else matched(own, own_id), clients=CLIENTS,
        gateways={1: "GW Calls", 2: "gw2"}, **more,
    )  # fmt: skip


def told(effect: Effect) -> list[str]:
    """What changes hands, in words."""
    return sorted(outcome.sentence for outcome in effect.takeovers)


def test_a_new_account_at_an_address_that_nobody_has() -> None:
    effect = effect_of(draft("new", ip=("11.11.20.33",)), around(), NOW)
    assert told(effect) == ["Calls from 11.11.20.33 go to this account; today they are nobody's."]
    assert (effect.sharing, effect.ambiguous, effect.shadowed, effect.warnings) == ((), (), (), ())


# (accounts there, the one that is saved, what it was or None, what changes hands)
TAKEOVERS: list[tuple[str, list[AccountDraft], AccountDraft, AccountDraft | None, list[str]]] = [
    (
        "a longer tech prefix takes its calls from the account without one, and only those",
        [draft("a", IRIS, ip=("192.0.2.10",))],
        draft("b", ip=("192.0.2.10",), tech_prefix="1234#"),
        None,
        ["Calls from 192.0.2.10 with prefix 1234# go to this account instead of a (Iris)."],
    ),
    (
        "a call with one prefix keeps clear of the longer prefixes beside it",
        [draft("a", IRIS, ip=("192.0.2.10",), tech_prefix="15"), draft("c", IRIS, ip=("192.0.2.10",))],
        draft("b", ip=("192.0.2.10",), tech_prefix="1"),
        None,
        ["Calls from 192.0.2.10 with prefix 1 go to this account instead of c (Iris)."],
    ),
    (
        "a host takes its calls from the network around it",
        [draft("a", IRIS, ip=("192.0.2.0/24",))],
        draft("b", ip=("192.0.2.10",)),
        None,
        ["Calls from 192.0.2.10 go to this account instead of a (Iris)."],
    ),
    (
        "a network takes nothing from the host within it, but all around it",
        [draft("a", IRIS, ip=("192.0.2.10",))],
        draft("b", ip=("192.0.2.0/24",)),
        None,
        ["Calls from 192.0.2.0/24 go to this account; today they are nobody's."],
    ),
    (
        "but a host whose conditions fail leaves the call to the network around it",
        [draft("a", IRIS, ip=("192.0.2.10",), port=5060)],
        draft("b", ip=("192.0.2.0/24",)),
        None,
        ["Calls from 192.0.2.10, 192.0.2.0/24 go to this account; today they are nobody's."],
    ),
    (
        "moving away leaves the calls to the account behind",
        [draft("a", IRIS, ip=("192.0.2.10",))],
        draft("b", ip=("192.0.2.99",), tech_prefix="12"),
        draft("b", ip=("192.0.2.10",), tech_prefix="12"),
        ["Calls from 192.0.2.10 with prefix 12 go to a (Iris) instead of this account.",
         "Calls from 192.0.2.99 with prefix 12 go to this account; today they are nobody's."],
    ),
    (
        "an account that is switched off leaves its calls to the network around it",
        [draft("a", IRIS, ip=("192.0.2.0/24",))],
        draft("b", ip=("192.0.2.10",), orig_enabled=False),
        draft("b", ip=("192.0.2.10",)),
        ["Calls from 192.0.2.10 go to a (Iris) instead of this account."],
    ),
    (
        "or to nobody",
        [],
        draft("b", ip=("192.0.2.10",), orig_enabled=False),
        draft("b", ip=("192.0.2.10",)),
        ["Calls from 192.0.2.10 go to nobody; today they are this account's."],
    ),
    (
        "a blocked account keeps its calls: they are refused and go to nobody else",
        [draft("a", IRIS, ip=("192.0.2.0/24",))],
        draft("b", ip=("192.0.2.10",), status="blocked"),
        draft("b", ip=("192.0.2.10",)),
        [],
    ),
    (
        "bound to a gateway comes before bound to none, at that gateway",
        [draft("a", IRIS, ip=("192.0.2.10",))],
        draft("b", ip=("192.0.2.10",), gateway_ids=(1,)),
        None,
        ["Calls from 192.0.2.10, asked by GW Calls, go to this account instead of a (Iris)."],
    ),
    (
        "a port and a protocol take calls together that each alone does not",
        [draft("a", IRIS, ip=("192.0.2.10",), protocol="sip")],
        draft("b", ip=("192.0.2.10",), port=5060),
        None,
        ["Calls from 192.0.2.10, over SIP, port 5060, go to this account instead of a (Iris).",
         "Calls from 192.0.2.10, port 5060, go to this account; today they are nobody's."],
    ),
    (
        "terminator calls are judged apart",
        [draft("a", IRIS, ip=("192.0.2.10",))],
        draft("b", ip=("192.0.2.10",), orig_enabled=False, term_enabled=True),
        None,
        ["Calls to 192.0.2.10 go to this account; today they are nobody's."],
    ),
    (
        "a number takes its calls from the prefix",
        [draft("a", IRIS, ani="44*")],
        draft("b", ani="+442079"),
        None,
        ["Calls from number 442079 go to this account instead of a (Iris)."],
    ),
    (
        "a prefix takes nothing from a longer one within it",
        [draft("a", IRIS, ani="445*"), draft("c", IRIS, ani="445550100")],
        draft("b", ani="44*"),
        None,
        ["Calls from number 44* go to this account; today they are nobody's."],
    ),
    (
        "on the way out the number is the called one",
        [draft("a", IRIS, ani="*", orig_enabled=False, term_enabled=True)],
        draft("b", ani="44*", orig_enabled=False, term_enabled=True),
        None,
        ["Calls to number 44* go to this account instead of a (Iris)."],
    ),
    (
        "the account moves to another client with all its calls",
        [],
        draft("b", IRIS, ip=("192.0.2.10",)),
        draft("b", ROSE, ip=("192.0.2.10",)),
        ["Calls from 192.0.2.10 are this account's, for Iris and no more Rose."],
    ),
    (
        "of a name only the proven password makes it this account's",
        [draft("a", IRIS, ident_name="rose")],
        draft("b", ident_name="rose", tech_prefix="1"),
        None,
        ["Calls from rose with prefix 1 go to this account instead of a (Iris)."],
    ),
    (
        "known by name instead of by address",
        [draft("a", IRIS, ip=("10.0.0.0/8",))],
        draft("b", ident_name="rose"),
        draft("b", ip=("10.0.0.1",)),
        ["Calls from 10.0.0.1 go to a (Iris) instead of this account.",
         "Calls from rose go to this account; today they are nobody's."],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("there", "saved", "was", "hands"), [row[1:] for row in TAKEOVERS], ids=[r[0] for r in TAKEOVERS]
)
def test_which_calls_change_hands(
    there: list[AccountDraft], saved: AccountDraft, was: AccountDraft | None, hands: list[str]
) -> None:
    effect = effect_of(saved, around(*there, own=was), NOW)
    assert told(effect) == hands


def test_a_name_with_a_password_wins_only_calls_that_prove_it() -> None:
    effect = effect_of(
        draft("b", ident_name="rose"), around(draft("a", IRIS, ident_name="rose")), NOW, has_password=True
    )
    assert told(effect) == ["Calls from rose, with the password of b, go to this account; today they are nobody's."]


def test_many_addresses_at_which_the_same_happens_are_one_outcome() -> None:
    addresses = tuple(f"192.0.2.{n}" for n in range(1, 21))
    effect = effect_of(draft("b", ip=addresses), around(draft("a", IRIS, ip=("192.0.2.7",))), NOW)
    (outcome,) = effect.takeovers
    assert (outcome.at, outcome.places) == (("192.0.2.1", "192.0.2.2", "192.0.2.3"), 19)
    assert (
        outcome.sentence
        == "Calls from 192.0.2.1, 192.0.2.2, 192.0.2.3 and 16 more go to this account; today they are nobody's."
    )


def test_accounts_that_share_the_place_are_listed_with_their_client_and_conditions() -> None:
    effect = effect_of(
        draft("b", ip=("192.0.2.0/24",), tech_prefix="1"),
        around(
            draft("same", IRIS, ip=("192.0.2.0/24", "10.0.0.1"), tech_prefix="12", port=5060, gateway_ids=(1, 2)),
            draft("wider", ip=("0.0.0.0/0",), term_enabled=True, status="blocked"),
            draft("narrower", ip=("192.0.2.1", "192.0.2.2")),
            draft("apart", ip=("10.0.0.1",)),
        ),
        NOW,
    )
    shown = [
        (s.who.account, s.who.client, s.relation, s.at, s.places, s.tech_prefix, s.conditions) for s in effect.sharing
    ]
    assert shown == [
        ("same", "Iris", "same", "192.0.2.0/24", 1, "12", "port 5060, asked by GW Calls or gw2"),
        ("wider", "Rose", "wider", "0.0.0.0/0", 1, "", ""),
        ("narrower", "Rose", "narrower", "192.0.2.1", 2, "", ""),
    ]
    assert effect.sharing[1].directions == ("orig", "term")
    assert effect.sharing[1].blocked


def test_accounts_of_two_clients_that_only_the_id_tells_apart_are_ambiguous() -> None:
    there = around(draft("a", IRIS, ip=("192.0.2.10",), tech_prefix="12"))
    effect = effect_of(draft("b", ip=("192.0.2.10",), tech_prefix="12"), there, NOW)
    (tie,) = effect.ambiguous
    assert (tie.other.account, tie.wins.account, tie.direction, tie.at, tie.new) == (
        "a",
        "a",
        "orig",
        "192.0.2.10",
        True,
    )
    assert tie.sentence.startswith("Calls from 192.0.2.10 with prefix 12 are as much a (Iris)'s as this account's")
    assert any(outcome.ambiguous for outcome in effect.outcomes)
    (shadow,) = effect.shadowed
    assert (shadow.shadowed.is_this, shadow.by.account) == (True, "a")


def test_an_ambiguity_that_was_there_before_is_not_new() -> None:
    one = draft("b", ip=("192.0.2.10",))
    there = around(draft("a", IRIS, ip=("192.0.2.10",)), own=one)
    assert [tie.new for tie in effect_of(msgspec.structs.replace(one, notes="x"), there, NOW).ambiguous] == [False]
    assert effect_of(msgspec.structs.replace(one, port=5060), there, NOW).ambiguous == ()


def test_of_two_accounts_of_one_client_the_later_is_shadowed() -> None:
    later = effect_of(draft("b", ip=("192.0.2.10",)), around(draft("a", ip=("192.0.2.10",))), NOW)
    assert [(s.shadowed.account, s.by.account) for s in later.shadowed] == [("b", "a")]
    assert later.ambiguous == ()
    earlier = effect_of(
        draft("b", ip=("192.0.2.10", "192.0.2.11")),
        around(draft("a", ip=("192.0.2.10",)), draft("half", ip=("192.0.2.10", "10.0.0.1")),
               own=draft("b", ip=("192.0.2.11",)), own_id=0),
        NOW,
    )  # fmt: skip
    assert [(s.shadowed.account, s.by.account) for s in earlier.shadowed] == [("a", "b")], "half wins at 10.0.0.1"


def test_a_network_whose_every_address_is_somebody_else_s_is_shadowed() -> None:
    there = around(draft("a", IRIS, ip=("192.0.2.0",)), draft("c", IRIS, ip=("192.0.2.1",)))
    effect = effect_of(draft("b", ip=("192.0.2.0/31",)), there, NOW)
    assert [s.shadowed.account for s in effect.shadowed] == ["b"]
    assert told(effect) == []


def test_cautions_and_what_was_not_looked_at_are_part_of_it() -> None:
    there = around(more=7, many=True, unusable=(3,))
    effect = effect_of(draft("b", ip=("0.0.0.0/0",), orig_capacity=1), there, NOW, calls_up=CallsUp(5, 0))
    assert [caution.field for caution in effect.warnings] == ["ip", "orig_capacity"]
    assert (effect.sharing_more, effect.sharing_many, effect.unusable, effect.calls_up) == (
        7,
        True,
        (3,),
        CallsUp(5, 0),
    )


def test_an_effect_is_ready_for_json() -> None:
    effect = effect_of(draft("b", ip=("192.0.2.10",)), around(draft("a", IRIS, ip=("192.0.2.10",))), NOW)
    assert msgspec.json.decode(msgspec.json.encode(effect), type=Effect) == effect


# No call changes hands without an outcome that tells it: random accounts, random calls.


def as_draft(account: Account) -> AccountDraft:
    return AccountDraft(
        client_id=account.client_id, name=f"a{account.id}", ident_by=account.ident_by,
        ip=tuple(dict.fromkeys(map(network_text, account.networks))), ident_name=account.ident_name, ani=account.ani,
        tech_prefix=account.tech_prefix or None, protocol=account.protocol, port=account.port,
        gateway_ids=account.gateway_ids, orig_enabled=account.orig is not None, term_enabled=account.term is not None,
    )  # fmt: skip


RANDOM = strategies.accounts(st.integers(1, 12))
CREDENTIALS = st.one_of(st.none(), st.integers(1, 12).map(lambda n: ClearPassword(str(n))))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(RANDOM, max_size=6, unique_by=lambda account: account.id), st.none() | RANDOM, RANDOM,
    st.lists(st.tuples(strategies.attempts, CREDENTIALS, st.sampled_from([0, 1, 2, 3])), min_size=5, max_size=30),
)  # fmt: skip
def test_no_call_changes_hands_without_an_outcome_that_tells_it(
    there: list[Account], was: Account | None, becomes: Account, calls: list[Any]
) -> None:
    others = [matched(as_draft(one), one.id, has_password=one.password is not None) for one in there]
    own_id = 2**63 - 1 if was is None else was.id
    own = None if was is None else matched(as_draft(was), own_id, has_password=was.password is not None)
    # names tell accounts apart below, and they are made from the ids
    others = [one for one in others if one.id not in (own_id, becomes.id)]
    saved, has_password = as_draft(becomes), becomes.password is not None
    effect = effect_of(saved, Neighbours(accounts=tuple(others), own=own), NOW, has_password=has_password)
    before, after = AccountIndex(proves), AccountIndex(proves)
    for one in others:
        before.insert(one)
        after.insert(one)
    if own is not None:
        before.insert(own)
    after.insert(matched(saved, own_id, has_password=has_password))
    outcomes = {
        (o.direction, o.ident_by, o.before and o.before.account, o.after and o.after.account) for o in effect.outcomes
    }
    for attempt, credentials, gateway_id in calls:
        for ident_by in {becomes.ident_by, *([] if was is None else [was.ident_by])}:
            gateway = Gateway(id=gateway_id, name="", ident_order=(ident_by,))
            call = msgspec.structs.replace(attempt, credentials=credentials)
            first, second = before.identify(call, gateway), after.identify(call, gateway)
            old = first.account.name if isinstance(first, Match) else None
            new = second.account.name if isinstance(second, Match) else None
            mine = {own.name if own else None, saved.name} - {None}
            if {old, new} & mine:
                assert (call.direction, ident_by, old, new) in outcomes
            else:
                assert old == new
