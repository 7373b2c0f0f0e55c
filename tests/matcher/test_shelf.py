"""One, a few or many accounts at one place: the same accounts come out in order, however they came in."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.account import Account, OrigSide
from matcher.attempt import CallAttempt
from matcher.index import AccountIndex
from matcher.prefixes import DigitPrefixes
from matcher.shelf import FEW_MAX, Entry, accounts_of, placed, taken
from tests.matcher import oracle
from tests.matcher.test_index import as_answer


@st.composite
def crowded(draw: st.DrawFn) -> list[Account]:
    """Many accounts at one name, enough of them for a shelf."""
    return [
        Account(
            id=number,
            client_id=draw(st.integers(1, 2)),
            name="a",
            ident_by="name",
            ident_name="rose",
            tech_prefix=draw(st.sampled_from(["", "1", "12", "2"])),
            port=draw(st.sampled_from([None, 5060])),
            gateway_ids=draw(st.sampled_from([(), (1,)])),
            orig=OrigSide(),
        )
        for number in range(1, draw(st.integers(1, 3 * FEW_MAX)) + 1)
    ]


@pytest.mark.rule("M3.6", "M3.9")
@settings(max_examples=150, deadline=None)
@given(
    rows=crowded(),
    dnis=st.sampled_from(["", "1", "12", "129", "2", "3"]),
    port=st.sampled_from([0, 5060]),
    seed=st.integers(),
)
def test_a_crowd_at_one_name_is_told_apart_whatever_came_and_went(
    rows: list[Account], dnis: str, port: int, seed: int
) -> None:
    shuffled = list(rows)
    rng = random.Random(seed)
    rng.shuffle(shuffled)
    index = AccountIndex(oracle.proves)
    for account in shuffled:
        index.insert(account)
    attempt = CallAttempt("orig", dnis, port=port, name="rose", name_verified=True)
    here = list(rows)
    rng.shuffle(shuffled)
    while here:
        assert as_answer(index.identify(attempt, None)) == oracle.answer(here, attempt, None)
        gone = shuffled.pop()
        here.remove(gone)
        index.remove(gone)
    assert index.statistics() == AccountIndex(oracle.proves).statistics()


@settings(max_examples=100, deadline=None)
@given(rows=crowded(), kept=st.integers(0, 3 * FEW_MAX), seed=st.integers())
def test_an_entry_that_shrank_is_the_same_as_one_that_never_grew(rows: list[Account], kept: int, seed: int) -> None:
    grown: Entry | None = None
    for account in rows:
        grown = placed(grown, account)
    left = rows[:kept]
    for account in random.Random(seed).sample(rows[kept:], len(rows[kept:])):
        grown = taken(grown, account)
    built: Entry | None = None
    for account in left:
        built = placed(built, account)
    assert type(grown) is type(built)
    assert list(accounts_of(grown)) == list(accounts_of(built))
    assert isinstance(built, DigitPrefixes) == (len(left) > FEW_MAX)


def test_an_account_that_is_not_there_cannot_be_taken() -> None:
    one, other = (
        Account(id=number, client_id=1, name="a", ident_by="name", ident_name="rose", orig=OrigSide())
        for number in (1, 2)
    )
    for entry in (None, one, placed(one, other)):
        with pytest.raises(AssertionError):
            taken(entry, Account(id=3, client_id=1, name="a", ident_by="name", ident_name="rose", orig=OrigSide()))
