"""Calls added up by account and by client."""

from console.objects.call_sums import CallSum, sums_of
from protocol.messages import ClientUsage, LiveCall


def up(account_id: int, client_id: int, direction: str = "orig") -> LiveCall:
    return LiveCall(
        call_id="c", leg="", direction=direction, state="active", account_id=account_id, client_id=client_id,
        age_seconds=1.0, lease_seconds_left=1.0,
    )  # fmt: skip


def test_who_has_most_calls_stands_first_and_both_directions_count():
    calls = [up(176, 12), up(178, 13), up(177, 12, "term"), up(178, 13), up(178, 13)]
    assert sums_of(calls, "account_id") == [CallSum(178, 3, 0), CallSum(176, 1, 0), CallSum(177, 0, 1)]
    assert sums_of(calls, "client_id") == [CallSum(13, 3, 0), CallSum(12, 1, 1)]
    assert sums_of(calls, "client_id")[1].both == 2


def test_where_not_every_call_is_listed_the_daemons_own_counts_stand_in():
    usage = {12: ClientUsage(client_id=12, orig=800, term=4)}
    assert sums_of([up(176, 12), up(178, 13), up(178, 13)], "client_id", usage) == [
        CallSum(12, 800, 4),
        CallSum(13, 2, 0),
    ]


def test_no_call_adds_up_to_nobody():
    assert sums_of([], "account_id") == []
