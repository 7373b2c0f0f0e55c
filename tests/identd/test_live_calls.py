"""What happens to a call after its grant: start, release, touch, boots, syncs and leases (docs/matching.md §6)."""

import pytest

from identd import live_calls
from identd.calls import Call, CallEnded, Cause, GatewayBooted, GatewayCleared
from identd.decision import Conflict
from identd.engine import Engine
from identd.live_calls import ListedCall
from matcher.account import Gateway
from tests.identd.building import NOW, account, attempt, change, client, engine, gateway, gone, key, reseller, said

GW = gateway(1)


def made(**more: int | None) -> Engine:
    return engine(account(capacity=more.get("capacity")), client(reseller_id=1), reseller(), GW, gateway(2))


def up(one: Engine, *call_ids: str, gw: Gateway = GW, now: float = NOW) -> None:
    for call_id in call_ids:
        assert said(one.authorize(attempt(), gw, key(call_id, gw.id), now)) == "grant"


def names(one: Engine) -> set[str]:
    return {call.key[1] for call in one.live.all_calls()}


def sync(one: Engine, *call_ids: str, account_id: int | None = None, now: float = NOW) -> tuple[int, int]:
    one.live.sync_begin(1)
    note(one, *call_ids, account_id=account_id, now=now)
    return one.live.sync_end(1, now)


def note(one: Engine, *call_ids: str, account_id: int | None = None, now: float = NOW) -> None:
    given = None if account_id is None else one.directory.accounts.get(account_id)
    payer = None if given is None else one.directory.clients.get(given.client_id)
    one.live.sync_note(1, [ListedCall(key(call_id, 1), "orig", given, payer) for call_id in call_ids], GW, now)


@pytest.mark.rule("M6.14", "M6.15", "M6.16", "M6.40")
def test_a_call_is_reserved_then_active_then_over() -> None:
    one = made()
    up(one, "c")
    assert one.live.find(key("c", 1)).state == "reserved"
    started = one.live.start(key("c", 1), GW, NOW + 5)
    assert (started.result, started.calls, started.seconds) == ("started", 1, 0.0)
    assert one.live.find(key("c", 1)).state == "active"
    again = one.live.start(key("c", 1), GW, NOW + 8)
    assert (again.result, again.seconds) == ("started", 3.0)
    ended = one.live.release(key("c", 1), NOW + 65)
    assert (ended.result, ended.calls, ended.seconds) == ("released", 0, 60.0)
    assert one.live.endings == {**dict.fromkeys(Cause, 0), Cause.RELEASE: 1}


@pytest.mark.rule("M6.17")
def test_releasing_twice_or_the_unknown_or_the_expired_succeeds_and_is_counted_by_kind() -> None:
    one = made()
    up(one, "twice", "expires")
    assert one.live.release(key("twice", 1), NOW).result == "released"
    assert one.live.release(key("twice", 1), NOW + 1).result == "already_released"
    assert one.live.release(key("never", 1), NOW).result == "unknown"
    one.live.expire(NOW + 120, 100)
    assert one.live.release(key("expires", 1), NOW + 121).result == "unknown"
    assert one.live.releases == {"released": 1, "already_released": 1, "unknown": 1, "expired": 1}
    assert one.live.endings[Cause.RELEASE] == 1
    assert one.live.endings[Cause.EXPIRE] == 1
    assert one.live.capacity.statistics() == {"account": 0, "client": 0, "reseller": 0}


@pytest.mark.rule("M6.18")
def test_a_gateway_can_release_only_its_own_calls() -> None:
    one = made()
    up(one, "c")
    assert one.live.start(key("c", 2), gateway(2), NOW).result == "not_owner"
    for _ in range(2):
        assert one.live.release(key("c", 2), NOW).result == "not_owner"
    assert one.live.start(key("c", 2), gateway(2), NOW).result == "not_owner"
    assert names(one) == {"c"}
    assert said(one.authorize(attempt(), gateway(2), key("c", 2), NOW + 1)) == "already_released"
    up(one, "c", gw=gateway(2), now=NOW + 31)
    assert one.live.release(key("c", 2), NOW + 31).result == "released"
    assert one.live.find(key("c", 1)) is not None


@pytest.mark.rule("M6.19")
def test_a_reserve_after_its_own_release_is_refused_for_thirty_seconds() -> None:
    one = made()
    up(one, "c")
    one.live.release(key("c", 1), NOW)
    assert said(one.authorize(attempt(), GW, key("c", 1), NOW + 29.9)) == "already_released"
    assert said(one.authorize(attempt(), GW, key("c", 1), NOW + 30)) == "grant"


@pytest.mark.rule("M6.19")
def test_a_release_that_overtook_its_reserve_refuses_it_too() -> None:
    one = made()
    assert one.live.release(key("c", 1), NOW).result == "unknown"
    assert said(one.authorize(attempt(), GW, key("c", 1), NOW + 1)) == "already_released"


@pytest.mark.rule("M6.19")
def test_a_release_of_an_expired_call_refuses_a_late_reserve_too() -> None:
    one = made()
    up(one, "c")
    one.live.expire(NOW + 120, 100)
    one.live.release(key("c", 1), NOW + 121)
    assert said(one.authorize(attempt(), GW, key("c", 1), NOW + 122)) == "already_released"


@pytest.mark.rule("M6.19")
def test_a_call_that_only_expired_may_be_asked_for_again() -> None:
    one = made()
    up(one, "c")
    one.live.expire(NOW + 120, 100)
    up(one, "c", now=NOW + 121)


@pytest.mark.rule("M6.21")
def test_moving_an_account_to_another_client_does_not_move_its_live_calls() -> None:
    one = engine(account(), client(1, capacity=1), client(2, capacity=1), GW)
    up(one, "c")
    change(one, account(client_id=2))
    capacity = one.live.capacity
    assert {row_id: len(calls) for row_id, calls in capacity.clients["orig"].items()} == {1: 1}
    up(one, "d")
    assert said(one.authorize(attempt(), GW, key("e", 1), NOW)) == "capacity_client"
    one.live.release(key("c", 1), NOW)
    assert said(one.authorize(attempt(), GW, key("e", 1), NOW)) == "capacity_client"
    one.live.release(key("d", 1), NOW)
    assert capacity.statistics() == {"account": 0, "client": 0, "reseller": 0}


@pytest.mark.rule("M6.24")
def test_the_calls_of_a_deleted_account_count_at_client_and_reseller_until_they_end() -> None:
    one = engine(account(1), account(2), client(capacity=2, reseller_id=1), reseller(capacity=2), GW)
    up(one, "c")
    change(one, gone(account(1)))
    assert said(one.authorize(attempt("10.0.0.2"), GW, key("d", 1), NOW)) == "grant"
    assert said(one.authorize(attempt("10.0.0.2"), GW, key("e", 1), NOW)) == "capacity_client"
    assert one.live.release(key("c", 1), NOW).result == "released"
    assert said(one.authorize(attempt("10.0.0.2"), GW, key("f", 1), NOW)) == "grant"


@pytest.mark.rule("M6.29")
def test_reserved_and_active_calls_expire_after_the_leases_of_their_gateway() -> None:
    short = gateway(1, reserve_seconds=10, active_seconds=50)
    one = engine(account(), client(), short)
    up(one, "reserved", "active", gw=short)
    one.live.start(key("active", 1), short, NOW + 5)
    assert one.live.expire(NOW + 9.9, 100) == 0
    assert one.live.expire(NOW + 10, 100) == 1
    assert names(one) == {"active"}
    assert one.live.expire(NOW + 54.9, 100) == 0
    assert one.live.expire(NOW + 55, 100) == 1
    assert one.live.endings[Cause.EXPIRE] == 2


@pytest.mark.rule("M6.29")
def test_without_a_gateway_the_default_leases_stand() -> None:
    one = made()
    one.authorize(attempt(), None, key("c"), NOW)
    assert one.live.lease_left(one.live.find(key("c")), NOW) == 120
    one.live.start(key("c"), None, NOW)
    assert one.live.lease_left(one.live.find(key("c")), NOW) == 14_400


@pytest.mark.rule("M6.30")
def test_touch_renews_and_tells_what_it_does_not_know() -> None:
    one = made()
    up(one, "c")
    assert one.live.touch([key("c", 1), key("c", 2), key("x", 1)], NOW + 100) == [key("c", 2), key("x", 1)]
    assert one.live.expire(NOW + 219, 100) == 0
    assert one.live.expire(NOW + 220, 100) == 1


@pytest.mark.rule("M6.30")
def test_time_in_which_nobody_could_be_heard_counts_against_no_lease() -> None:
    one = made()
    up(one, "c")
    one.live.was_deaf(3600)
    assert one.live.expire(NOW + 3600 + 119, 100) == 0
    assert one.live.lease_left(one.live.find(key("c", 1)), NOW + 3600 + 119) == pytest.approx(1)
    up(one, "d", now=NOW + 3600 + 119)
    assert one.live.expire(NOW + 3600 + 120, 100) == 1
    assert names(one) == {"d"}


@pytest.mark.rule("M6.29")
def test_expiring_stops_at_its_bound_and_goes_on_next_time() -> None:
    one = made()
    up(one, *map(str, range(10)))
    assert [one.live.expire(NOW + 500, 4) for _ in range(4)] == [4, 4, 2, 0]


@pytest.mark.rule("M6.32", "M6.40")
def test_a_new_boot_ends_the_calls_of_the_earlier_one_and_an_older_boot_is_stale() -> None:
    one = made()
    assert one.live.boot(1, 7, NOW) == 0
    up(one, "a", "b")
    up(one, "other", gw=gateway(2))
    assert one.live.boot(1, 7, NOW) == 0
    assert one.live.boot(1, 6, NOW) is None
    assert names(one) == {"a", "b", "other"}
    assert one.live.boot(1, 8, NOW) == 2
    assert names(one) == {"other"}
    assert one.live.endings[Cause.BOOT] == 2


@pytest.mark.rule("M6.32", "M6.19")
def test_a_new_boot_may_count_its_calls_from_one_again() -> None:
    one = made()
    one.live.boot(1, 7, NOW)
    up(one, "1")
    one.live.boot(1, 8, NOW + 1)
    up(one, "1", now=NOW + 2)


@pytest.mark.rule("M6.35", "M6.37", "M6.40")
def test_a_call_missing_from_two_syncs_in_a_row_is_over() -> None:
    one = made()
    up(one, "listed", "missing", "seen again")
    assert sync(one, "listed", "seen again") == (0, 0)
    assert sync(one, "listed") == (1, 0)
    assert names(one) == {"listed", "seen again"}
    assert sync(one, "listed", "seen again") == (0, 0)
    assert sync(one, "listed") == (0, 0)
    assert sync(one, "listed") == (1, 0)
    assert one.live.endings[Cause.SYNC] == 2


@pytest.mark.rule("M6.36")
def test_calls_authorized_after_begin_are_spared() -> None:
    one = made()
    for _ in range(3):
        one.live.sync_begin(1)
        if "late" not in names(one):
            up(one, "late")
            assert one.live.sync_end(1, NOW) == (0, 0)
    assert one.live.sync_end(1, NOW) == (0, 0)


@pytest.mark.rule("M6.35")
def test_a_list_in_chunks_is_one_list_and_one_that_did_not_end_ends_nothing() -> None:
    one = made()
    up(one, "a", "b")
    for _ in range(3):
        one.live.sync_begin(1)
        note(one, "a")
        note(one, "b")
        assert one.live.sync_end(1, NOW) == (0, 0)
    for _ in range(3):
        one.live.sync_begin(1)
    assert not one.live.syncing(2)
    assert names(one) == {"a", "b"}


@pytest.mark.rule("M6.35")
def test_a_sync_speaks_of_its_own_gateway_only() -> None:
    one = made()
    up(one, "c", gw=gateway(2))
    sync(one)
    assert sync(one) == (0, 0)
    assert names(one) == {"c"}


@pytest.mark.rule("M6.38")
def test_a_listed_call_that_we_do_not_know_is_adopted_even_above_the_limit() -> None:
    one = made(capacity=1)
    up(one, "known")
    assert sync(one, "known", "a", "b", account_id=1) == (0, 2)
    assert one.live.capacity.calls_of_account("orig", 1) == 3
    assert said(one.authorize(attempt(), GW, key("new", 1), NOW)) == "capacity_account"
    for call_id in ("a", "b"):
        one.live.release(key(call_id, 1), NOW)
    assert said(one.authorize(attempt(), GW, key("new", 1), NOW)) == "capacity_account"
    one.live.release(key("known", 1), NOW)
    up(one, "new")


@pytest.mark.rule("M6.38")
@pytest.mark.parametrize("account_id", [None, 99])
def test_without_an_account_there_is_nothing_to_adopt(account_id: int | None) -> None:
    one = made()
    assert sync(one, "a", account_id=account_id) == (0, 0)
    assert len(one.live) == 0


@pytest.mark.rule("M6.38", "M6.19")
def test_a_list_that_crossed_a_release_does_not_bring_the_call_back() -> None:
    one = made()
    up(one, "c")
    one.live.release(key("c", 1), NOW)
    assert sync(one, "c", account_id=1, now=NOW + 1) == (0, 0)
    assert len(one.live) == 0


@pytest.mark.rule("M6.38")
def test_a_call_that_expired_here_and_lives_at_the_switch_is_adopted() -> None:
    one = made()
    up(one, "c")
    one.live.expire(NOW + 120, 100)
    assert sync(one, "c", account_id=1, now=NOW + 121) == (0, 1)
    assert one.live.find(key("c", 1)).state == "active"


@pytest.mark.rule("M6.38", "M6.11")
def test_an_adopted_call_is_granted_when_it_is_asked_for_and_again_the_same() -> None:
    one = made(capacity=0)
    sync(one, "c", account_id=1)
    first = one.authorize(attempt(), GW, key("c", 1), NOW + 1)
    assert said(first) == "existing"
    change(one, account(capacity=5, name="renamed"))
    assert one.authorize(attempt(), GW, key("c", 1), NOW + 2) == first
    told = sum(noted is one.live.find(key("c", 1)) for noted in one.live.changes)
    assert told == 2, "the journal is told of the call, and of its grant when there is one"


@pytest.mark.rule("M6.38")
def test_an_adopted_call_outlives_the_client_that_it_was_adopted_for() -> None:
    one = engine(account(), client(1), client(2), GW)
    sync(one, "c", account_id=1)
    change(one, account(client_id=2), gone(client(1)))
    decision = one.authorize(attempt(), GW, key("c", 1), NOW + 1)
    assert said(decision) == "existing"
    one.live.release(key("c", 1), NOW)
    assert one.live.capacity.statistics() == {"account": 0, "client": 0, "reseller": 0}


def test_listing_takes_filters_together_oldest_first_and_says_what_it_left_out() -> None:
    one = engine(account(1), account(2, client_id=2), client(1), client(2), GW, gateway(2))
    for number in range(6):
        gw = gateway(1 + number % 2)
        ip = f"10.0.0.{1 + number % 3 % 2}"
        one.authorize(attempt(ip), gw, key(str(number), gw.id), NOW + number)

    def listed(account_id: int | None, client_id: int | None, gateway_id: int | None, limit: int = 9) -> str:
        found, omitted = one.live.listed(account_id, client_id, gateway_id, limit)
        return "".join(call.key[1] for call in found) + (f"+{omitted}" if omitted else "")

    assert listed(None, None, None) == "012345"
    assert listed(None, None, None, 2) == "01+4"
    assert listed(2, None, None) == "14"
    assert listed(None, 1, None) == "0235"
    assert listed(None, None, 2) == "135"
    assert listed(1, 1, 2) == "35"
    assert listed(1, 2, None) == ""
    assert listed(9, None, None) == ""


@pytest.mark.rule("M6.34")
def test_a_gateway_without_calls_of_before_a_moment_keeps_those_that_began_since() -> None:
    one = made()
    for at, call_id in enumerate(("a", "b", "c")):
        up(one, call_id, now=NOW + at)
    assert one.live.clear(1, NOW + 1, NOW + 3) == 1
    assert names(one) == {"b", "c"}
    assert one.live.clear(1, NOW + 1, NOW + 4) == 0, "said again, late: what began since lives"
    assert one.live.clear(2, NOW + 9, NOW + 4) == 0, "another gateway"
    assert one.live.clear(1, NOW + 9, NOW + 4) == 2
    assert (names(one), one.live.endings[Cause.BOOT], one.live.boots) == (set(), 3, {})
    assert one.live.statistics()["live"] == one.live.statistics()["leased"] == 0


@pytest.mark.rule("M6.34")
def test_a_call_of_the_very_moment_is_up_after_a_restart_as_it_was_before() -> None:
    one = made()
    up(one, "a", now=NOW)
    up(one, "b", now=NOW + 1)
    one.live.restore_cleared(GatewayCleared(1, NOW + 1))
    assert names(one) == {"b"}


@pytest.mark.rule("M6.32")
def test_a_boot_that_leaves_more_calls_than_one_moment_can_close_closes_the_rest_in_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_calls, "ENDED_AT_ONCE_MAX", 3)
    one = made()
    up(one, *map(str, range(10)))
    one.live.boot(1, 1, NOW)
    assert one.live.boot(1, 2, NOW) == 10
    assert len(one.live) == 0, "nobody finds them any more"
    up(one, "0", now=NOW)  # a new boot may use the same names at once
    assert one.live.capacity.calls_of_account("orig", 1) == 1 + 7
    assert [one.live.expire(NOW, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert one.live.capacity.calls_of_account("orig", 1) == 1
    assert one.live.endings[Cause.BOOT] == 10
    assert one.live.statistics()["leased"] == 1
    ended = {change.key for change in one.live.changes if isinstance(change, CallEnded)}
    assert key("0", 1) in ended, "the old call of that name, before the new one was granted"
    at = max(place for place, change in enumerate(one.live.changes) if getattr(change, "key", None) == key("0", 1))
    assert isinstance(one.live.changes[at], Call), "the journal's last word of the name is the call that lives"


@pytest.mark.rule("M6.37")
def test_a_list_that_misses_more_calls_than_one_moment_can_end_ends_the_rest_in_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_calls, "ENDED_AT_ONCE_MAX", 3)
    one = made()
    up(one, *map(str, range(10)))
    assert sync(one, "0") == (0, 0)
    assert sync(one, "0") == (9, 0)
    assert len(one.live) == 7
    still = next(iter(names(one) - {"0"}))
    assert one.live.release(key(still, 1), NOW).result == "released", "ended once, not twice"
    assert sum(one.live.expire(NOW, 3) for _ in range(4)) == 6
    assert names(one) == {"0"}
    assert one.live.capacity.calls_of_account("orig", 1) == 1
    assert one.live.endings[Cause.SYNC] + one.live.endings[Cause.RELEASE] == 9


@pytest.mark.rule("M6.12")
def test_the_same_call_in_the_other_direction_is_a_conflict_whoever_it_would_be() -> None:
    one = made()
    up(one, "c")
    other = one.authorize(attempt(direction="term"), GW, key("c", 1), NOW)
    assert isinstance(other, Conflict)
    assert other.identified_account_id is None


@pytest.mark.rule("M6.38")
def test_a_list_without_end_adopts_no_more_than_there_is_room_for() -> None:
    one = engine(account(), client(), gateway(), calls_max=2)
    assert sync(one, "a", "b", "c", account_id=1) == (0, 2)
    assert names(one) == {"a", "b"}


@pytest.mark.rule("M6.32")
def test_a_boot_that_the_journal_kept_ends_what_it_kept_of_the_boot_before() -> None:
    one = made()
    up(one, "a", "b")
    one.live.restore_boot(GatewayBooted(1, 7))
    assert names(one) == {"a", "b"}
    one.live.restore_boot(GatewayBooted(1, 7))
    assert names(one) == {"a", "b"}, "the same boot"
    one.live.restore_boot(GatewayBooted(1, 8))
    assert names(one) == set()
    assert one.live.boots == {1: 8}
