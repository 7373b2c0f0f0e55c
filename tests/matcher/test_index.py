"""The index says what a linear scan written from the rules says, whatever the accounts and the call."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from matcher.account import Account, Gateway, OrigSide
from matcher.attempt import CallAttempt, ClearPassword
from matcher.index import AccountIndex, Ambiguous, Match, NoMatch
from tests.matcher import oracle
from tests.matcher.strategies import accounts, attempts, gateways

many_accounts = st.lists(accounts(st.integers(1, 90)), max_size=40, unique_by=lambda account: account.id)


def filled(rows: list[Account]) -> AccountIndex:
    index = AccountIndex(oracle.proves)
    for account in rows:
        index.insert(account)
    return index


def as_answer(found: Match | NoMatch | Ambiguous) -> oracle.Answer:
    """The index's answer in the oracle's words."""
    if isinstance(found, NoMatch):
        return oracle.Answer(found.reason)
    match = found.match if isinstance(found, Ambiguous) else found
    specific = 10_000 if match.specificity == 1_000 else match.specificity
    outcome = "ambiguous" if isinstance(found, Ambiguous) else "match"
    return oracle.Answer(outcome, match.account.id, match.ident_by, specific, match.ambiguous)


@pytest.mark.rule("M0.1", "M0.2", "M2.2", "M3.2", "M3.3", "M3.6", "M3.7", "M3.8", "M3.9", "M3.10")
@settings(max_examples=400, deadline=None)
@given(rows=many_accounts, calls=st.lists(st.tuples(attempts, gateways), min_size=1, max_size=12))
def test_the_index_answers_as_a_reading_of_the_rules_over_a_list_does(
    rows: list[Account], calls: list[tuple[CallAttempt, Gateway | None]]
) -> None:
    index = filled(rows)
    for attempt, gateway in calls:
        assert as_answer(index.identify(attempt, gateway)) == oracle.answer(rows, attempt, gateway)


@pytest.mark.rule("M3.9")
@settings(max_examples=200, deadline=None)
@given(rows=many_accounts)
def test_the_count_of_ambiguous_pairs_is_that_of_comparing_everyone_with_everyone(rows: list[Account]) -> None:
    index = filled(rows)
    expected = sum(_ties(one, other) for one in rows for other in rows if one.id < other.id)
    assert index.statistics()["ambiguous_pairs"] == expected
    for account in rows:
        index.remove(account)
    assert index.statistics() == filled([]).statistics()


def _ties(one: Account, other: Account) -> int:
    """At how many networks, names or ANIs, in how many directions, only the id may decide between the two."""
    same_keys = (
        one.client_id != other.client_id
        and one.tech_prefix == other.tech_prefix
        and one.port == other.port
        and (one.protocol or "").lower() == (other.protocol or "").lower()
        and bool(one.gateway_ids) == bool(other.gateway_ids)
        and (not one.gateway_ids or bool(set(one.gateway_ids) & set(other.gateway_ids)))
        and one.ident_by == other.ident_by
    )
    if not same_keys:
        return 0
    directions = (one.orig is not None and other.orig is not None) + (one.term is not None and other.term is not None)
    places = {
        "ip": len(set(one.networks) & set(other.networks)),
        "name": one.ident_name == other.ident_name,
        "ani": one.ani == other.ani,
    }
    return directions * places[one.ident_by]


@pytest.mark.rule("M1.8")
def test_identify_changes_nothing() -> None:
    rose = Account(id=1, client_id=1, name="r", ident_by="name", ident_name="rose", orig=OrigSide())
    index = filled([rose])
    attempt = CallAttempt("orig", "1", name="rose", name_verified=True)
    before = index.statistics()
    assert index.identify(attempt, None) == index.identify(attempt, None) == Match(rose, "name")
    assert index.statistics() == before


@pytest.mark.rule("M2.8")
def test_an_unknown_name_costs_a_proof_as_a_wrong_password_does() -> None:
    asked: list[Account | None] = []

    def prove(account: Account | None, attempt: CallAttempt) -> bool:
        asked.append(account)
        return False

    index = AccountIndex(prove)
    rose = Account(id=1, client_id=1, name="r", ident_by="name", ident_name="rose", password=b"x", orig=OrigSide())
    index.insert(rose)
    wrong = ClearPassword("guess")
    assert index.identify(CallAttempt("orig", "1", name="tulip", credentials=wrong), None) == NoMatch(
        "unknown_source"
    )
    assert asked == [None]
    assert index.identify(CallAttempt("orig", "1", name="rose", credentials=wrong), None) == NoMatch("bad_password")
    assert asked == [None, rose]
