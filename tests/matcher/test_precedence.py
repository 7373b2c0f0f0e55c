"""The order of docs/matching.md §3.2, key by key: each beats everything after it."""

import pytest

from matcher.account import Account, OrigSide
from matcher.precedence import PRECEDENCE, deciding_key, standing, tied


def account(number: int, **conditions: object) -> Account:
    return Account(id=number, client_id=number, name="a", ident_by="ani", ani="*", orig=OrigSide(), **conditions)


STRONGER_FIRST = [
    (
        "tech_prefix",
        account(9, tech_prefix="12"),
        account(1, tech_prefix="1", port=1, protocol="sip", gateway_ids=(1,)),
    ),
    ("port", account(9, port=1), account(1, protocol="sip", gateway_ids=(1,))),
    ("protocol", account(9, protocol="sip"), account(1, gateway_ids=(1,))),
    ("gateway", account(9, gateway_ids=(1,)), account(1)),
    ("account_id", account(1), account(9)),
]


@pytest.mark.rule("M3.6")
@pytest.mark.parametrize(("key", "stronger", "weaker"), STRONGER_FIRST, ids=[row[0] for row in STRONGER_FIRST])
def test_a_key_beats_everything_after_it(key: str, stronger: Account, weaker: Account) -> None:
    assert standing(stronger) < standing(weaker)
    assert deciding_key(stronger, weaker) == key
    assert tied(stronger, weaker) == (key == "account_id")


@pytest.mark.rule("M3.6")
def test_every_key_of_the_table_has_its_row_above() -> None:
    assert [key for key, _ in PRECEDENCE] == [row[0] for row in STRONGER_FIRST]


def test_two_versions_of_one_account_are_never_compared() -> None:
    with pytest.raises(AssertionError):
        deciding_key(account(1), account(1))
