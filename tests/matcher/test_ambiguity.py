"""The ties of one account are those that the index counts, and looking for them ends."""

from itertools import combinations

import pytest
from hypothesis import given, settings

from matcher.account import Account, OrigSide, TermSide
from matcher.address import canonical_network
from matcher.ambiguity import ties_of
from matcher.change import AccountPut, ChangeSet, RowRemoved
from matcher.directory import Directory
from matcher.index import AccountIndex
from matcher.shelf import accounts_of, can_tie
from tests.matcher.oracle import proves
from tests.matcher.test_index import many_accounts

PLENTY = 1_000_000


def at(row_id: int, *networks: str, client_id: int | None = None, **more: object) -> Account:
    """An account of a client of its own, at these networks."""
    known = tuple(canonical_network(text)[0] for text in networks)
    values = {"name": f"a{row_id}", "ident_by": "ip", "networks": known, "orig": OrigSide(), **more}
    return Account(id=row_id, client_id=client_id or row_id, **values)  # type: ignore[arg-type]  # words of a test


def index_of(*rows: Account) -> AccountIndex:
    index = AccountIndex(proves)
    for row in rows:
        index.insert(row)
    return index


@pytest.mark.rule("M3.9")
@settings(max_examples=150, deadline=None)
@given(rows=many_accounts)
def test_ties_of_all_accounts_are_the_pairs_that_lie_at_one_place(rows: list[Account]) -> None:
    index = index_of(*rows)
    pairs = {
        frozenset((one.id, other.id))
        for _, _, _, entry in index.entries()
        for one, other in combinations(accounts_of(entry), 2)
        if can_tie(one, other)
    }
    found = set()
    for row in rows:
        ties = ties_of(index, row, PLENTY, PLENTY)
        assert not ties.more
        assert len(set(ties.account_ids)) == len(ties.account_ids)
        found |= {frozenset((row.id, account_id)) for account_id in ties.account_ids}
    assert found == pairs


@pytest.mark.parametrize(
    ("other", "ambiguous"),
    [
        (at(2, "10.0.0.0/24"), True),
        (at(2, "192.0.2.1", "10.0.0.0/24"), True),
        (at(2, "10.0.0.0/25"), False),  # the longer network wins
        (at(2, "10.0.0.0/24", client_id=1), False),
        (at(2, "10.0.0.0/24", tech_prefix="1"), False),
        (at(2, "10.0.0.0/24", orig=None, term=TermSide()), False),
    ],
)
@pytest.mark.rule("M3.9", "P3.9")
def test_only_an_equal_of_another_client_in_the_same_direction_is_ambiguous(other: Account, ambiguous: bool) -> None:
    one = at(1, "10.0.0.0/24")
    assert ties_of(index_of(one, other), one, 5, PLENTY).account_ids == ((2,) if ambiguous else ())


def test_a_tie_in_both_directions_is_named_once() -> None:
    one, other = (at(row_id, "10.0.0.1", term=TermSide()) for row_id in (1, 2))
    assert ties_of(index_of(one, other), one, 5, PLENTY).account_ids == (2,)


def test_more_ties_than_are_named_are_told_of() -> None:
    rows = [at(row_id, "10.0.0.1") for row_id in range(1, 8)]
    index = index_of(*rows)
    ties = ties_of(index, rows[0], 5, PLENTY)
    assert (len(ties.account_ids), ties.more) == (5, True)
    ties = ties_of(index, rows[0], 6, PLENTY)
    assert (len(ties.account_ids), ties.more) == (6, False)


@pytest.mark.parametrize("looks_max", [0, 1, 2, 10, 999])
def test_looking_ends_where_it_was_told_to_and_says_so(looks_max: int) -> None:
    crowd = [at(row_id, "10.0.0.1", client_id=1) for row_id in range(1, 600)]
    wide = at(1_000, *(f"10.1.{number}.0/24" for number in range(256)), *(f"10.2.{n}.1" for n in range(250)))
    index = index_of(*crowd, wide)
    for account in (crowd[300], wide):
        ties = ties_of(index, account, 5, looks_max)
        assert ties.looks <= looks_max + 1
        assert ties.more is (ties.looks >= looks_max)
    assert not ties_of(index, crowd[300], 5, PLENTY).more


def test_versions_that_an_update_hides_are_not_named() -> None:
    directory = Directory(proves)
    one, other, third = (at(row_id, "10.0.0.1") for row_id in (1, 2, 3))
    directory.apply(ChangeSet((AccountPut(one), AccountPut(other)), full=True))
    update = directory.begin(full=False)
    update.stage((AccountPut(third), RowRemoved("accounts", 2)))
    assert ties_of(directory.index, one, 5, PLENTY).account_ids == (2,)
    update.commit()
    assert ties_of(directory.index, one, 5, PLENTY).account_ids == (3,)
    while not update.tidy(1):
        pass
    assert ties_of(directory.index, one, 5, PLENTY).account_ids == (3,)
