"""Sharing equal parts changes no value, and is bounded."""

import msgspec
from hypothesis import given, settings

from matcher import sharing
from matcher.account import Account, Client, OrigSide, TermSide
from matcher.sharing import SharedParts
from tests.matcher.test_index import many_accounts


@settings(max_examples=50, deadline=None)
@given(rows=many_accounts)
def test_sharing_changes_no_value(rows: list[Account]) -> None:
    shared = SharedParts({1: Client(id=1, name="Rose")})
    for account in rows:
        copy = msgspec.structs.replace(account)
        shared.share(copy)
        assert copy == account


def account(number: int, capacity: int) -> Account:
    orig, term = OrigSide(capacity=capacity), TermSide(tags=("a", "b"))
    return Account(id=number, client_id=1, name="a", ident_by="ani", ani="*", orig=orig, term=term)


def test_two_accounts_with_equal_sides_hold_them_once() -> None:
    shared = SharedParts({})
    one, other, third = account(1, 5), account(2, 5), account(3, 6)
    for each in (one, other, third):
        shared.share(each)
    assert one.orig is other.orig
    assert one.term is other.term
    assert third.orig is not one.orig


def test_past_the_bound_sides_are_no_longer_shared() -> None:
    shared = SharedParts({})
    for number in range(sharing.SIDES_MAX):
        shared.share(account(number, number))
    one, other, early = account(1, 10**6), account(2, 10**6), account(3, 0)
    for each in (one, other, early):
        shared.share(each)
    assert one.orig is not other.orig
    assert early.orig is not None
    assert early.orig.capacity == 0
