"""The table of live calls: leases in order of renewal, and the memory of keys lately ended."""

import pytest

from identd.calls import Call, CallTable, Cause
from tests.identd.building import key


def call(call_id: str, gateway_id: int = 1, heard: float = 0.0, lease_seconds: int = 120) -> Call:
    return Call(key(call_id, gateway_id), "orig", 1, 1, None, heard, heard, lease_seconds)


def expired(table: CallTable, heard: float) -> list[str]:
    names = []
    for over in table.expired(heard, limit=100):
        table.remove(over)
        names.append(over.key[1])
    return names


@pytest.mark.rule("M6.29")
def test_leases_end_in_the_order_of_renewal_whatever_their_length() -> None:
    table = CallTable()
    early, late, long = call("early"), call("late", heard=10), call("long", lease_seconds=1000)
    for one in (early, late, long):
        table.add(one)
    assert expired(table, 119.9) == []
    assert expired(table, 120) == ["early"]
    table.renew(late, 100, 120)
    assert expired(table, 219) == []
    table.renew(long, 150, 10)  # a shorter lease counts from the renewal
    assert expired(table, 219) == ["long"]
    assert expired(table, 220) == ["late"]
    assert table.statistics() == {"live": 0, "gateways": 0, "leased": 0, "ended_remembered": 0}


def test_calls_that_were_put_back_in_another_order_still_expire_in_order_of_renewal() -> None:
    table = CallTable()
    for call_id, heard in (("b", 20.0), ("a", 10.0), ("c", 30.0)):
        table.add(call(call_id, heard=heard))
    table.sort_leases()
    assert expired(table, 140) == ["a", "b"]


def test_one_key_has_one_live_call() -> None:
    table = CallTable()
    table.add(call("c"))
    with pytest.raises(AssertionError, match="two live calls"):
        table.add(call("c"))


@pytest.mark.rule("M6.19")
def test_an_ended_key_is_remembered_for_its_time_and_then_forgotten() -> None:
    table = CallTable(remember_seconds=30.0)
    table.remember(key("c"), Cause.RELEASE, 100.0)
    assert table.ended(key("c"), 129.9) is Cause.RELEASE
    assert table.ended(key("c"), 130.0) is None
    table.forget(129.9, 10)
    assert table.statistics()["ended_remembered"] == 1
    table.forget(130.0, 10)
    assert table.statistics()["ended_remembered"] == 0


def test_the_memory_of_ended_keys_is_bounded_and_drops_the_oldest() -> None:
    table = CallTable(ended_max=3)
    for number in range(5):
        table.remember(key(str(number)), Cause.RELEASE, float(number))
    assert [entry[0][1] for entry in table.ended_recently()] == ["2", "3", "4"]


def test_remembering_again_makes_it_the_newest() -> None:
    table = CallTable(ended_max=2)
    for call_id in ("a", "b", "a", "c"):
        table.remember(key(call_id), Cause.RELEASE, 0.0)
    assert [entry[0][1] for entry in table.ended_recently()] == ["a", "c"]


@pytest.mark.rule("M6.14", "M6.15")
def test_a_call_is_reserved_until_it_is_answered() -> None:
    one = call("c")
    assert one.state == "reserved"
    one.started_at = 5.0
    assert one.state == "active"


def test_calls_are_found_by_gateway_oldest_first() -> None:
    table = CallTable()
    calls = [call(call_id, gateway_id) for call_id, gateway_id in (("b", 1), ("a", 1), ("b", 2))]
    for one in calls:
        table.add(one)
    assert list(table.by_gateway[1].values()) == calls[:2]
    assert list(table.all()) == calls
    for one in calls:
        table.remove(one)
    assert table.by_gateway == {}
