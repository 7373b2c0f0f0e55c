"""The conditions one by one, and that yes-or-no and the words of `explain` are of one mind."""

import pytest
from hypothesis import given, settings

from matcher.account import Account, Gateway, OrigSide
from matcher.attempt import CallAttempt
from matcher.conditions import ani_compared, conditions_hold, first_failing, stripped_dnis
from tests.matcher.strategies import accounts, attempts, gateways, ids

ANIS = [
    (None, ""),
    ("", ""),
    ("+", ""),
    ("4420", "4420"),
    ("+4420", "4420"),
    ("++4420", "+4420"),
    ("Anonymous", ""),
    ("RESTRICTED", ""),
    ("+private", ""),
    ("unavailable", ""),
    ("unknown", ""),
    ("anonymous1", "anonymous1"),
]


@pytest.mark.rule("M2.12", "M2.13")
@pytest.mark.parametrize(("shown", "compared"), ANIS)
def test_an_ani_is_compared_without_its_plus_and_not_at_all_where_it_is_withheld(
    shown: str | None, compared: str
) -> None:
    assert ani_compared(shown) == compared


@pytest.mark.rule("M2.2", "M2.14", "M2.15", "M2.16")
@settings(max_examples=300, deadline=None)
@given(account=accounts(ids), attempt=attempts, gateway=gateways)
def test_a_condition_fails_exactly_where_explain_can_name_one(
    account: Account, attempt: CallAttempt, gateway: Gateway | None
) -> None:
    gateway_id = None if gateway is None else gateway.id
    failing = first_failing(account, attempt, gateway_id)
    assert conditions_hold(account, attempt, gateway_id) == (failing is None)


def known(**conditions: object) -> Account:
    return Account(id=1, client_id=1, name="a", ident_by="ani", ani="*", orig=OrigSide(), **conditions)


@pytest.mark.rule("M2.16")
@pytest.mark.parametrize(
    ("conditions", "port", "protocol", "holds"),
    [
        ({"port": 5060}, 5060, None, True),
        ({"port": 5060}, 5061, None, False),
        ({"port": 5060}, 0, None, False),
        ({"port": 0}, 0, None, False),
        ({"protocol": "sip"}, 5060, "sip", True),
        ({"protocol": "SIP"}, 5060, "sip", True),
        ({"protocol": "sip"}, 5060, "h323", False),
        ({"protocol": "sip"}, 5060, None, False),
        ({}, 0, None, True),
    ],
)
def test_an_unknown_port_or_protocol_satisfies_no_account_that_sets_one(
    conditions: dict[str, object], port: int, protocol: str | None, holds: bool
) -> None:
    attempt = CallAttempt("orig", "1", port=port, protocol=protocol)
    assert conditions_hold(known(**conditions), attempt, None) == holds


STRIPPED = [
    ("stripped once", known(tech_prefix="12"), "orig", "121244", "1244"),
    ("nothing but the prefix", known(tech_prefix="1234#"), "orig", "1234#", ""),
    ("no prefix", known(), "orig", "1244", "1244"),
    ("turned off", known(tech_prefix="12", strip_tech_prefix=False), "orig", "1244", "1244"),
    ("term keeps it", known(tech_prefix="12"), "term", "1244", "1244"),
    ("not its prefix", known(tech_prefix="12"), "orig", "4412", "4412"),
]


@pytest.mark.rule("M4.1", "M4.2")
@pytest.mark.parametrize(
    ("account", "direction", "dnis", "left"), [row[1:] for row in STRIPPED], ids=[row[0] for row in STRIPPED]
)
def test_the_tech_prefix_is_taken_off_exactly_once(account: Account, direction: str, dnis: str, left: str) -> None:
    assert stripped_dnis(account, "orig" if direction == "orig" else "term", dnis) == left
