"""`explain` agrees with the answer, names everyone who was looked at, and says in order why each did not win."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.account import Account, Gateway, OrigSide
from matcher.address import canonical_address, canonical_network
from matcher.attempt import CallAttempt, ClearPassword
from matcher.index import Ambiguous, Match
from tests.matcher import oracle
from tests.matcher.strategies import attempts, gateways
from tests.matcher.test_index import filled, many_accounts

KEYS = {"network_mask", "ani", "tech_prefix", "port", "protocol", "gateway", "account_id", "ident_type"}
CONDITIONS = ["ident_order", "name", "tech_prefix", "gateway", "protocol", "port"]


@pytest.mark.rule("P2.10", "P2.11")
@settings(max_examples=300, deadline=None)
@given(rows=many_accounts, calls=st.lists(st.tuples(attempts, gateways), min_size=1, max_size=6))
def test_explain_agrees_with_the_answer_and_with_a_reading_of_the_rules(
    rows: list[Account], calls: list[tuple[CallAttempt, Gateway | None]]
) -> None:
    index = filled(rows)
    for attempt, gateway in calls:
        said = index.explain(attempt, gateway, 50)[0]
        assert {row.account.id for row in said} == oracle.looked_at(rows, attempt)
        assert len(said) == len({row.account.id for row in said})
        found = index.identify(attempt, gateway)
        won = [row for row in said if row.verdict == "won"]
        not_failed = [row for row in said if row.verdict != "failed"]
        if isinstance(found, Match):
            assert [(row.account, row.ident_by, row.matched) for row in won] == [
                (found.account, found.ident_by, found.matched_text)
            ]
            assert not_failed[0] is won[0]
        elif isinstance(found, Ambiguous):
            assert not won
            assert not_failed[0].account is found.account
            assert (not_failed[0].on, not_failed[1].on) == ("account_id", "account_id")
        else:
            assert not not_failed
        for row in said:
            alone = oracle.answer([row.account], attempt, gateway).outcome == "match"
            assert alone == (row.verdict != "failed")
            if row.verdict == "lost":
                assert row.on in KEYS
            if row.verdict == "failed":
                assert row.on in CONDITIONS


def by_ip(account_id: int, network: str, client_id: int = 1, **conditions: object) -> Account:
    networks = (canonical_network(network)[0],)
    return Account(
        id=account_id, client_id=client_id, name="a", ident_by="ip", networks=networks, orig=OrigSide(), **conditions
    )


GATEWAY = Gateway(id=1, name="gw1")
CALL = CallAttempt("orig", "12#44", canonical_address("10.0.0.1"), port=5060, protocol="sip")

WHY = [
    ("a shorter network", by_ip(2, "10.0.0.0/24"), ("lost", "network_mask", "10.0.0.1", "10.0.0.0/24")),
    ("a shorter tech prefix", by_ip(2, "10.0.0.1", tech_prefix="1"), ("lost", "tech_prefix", "12#", "1")),
    ("no port", by_ip(2, "10.0.0.1", tech_prefix="12#"), ("lost", "port", "5060", "any")),
    ("no protocol", by_ip(2, "10.0.0.1", tech_prefix="12#", port=5060), ("lost", "protocol", "sip", "any")),
    (
        "bound to no gateway",
        by_ip(2, "10.0.0.1", tech_prefix="12#", port=5060, protocol="sip"),
        ("lost", "gateway", "bound to the gateway", "any gateway"),
    ),
    (
        "a higher id",
        by_ip(2, "10.0.0.1", tech_prefix="12#", port=5060, protocol="sip", gateway_ids=(1,)),
        ("lost", "account_id", "1", "2"),
    ),
    ("another tech prefix", by_ip(2, "10.0.0.1", tech_prefix="99"), ("failed", "tech_prefix", "99", "12")),
    ("other gateways", by_ip(2, "10.0.0.1", gateway_ids=(2, 3)), ("failed", "gateway", "gateway 2, 3", "gateway 1")),
    ("another protocol", by_ip(2, "10.0.0.1", protocol="h323"), ("failed", "protocol", "h323", "sip")),
    ("another port", by_ip(2, "10.0.0.1", port=5070), ("failed", "port", "5070", "5060")),
    (
        "the first of two that fail",
        by_ip(2, "10.0.0.1", port=5070, tech_prefix="9"),
        ("failed", "tech_prefix", "9", "1"),
    ),
]


@pytest.mark.rule("P2.11", "M3.6")
@pytest.mark.parametrize(("other", "expected"), [row[1:] for row in WHY], ids=[row[0] for row in WHY])
def test_the_other_account_is_told_what_decided_against_it(other: Account, expected: tuple[str, ...]) -> None:
    winner = by_ip(1, "10.0.0.1", tech_prefix="12#", port=5060, protocol="sip", gateway_ids=(1,))
    said = {row.account.id: row for row in filled([winner, other]).explain(CALL, GATEWAY, 50)[0]}
    assert said[1].verdict == "won"
    row = said[2]
    assert (row.verdict, row.on, row.expected, row.seen) == expected


@pytest.mark.rule("P2.11", "M3.3")
def test_another_ident_type_loses_on_its_type_and_one_that_is_not_listed_fails() -> None:
    known_by_ani = Account(id=2, client_id=1, name="a", ident_by="ani", ani="44*", orig=OrigSide())
    index = filled([by_ip(1, "10.0.0.1"), known_by_ani])
    call = CallAttempt("orig", "1", canonical_address("10.0.0.1"), ani="4420")
    assert [(row.verdict, row.on) for row in index.explain(call, None, 50)[0]] == [
        ("won", None),
        ("lost", "ident_type"),
    ]
    ip_only = Gateway(id=1, name="gw1", ident_order=("ip",))
    assert [(row.verdict, row.on) for row in index.explain(call, ip_only, 50)[0]] == [
        ("won", None),
        ("failed", "ident_order"),
    ]


@pytest.mark.rule("P2.11", "M2.8", "M2.9")
def test_a_wrong_password_is_named_and_neither_password_is_shown() -> None:
    rose = Account(
        id=1, client_id=1, name="a", ident_by="name", ident_name="rose", password=b"s3cret", orig=OrigSide()
    )
    call = CallAttempt("orig", "1", name="rose", name_verified=True, credentials=ClearPassword("gu3ss"))
    (row,) = filled([rose]).explain(call, None, 50)[0]
    assert (row.verdict, row.on) == ("failed", "name")
    assert "s3cret" not in f"{row.expected}{row.seen}"
    assert "gu3ss" not in f"{row.expected}{row.seen}"


@pytest.mark.rule("P2.10")
def test_an_account_with_nested_networks_is_told_once_at_its_longest() -> None:
    nested = tuple(canonical_network(text)[0] for text in ("10.0.0.0/8", "10.0.0.0/24", "10.0.0.1"))
    account = Account(id=1, client_id=1, name="a", ident_by="ip", networks=nested, orig=OrigSide())
    assert [row.matched for row in filled([account]).explain(CALL, None, 50)[0]] == ["10.0.0.1"]


@pytest.mark.rule("P2.10")
@pytest.mark.parametrize(
    ("clients", "told"), [(2, "clients 1, 2"), (400, "clients 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and more")]
)
def test_a_tie_among_very_many_names_its_clients_and_costs_little(clients: int, told: str) -> None:
    strict = Gateway(id=1, name="strict", refuses_ambiguous=True)
    index = filled([by_ip(number, "10.0.0.1", client_id=1 + (number - 1) % clients) for number in range(1, 801)])
    said, omitted = index.explain(CALL, strict, 50)
    assert (len(said), omitted) == (50, 750)
    assert {(row.verdict, row.on, row.seen) for row in said} == {("lost", "account_id", told)}
    first, omitted = index.explain(CALL, None, 3)
    assert [row.verdict for row in first] == ["won", "lost", "lost"]
    assert omitted == 797
