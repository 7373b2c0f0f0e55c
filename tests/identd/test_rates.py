"""Calls per second at account and client, both or none (docs/matching.md §7)."""

from itertools import count

import pytest

from identd.rates import SETTLED_AT_ONCE_MAX, CallRates, RateRefusal
from matcher.account import Account, OrigSide
from protocol.reason import Reason
from tests.identd.building import NOW, account, attempt, change, client, engine, gone, key, load, said


@pytest.mark.rule("M7.1")
def test_as_many_as_the_burst_at_once_and_then_as_the_rate_allows() -> None:
    rates, one = CallRates(), account(cps=2.0, cps_burst=3.0)
    taken = [rates.take(one, client(), "orig", NOW) is None for _ in range(5)]
    assert taken == [True, True, True, False, False]
    assert rates.take(one, client(), "orig", NOW + 0.4) == RateRefusal(Reason.CPS_ACCOUNT, 100)
    assert rates.take(one, client(), "orig", NOW + 0.5) is None


@pytest.mark.rule("M7.1")
def test_the_clients_rate_is_shared_by_its_accounts_and_each_direction_has_its_own() -> None:
    rates, payer = CallRates(), client(cps=1.0)
    assert rates.take(account(1), payer, "orig", NOW) is None
    refused = rates.take(account(2), payer, "orig", NOW)
    assert refused is not None
    assert refused.reason is Reason.CPS_CLIENT
    assert rates.take(account(2), payer, "term", NOW) is None


@pytest.mark.rule("M7.2")
def test_a_refusal_at_the_client_takes_nothing_from_the_account() -> None:
    rates, one, payer = CallRates(), account(cps=1.0), client(cps=1.0)
    rates.take(account(2), payer, "orig", NOW)
    assert rates.take(one, payer, "orig", NOW) is not None
    assert rates.accounts["orig"][1].tokens == 1.0


@pytest.mark.rule("M7.3")
def test_a_rate_of_zero_lets_nobody_in_and_promises_nothing() -> None:
    assert CallRates().take(account(cps=0.0), client(), "orig", NOW) == RateRefusal(Reason.CPS_ACCOUNT, None)


@pytest.mark.rule("M7.3")
@pytest.mark.parametrize("rate", [0.3, 0.7, 1.0, 3.0, 7.0, 11.0, 33.3, 70.0])
def test_who_waits_as_long_as_was_told_is_let_in(rate: float) -> None:
    rates, one, now = CallRates(), account(cps=rate), NOW
    for _ in range(300):
        refused = rates.take(one, client(), "orig", now)
        if refused is not None:
            assert refused.retry_after_ms is not None
            now += refused.retry_after_ms / 1000
            assert rates.take(one, client(), "orig", now) is None
        now += 0.01


@pytest.mark.rule("M7.2")
def test_over_a_long_time_no_more_than_the_rate_goes_through() -> None:
    rates, one, granted = CallRates(), account(cps=7.0), 0
    for step in range(20_000):
        granted += rates.take(one, client(), "orig", NOW + step / 100) is None
    assert granted <= 7 + 7 * 200
    assert granted >= 7 * 200


@pytest.mark.rule("M7.4", "M6.21")
def test_a_reload_refills_nothing_and_another_rate_keeps_the_fill() -> None:
    made = engine(account(cps=4.0), client())
    for number in range(4):
        assert said(made.authorize(attempt(), None, key(str(number)), NOW)) == "grant"
    load(made, account(cps=4.0), client())
    assert said(made.authorize(attempt(), None, key("after a reload"), NOW)) == "cps_account"
    change(made, account(cps=400.0))
    assert said(made.authorize(attempt(), None, key("after a raise"), NOW)) == "cps_account"


@pytest.mark.rule("M7.4")
def test_a_limit_that_is_taken_away_or_deleted_leaves_no_bucket_behind() -> None:
    made = engine(account(1, cps=4.0), account(2, cps=4.0), client(cps=9.0))
    for row_id in (1, 2):
        made.authorize(attempt(f"10.0.0.{row_id}"), None, key(str(row_id)), NOW)
    assert made.statistics()["buckets"] == 3
    change(made, account(1), gone(account(2)), client())
    assert made.statistics()["buckets"] == 0


@pytest.mark.rule("M7.4")
def test_a_reload_of_very_many_rows_rescales_the_buckets_there_are() -> None:
    rows = [account(row_id, ip=f"10.1.{row_id >> 8}.{row_id & 255}") for row_id in range(2, 12_002)]
    made = engine(account(cps=2.0), client(), *rows)
    for number in range(2):
        made.authorize(attempt(), None, key(str(number)), NOW)
    changed = [  # each at an address of its own: a crowd at one is another test's
        account(row.id, ip=f"10.2.{row.id >> 8}.{row.id & 255}", orig=OrigSide(cps=9.0)) for row in rows
    ]
    change(made, account(cps=200.0), *changed)
    assert said(made.authorize(attempt(), None, key("next"), NOW)) == "cps_account"


MANY = range(1, SETTLED_AT_ONCE_MAX * 2 + 2)


def used_up(rates: CallRates) -> None:
    """One call of each account: its bucket of one token is empty."""
    for row_id in MANY:
        assert rates.take(account(row_id, ip="10.0.0.1", cps=1.0), client(), "orig", NOW) is None


def settled(rates: CallRates, accounts: dict[int, Account]) -> int:
    """How many slices it took."""
    return next(slices for slices in count(1) if rates.settle(accounts, {}))


@pytest.mark.rule("M7.4")
def test_rates_of_very_many_change_in_slices_as_of_the_moment_of_the_change() -> None:
    rates, faster = CallRates(), {row_id: account(row_id, ip="10.0.0.1", cps=10.0, cps_burst=1.0) for row_id in MANY}
    used_up(rates)
    rates.accounts_changed(set(MANY), faster, NOW)
    assert sum(bucket.rate == 10.0 for bucket in rates.accounts["orig"].values()) == SETTLED_AT_ONCE_MAX
    assert settled(rates, faster) == 2
    # a tenth of a second at the new rate is a token; at the old one it is a tenth of one
    assert [row_id for row_id in MANY if rates.take(faster[row_id], client(), "orig", NOW + 0.1) is not None] == []


@pytest.mark.rule("M7.4")
def test_very_many_accounts_that_are_deleted_leave_no_bucket_behind() -> None:
    rates = CallRates()
    used_up(rates)
    rates.accounts_changed(set(MANY), {}, NOW)
    assert 0 < len(rates) < len(MANY)
    assert settled(rates, {}) == 2
    assert len(rates) == 0


@pytest.mark.rule("M7.4")
def test_a_bucket_that_is_asked_before_its_turn_is_not_settled_twice() -> None:
    rates, faster = CallRates(), {row_id: account(row_id, ip="10.0.0.1", cps=10.0, cps_burst=1.0) for row_id in MANY}
    used_up(rates)
    rates.accounts_changed(set(MANY), faster, NOW)
    for row_id in MANY:
        rates.take(faster[row_id], client(), "orig", NOW + 1.0)
    settled(rates, faster)
    assert [row_id for row_id in MANY if rates.take(faster[row_id], client(), "orig", NOW + 1.0) is None] == []
