"""Where two accounts meet, and that what nobody would read is left out and counted."""

from typing import Any

import pytest

from console.objects.account import AccountDraft
from console.objects.matched_account import matched
from console.objects.shared_places import NARROWER_MAX, common_places, meeting, places_of, relation_of
from console.objects.tried_calls import PLACES_MAX
from matcher.account import Account, IdentType
from matcher.address import network_text


def account(number: int = 1, **columns: Any) -> Account:
    ident_by: IdentType = "ip" if "ip" in columns else "name" if "ident_name" in columns else "ani"
    return matched(
        AccountDraft(client_id=1, name="a", ident_by=ident_by, **{"orig_enabled": True, **columns}), number
    )


NETWORK = account(ip=("10.0.0.0/24", "192.0.2.1"))


@pytest.mark.parametrize(
    ("this", "other", "relation"),
    [
        (NETWORK, account(ip=("10.0.0.0/24", "10.0.0.1")), ("same", ["10.0.0.0/24"])),
        (NETWORK, account(ip=("10.0.0.1", "10.0.0.0/8")), ("wider", ["10.0.0.0/8"])),
        (NETWORK, account(ip=("10.0.0.1", "10.0.0.2")), ("narrower", ["10.0.0.1", "10.0.0.2"])),
        (NETWORK, account(ip=("10.0.1.0/24",)), None),
        (NETWORK, account(ident_name="10.0.0.0/24"), None),
        (account(ident_name="rose"), account(ident_name="rose"), ("same", ["rose"])),
        (account(ident_name="rose"), account(ident_name="Rose"), None),
        (account(ani="44"), account(ani="+44"), ("same", ["44"])),
        (account(ani="44"), account(ani="44*"), ("wider", ["44*"])),
        (account(ani="44*"), account(ani="4*"), ("wider", ["4*"])),
        (account(ani="44*"), account(ani="4420"), ("narrower", ["4420"])),
        (account(ani="44"), account(ani="4420"), None),
    ],
)
def test_how_the_places_of_another_account_stand_to_ours(this: Account, other: Account, relation: object) -> None:
    assert relation_of(other, this) == relation


def test_accounts_have_a_place_in_common_only_where_both_are_on() -> None:
    other = account(2, ip=("192.0.2.1", "10.0.0.0/8"), term_enabled=True)
    assert common_places(NETWORK, other, "orig") == ["192.0.2.1"]
    assert common_places(NETWORK, other, "term") == []
    assert common_places(account(ani="+44*"), account(2, ani="44*"), "orig") == ["44*"]
    assert places_of(account(ident_name="rose")) == ("rose",)


def test_only_what_meets_is_kept() -> None:
    met = meeting([NETWORK], [account(2, ip=("10.0.0.9", "172.16.0.1")), account(3, ident_name="rose")])
    assert [list(map(network_text, other.networks)) for other in met.others] == [["10.0.0.9"], []]
    assert (met.versions, met.left_out) == ((NETWORK,), 0)


def test_of_very_many_networks_those_with_company_stay_and_the_rest_is_counted() -> None:
    many = tuple(f"10.0.{n >> 8}.{n & 255}" for n in range(PLACES_MAX + 30))
    met = meeting([account(ip=many)], [account(2, ip=(many[-1],))])
    assert len(met.versions[0].networks) == PLACES_MAX
    assert network_text(met.versions[0].networks[0]) != many[-1]
    assert many[-1] in places_of(met.versions[0])
    assert met.left_out == 30


def test_of_very_many_narrower_networks_of_one_neighbour_some_are_kept() -> None:
    many = tuple(f"10.0.0.{n}" for n in range(NARROWER_MAX + 5))
    met = meeting([NETWORK], [account(2, ip=many)])
    assert (len(met.others[0].networks), met.left_out) == (NARROWER_MAX, 5)


def test_neighbours_with_more_networks_than_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.objects.shared_places.LOOKS_MAX", 3)
    others = [account(n, ip=("10.0.0.1", "10.0.0.2")) for n in (2, 3, 4)]
    met = meeting([NETWORK], others)
    assert [len(other.networks) for other in met.others] == [2, 1, 0]
    assert met.left_out == 3
