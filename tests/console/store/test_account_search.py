"""What a text typed into a search means; that it finds what it says is in test_listing.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.objects.listing import AccountFilter
from console.store.account_search import (
    Parameters,
    branches_of,
    is_counted,
    is_filtered,
    network_asked_for,
    others_of,
    where_of,
)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("192.0.2.", "192.0.2.0/24"),
        ("192.0.2", "192.0.2.0/24"),
        ("10.", "10.0.0.0/8"),
        ("2001:db8:", "2001:db8::/32"),
        ("10", None),
        ("10..", None),
        ("10.0.0.300", None),
        ("10.0.0.0/33", None),
        ("1.5.x", None),
        (".", None),
        (":", None),
        ("::", "::"),
        ("", None),
        ("rose", None),
        ("a:", "a::/16"),
        ("1:2:3:4:5:6:7:8:", None),
    ],
)
def test_addresses_networks_and_beginnings_of_addresses_are_networks(text: str, network: str | None) -> None:
    assert network_asked_for(text) == network


def test_only_what_is_set_is_asked_for() -> None:
    assert not is_filtered(AccountFilter())
    assert is_filtered(AccountFilter(orig=False))
    assert where_of(AccountFilter(), Parameters()) == "true"
    assert branches_of(AccountFilter(), Parameters()) == [""]


def test_a_quick_search_is_a_branch_for_each_thing_it_may_mean() -> None:
    put = Parameters()
    branches = branches_of(AccountFilter(q="4930", client_type="client"), put)
    assert len(branches) == 4  # an id, an account's name, a login or ANI, a client's name
    assert all("client_type" in branch for branch in branches)
    assert put.values == [4930, "%4930%", "%4930%", "client"]


def test_punctuation_alone_is_not_searched_for() -> None:
    for text in ("%", "__", "\\", "--", "' OR 1=1".replace("OR 1=1", ""), "\0", "\ud800abc"):
        assert branches_of(AccountFilter(q=text), Parameters()) == []
        assert where_of(AccountFilter(q=text), Parameters()) == "false"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("rose", "%rose%"),
        ("ro", "ro%"),
        ("+4", "%+4%"),
        ("100%", "%100\\%%"),
        ("a_c", "%a\\_c%"),
        ("ab\\", "ab\\\\%"),
        ("ábc", "%ábc%"),
    ],
)
def test_what_like_would_take_as_a_pattern_is_taken_as_itself(text: str, pattern: str) -> None:
    put = Parameters()
    branches_of(AccountFilter(client=text), put)
    assert put.values == [pattern]


TYPED = st.text().map(lambda text: text + "QXZ'")


@given(
    st.builds(
        AccountFilter,
        q=TYPED,
        ident=TYPED,
        client=TYPED,
        client_type=TYPED,
        tech_prefix=TYPED,
        orig_tags=st.lists(TYPED).map(tuple),
    )
)
def test_nothing_that_is_typed_becomes_sql(wanted: AccountFilter) -> None:
    put = Parameters()
    for condition in (*branches_of(wanted, put), where_of(wanted, put)):
        assert "QXZ" not in condition
        assert condition.isascii()


def test_a_plus_before_a_number_does_not_count() -> None:
    put = Parameters()
    branches_of(AccountFilter(ident="+44201"), put)
    assert put.values == ["%+44201%", "%44201%"]
    put = Parameters()
    branches_of(AccountFilter(ident="+rose"), put)
    assert put.values == ["%+rose%"]


@pytest.mark.parametrize("name", sorted({"q", "client", "ident", "tech_prefix", "orig_tags", "client_type"}))
def test_what_is_searched_for_in_texts_is_not_counted(name: str) -> None:
    wanted = AccountFilter(**{"client_id": 1, name: ("x",) if name == "orig_tags" else "x"})  # type: ignore[arg-type]  # by name
    assert (is_counted(wanted), is_counted(AccountFilter(client_id=1, orig=True, state="off"))) == (False, True)


def test_the_others_are_known_only_where_most_accounts_are_like_this() -> None:
    assert others_of(AccountFilter(orig=True)) == ["NOT a.orig_enabled"]
    assert others_of(AccountFilter(orig=True, term=False)) == ["NOT a.orig_enabled", "a.term_enabled"]
    for narrow in (AccountFilter(orig=False), AccountFilter(orig=True, client_id=1), AccountFilter(state="blocked")):
        assert others_of(narrow) is None


def test_no_more_clients_are_looked_up_than_accounts_are_asked_for() -> None:
    for wanted, is_limited in (
        (AccountFilter(q="rose"), True),
        (AccountFilter(client="rose"), True),
        (AccountFilter(client="rose", orig=True), False),  # the first clients may have none that are on
        (AccountFilter(q="rose", client="rose"), False),
    ):
        branches = branches_of(wanted, Parameters(), 7)
        assert any("LIMIT 7" in branch for branch in branches) == is_limited
        assert not any("LIMIT" in branch for branch in branches_of(wanted, Parameters()))
