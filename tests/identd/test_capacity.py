"""The limits of account, client and reseller: what stands, what is counted, and which is nearest to full."""

import pytest

from identd.calls import Call
from identd.capacity import Capacity, balance_is_low, client_capacity, has_credit, nearest
from identd.decision import Load
from matcher.account import Client
from tests.identd.building import NOW, account, attempt, change, client, engine, key, reseller, said


def call(call_id: str = "c", account_id: int = 1, client_id: int = 1, reseller_id: int | None = None) -> Call:
    return Call(key(call_id), "orig", account_id, client_id, reseller_id, NOW, NOW, 120)


MILLION = 1_000_000


@pytest.mark.rule("M6.27")
@pytest.mark.parametrize(
    ("balance", "credit_limit", "may_spend"),
    [
        (0, None, True),
        (-9 * MILLION, None, True),
        (0, 0, False),
        (1, 0, True),
        (-MILLION, MILLION, False),
        (-MILLION + 1, MILLION, True),
        (5 * MILLION, -5 * MILLION, False),
    ],
)
def test_no_credit_is_a_balance_and_credit_limit_of_nothing_together(
    balance: int, credit_limit: int | None, may_spend: bool
) -> None:
    assert has_credit(client(balance_micros=balance, credit_limit_micros=credit_limit)) is may_spend


@pytest.mark.rule("M6.26")
@pytest.mark.parametrize(
    ("balance", "threshold", "capacity", "low_capacity", "limit"),
    [
        (5, 10, 30, 2, 2),
        (10, 10, 30, 2, 30),  # at the threshold it is not below it
        (5, 10, 1, 2, 1),
        (5, 10, None, 2, 2),
        (5, 10, 30, None, 30),
        (5, 10, 30, 0, 0),
        (5, None, 30, 2, 30),
        (-5, 0, None, None, None),
    ],
)
def test_while_the_balance_is_low_the_lower_of_two_capacities_stands(
    balance: int, threshold: int | None, capacity: int | None, low_capacity: int | None, limit: int | None
) -> None:
    payer: Client = client(
        capacity=capacity,
        balance_micros=balance,
        low_balance_threshold_micros=threshold,
        low_balance_capacity=low_capacity,
    )
    assert balance_is_low(payer) is (threshold is not None and balance < threshold)
    assert client_capacity(payer, "orig") == limit
    assert client_capacity(payer, "term") == limit


@pytest.mark.rule("M6.9")
def test_what_is_counted_is_a_set_so_taking_twice_counts_once() -> None:
    capacity, one = Capacity(), call()
    capacity.take(one)
    capacity.take(one)
    assert capacity.calls_of_account("orig", 1) == 1
    capacity.give_back(one)
    assert capacity.statistics() == {"account": 0, "client": 0, "reseller": 0}
    with pytest.raises(KeyError):
        capacity.give_back(one)


@pytest.mark.rule("M2.3", "P2.3")
def test_the_limit_nearest_to_full_is_the_one_with_the_fewest_free_slots() -> None:
    account_load, client_load, reseller_load = Load(1, 5, "account"), Load(29, 30, "client"), Load(9, 10, "reseller")
    assert nearest([account_load, client_load, reseller_load]) is client_load
    assert nearest([account_load]) is account_load
    assert nearest([]) is None


@pytest.mark.rule("M6.2", "M6.3", "M6.4")
@pytest.mark.parametrize("level", ["account", "client", "reseller"])
@pytest.mark.parametrize(("limit", "granted"), [(None, 5), (0, 0), (1, 1), (3, 3)])
@pytest.mark.parametrize("direction", ["orig", "term"])
def test_every_level_has_its_limit_in_each_direction(
    level: str, limit: int | None, granted: int, direction: str
) -> None:
    limits = {"account": None, "client": None, "reseller": None, level: limit}
    made = engine(
        account(capacity=limits["account"]),
        client(capacity=limits["client"], reseller_id=1),
        reseller(capacity=limits["reseller"]),
    )
    answers = [said(made.authorize(attempt(direction=direction), None, key(str(n)), NOW)) for n in range(5)]
    assert answers == ["grant"] * granted + [f"capacity_{level}"] * (5 - granted)
    other = "term" if direction == "orig" else "orig"
    assert said(made.authorize(attempt(direction=other), None, key("other way"), NOW)) == (
        f"capacity_{level}" if limit == 0 else "grant"
    )


@pytest.mark.rule("M6.6")
def test_a_call_refused_at_the_reseller_takes_no_slot_anywhere() -> None:
    made = engine(account(capacity=9), client(capacity=9, reseller_id=1), reseller(capacity=0))
    assert said(made.authorize(attempt(), None, key(), NOW)) == "capacity_reseller"
    assert made.live.capacity.statistics() == {"account": 0, "client": 0, "reseller": 0}
    assert len(made.live) == 0


@pytest.mark.rule("M6.23")
def test_a_lowered_limit_cuts_nobody_and_a_raised_one_counts_at_once() -> None:
    made = engine(account(capacity=3), client())
    for number in range(3):
        made.authorize(attempt(), None, key(str(number)), NOW)
    change(made, account(capacity=2))
    assert len(made.live) == 3
    assert said(made.authorize(attempt(), None, key("4"), NOW)) == "capacity_account"
    made.live.release(key("0"), NOW)
    assert said(made.authorize(attempt(), None, key("5"), NOW)) == "capacity_account"
    made.live.release(key("1"), NOW)
    assert said(made.authorize(attempt(), None, key("6"), NOW)) == "grant"
    change(made, account(capacity=3))
    assert said(made.authorize(attempt(), None, key("7"), NOW)) == "grant"
