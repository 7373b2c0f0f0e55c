"""One direction's accounts under everything that they are known by, and nothing left of them afterwards."""

import pytest
from hypothesis import given, settings

from matcher.account import Account, OrigSide
from matcher.address import canonical_network
from matcher.shelf import accounts_of
from matcher.side import Side, ani_key
from tests.matcher.test_index import many_accounts


@pytest.mark.rule("M1.5")
@settings(max_examples=100, deadline=None)
@given(rows=many_accounts)
def test_every_account_lies_under_what_it_is_known_by_and_leaves_no_trace(rows: list[Account]) -> None:
    side = Side()
    for account in rows:
        side.insert(account)
    kinds = {"ip": {"host", "network"}, "name": {"name"}, "ani": {"ani", "ani_prefix"}}
    for account in rows:
        places = [kind for kind, _, entry in side.entries() if any(other is account for other in accounts_of(entry))]
        assert set(places) <= kinds[account.ident_by]
        assert len(places) == (len(set(account.networks)) if account.ident_by == "ip" else 1)
    for account in rows:
        side.remove(account)
    assert side.statistics() == Side().statistics()
    assert list(side.entries()) == []


def test_a_network_named_twice_is_one() -> None:
    network, _ = canonical_network("10.0.0.1/24")
    side = Side()
    account = Account(id=1, client_id=1, name="a", ident_by="ip", networks=(network, network), orig=OrigSide())
    side.insert(account)
    assert side.statistics()["networks"] == 1
    side.remove(account)
    assert side.statistics()["networks"] == 0


@pytest.mark.rule("M2.11", "M2.13")
@pytest.mark.parametrize(
    ("ani", "key"),
    [
        ("4420", (False, "4420")),
        ("44*", (True, "44")),
        ("*", (True, "")),
        ("+44*", (True, "44")),
        ("+44", (False, "44")),
    ],
)
def test_a_trailing_star_makes_a_prefix_and_a_plus_is_ignored(ani: str, key: tuple[bool, str]) -> None:
    account = Account(id=1, client_id=1, name="a", ident_by="ani", ani=ani, orig=OrigSide())
    assert ani_key(account) == key
