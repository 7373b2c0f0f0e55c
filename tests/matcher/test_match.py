"""What a match says of the value that matched."""

import pytest

from matcher.account import Account, Network, OrigSide
from matcher.address import canonical_address, canonical_network
from matcher.match import Ambiguous, Match
from matcher.precedence import ANI_EXACT


def account(**known: object) -> Account:
    return Account(id=1, client_id=1, name="rose_orig", orig=OrigSide(), tech_prefix="1234#", **known)


BY_IP = account(ident_by="ip", networks=(canonical_network("10.0.0.0/24")[0],))
MATCHES = [
    ("a network", Match(BY_IP, "ip", 24, canonical_address("10.0.0.9")), "10.0.0.0/24"),
    ("an address", Match(BY_IP, "ip", 32, canonical_address("10.0.0.9")), "10.0.0.9"),
    ("an IPv6 network", Match(BY_IP, "ip", 32, canonical_address("2001:db8::9")), "2001:db8::/32"),
    ("a name", Match(account(ident_by="name", ident_name="rose"), "name"), "rose"),
    ("an exact ANI", Match(account(ident_by="ani", ani="4420"), "ani", ANI_EXACT), "4420"),
    ("an ANI prefix", Match(account(ident_by="ani", ani="44*"), "ani", 2), "44*"),
]


@pytest.mark.rule("M4.1")
@pytest.mark.parametrize(("match", "text"), [row[1:] for row in MATCHES], ids=[row[0] for row in MATCHES])
def test_the_value_that_matched_is_told_as_an_operator_wrote_it(match: Match, text: str) -> None:
    assert match.matched_text == text
    assert match.tech_prefix == "1234#"
    assert Ambiguous(match).account is match.account


def test_only_a_match_by_address_has_a_network() -> None:
    assert MATCHES[0][1].network == Network(canonical_address("10.0.0.0"), 24)
    assert MATCHES[3][1].network is None
