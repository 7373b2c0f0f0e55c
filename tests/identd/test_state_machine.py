"""The engine against a reading of the rules, whatever is asked in whatever order; and its journal at every step."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from identd.engine import Engine
from identd.journal import Journal
from identd.live_calls import ListedCall, LiveCalls
from matcher.account import Gateway
from tests.identd.building import (
    NOW,
    account,
    attempt,
    change,
    client,
    engine,
    gateway,
    gone,
    key,
    reseller,
    said,
    written,
)
from tests.identd.model import Model
from tests.identd.test_journal import state

GATEWAYS: dict[int, Gateway] = {
    1: gateway(1, reserve_seconds=40, active_seconds=90),
    2: gateway(2, reserve_seconds=120, active_seconds=90),
}
gateways = st.sampled_from([1, 2])
accounts = st.integers(1, 4)
calls = st.sampled_from(["a", "b", "c", "d", "e", "f"])
directions = st.sampled_from(["orig", "orig", "orig", "term"])
limits = st.sampled_from([None, None, 0, 1, 2, 3])


class Calls(RuleBasedStateMachine):
    """Every rule does the same to both and compares what is said; the invariants compare what is up."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model = Model()
        self.now = NOW
        self.deaf = 0.0
        self.engine: Engine = engine(*GATEWAYS.values())
        self.journal = Journal(Path(self.folder.name) / "journal")
        self.journal.restore(self.engine.live, self.now)

    def teardown(self) -> None:
        try:
            self.nothing_is_left_when_all_has_ended()
        finally:
            self.journal.close()
            self.folder.cleanup()

    def nothing_is_left_when_all_has_ended(self) -> None:
        for call_key in list(self.model.calls):
            self.engine.live.release(call_key, self.now)
        for gateway_id in list(self.model.syncs):
            self.engine.live.sync_end(gateway_id, self.now)
        self.engine.live.expire(self.now + 100, 10_000)
        change(self.engine, *(gone(account(row_id)) for row_id in range(1, 5)), now=self.now)
        left = {**self.engine.statistics(), "boots": 0}
        assert not any(left.values()), left
        assert self.engine.live.capacity.statistics() == {"account": 0, "client": 0, "reseller": 0}

    @property
    def heard(self) -> float:
        return self.now - self.deaf

    def put(self, table: str, row: Any) -> None:
        change(self.engine, row, now=self.now)
        self.model.rows[table, row.id] = row

    @initialize()
    def some_rows(self) -> None:
        for row_id in (1, 2):
            self.put("reseller", reseller(row_id, capacity=5))
            self.put("client", client(row_id, capacity=4, reseller_id=row_id))
        for row_id in range(1, 5):
            self.put("account", account(row_id, client_id=1 + row_id % 2, capacity=3))

    @rule(
        row_id=accounts, client_id=st.integers(1, 2), capacity=limits, blocked=st.sampled_from([False] * 5 + [True])
    )
    def an_account_changes(self, row_id: int, client_id: int, capacity: int | None, blocked: bool) -> None:
        was = self.model.account(row_id)
        cps = None if was is None or was.orig is None else was.orig.cps
        self.put("account", account(row_id, client_id=client_id, capacity=capacity, blocked=blocked, cps=cps))

    @rule(row_id=accounts, limited=st.booleans())
    def an_account_is_given_a_rate_or_freed_of_it(self, row_id: int, limited: bool) -> None:
        was = self.model.account(row_id)
        if was is not None and was.orig is not None:
            row = account(
                row_id,
                client_id=was.client_id,
                capacity=was.orig.capacity,
                blocked=was.blocked,
                cps=1.0 if limited else None,
            )
            self.put("account", row)
            if not limited:
                self.forget_tokens(row_id)

    def forget_tokens(self, row_id: int) -> None:
        for direction in ("orig", "term"):
            self.model.tokens.pop(("account", direction, row_id), None)

    @rule(row_id=accounts)
    def an_account_is_deleted(self, row_id: int) -> None:
        change(self.engine, gone(account(row_id)), now=self.now)
        self.model.rows.pop(("account", row_id), None)
        self.forget_tokens(row_id)

    @rule(
        row_id=st.integers(1, 2),
        capacity=limits,
        reseller_id=st.sampled_from([None, 1, 2]),
        balance=st.sampled_from([-10, 0, 5, 20]),
        credit=st.sampled_from([None, None, 10]),
        low=st.sampled_from([None, 1]),
        blocked=st.sampled_from([False] * 5 + [True]),
    )
    def a_client_changes(self, row_id: int, balance: int, credit: int | None, low: int | None, **more: Any) -> None:
        self.put(
            "client",
            client(
                row_id,
                balance_micros=balance,
                credit_limit_micros=credit,
                low_balance_threshold_micros=10,
                low_balance_capacity=low,
                **more,
            ),
        )

    @rule(row_id=st.integers(1, 2))
    def a_client_is_deleted_with_its_accounts(self, row_id: int) -> None:
        ids = [number for number in range(1, 5) if (row := self.model.account(number)) and row.client_id == row_id]
        change(self.engine, gone(client(row_id)), *(gone(account(number)) for number in ids), now=self.now)
        for number in ids:
            del self.model.rows["account", number]
            self.forget_tokens(number)
        self.model.rows.pop(("client", row_id), None)

    @rule(row_id=st.integers(1, 2), capacity=limits, blocked=st.sampled_from([False] * 5 + [True]))
    def a_reseller_changes(self, row_id: int, capacity: int | None, blocked: bool) -> None:
        self.put("reseller", reseller(row_id, capacity=capacity, blocked=blocked))

    @rule(call_id=calls, gateway_id=gateways, row_id=accounts, direction=directions)
    def authorize(self, call_id: str, gateway_id: int, row_id: int, direction: str) -> None:
        call_key, asking = key(call_id, gateway_id), GATEWAYS[gateway_id]
        before = {
            (level, limited_id): self.model.counted(level, limited_id, direction)
            for level in ("account", "client", "reseller")
            for limited_id in range(1, 5)
        }
        decision = self.engine.authorize(attempt(f"10.0.0.{row_id}", direction=direction), asking, call_key, self.now)
        expected = self.model.authorize(call_key, row_id, direction, asking, self.now, self.heard)
        assert said(decision) == expected
        if expected == "grant":
            row = self.model.account(row_id)
            assert row is not None
            for level, limited_id, limit in self.model.limits(row, direction):
                assert limit is None or before[level, limited_id] < limit

    @rule(call_id=calls, gateway_id=gateways)
    def start(self, call_id: str, gateway_id: int) -> None:
        call_key = key(call_id, gateway_id)
        outcome = self.engine.live.start(call_key, GATEWAYS[gateway_id], self.now)
        call = self.model.calls.get(call_key)
        assert (outcome.result == "started") is (call is not None)
        if call is not None:
            call.update(active=True, renewed=self.heard, lease=GATEWAYS[gateway_id].active_seconds)

    @rule(call_id=calls, gateway_id=gateways)
    def release(self, call_id: str, gateway_id: int) -> None:
        call_key = key(call_id, gateway_id)
        known = call_key in self.model.calls
        assert (self.engine.live.release(call_key, self.now).result == "released") is known
        self.model.release(call_key, self.now)

    @rule(call_ids=st.lists(calls, max_size=4), gateway_id=gateways)
    def touch(self, call_ids: list[str], gateway_id: int) -> None:
        keys = [key(call_id, gateway_id) for call_id in call_ids]
        assert self.engine.live.touch(keys, self.now) == [each for each in keys if each not in self.model.calls]
        for each in keys:
            if each in self.model.calls:
                self.model.calls[each]["renewed"] = self.heard

    @rule(gateway_id=gateways, boot_id=st.integers(1, 4))
    def hello(self, gateway_id: int, boot_id: int) -> None:
        fresh = self.engine.live.boot(gateway_id, boot_id, self.now) is not None
        assert fresh is self.model.boot(gateway_id, boot_id, self.now)

    @rule(gateway_id=gateways)
    def a_sync_begins(self, gateway_id: int) -> None:
        self.engine.live.sync_begin(gateway_id)
        self.model.sync_begin(gateway_id)

    @rule(gateway_id=gateways, listed=st.lists(st.tuples(calls, accounts), max_size=4))
    def a_sync_lists_calls(self, gateway_id: int, listed: list[tuple[str, int]]) -> None:
        if gateway_id not in self.model.syncs:
            return
        entries = []
        for call_id, row_id in listed:
            given = self.engine.directory.accounts.get(row_id)
            payer = None if given is None else self.engine.directory.clients.get(given.client_id)
            entries.append(ListedCall(key(call_id, gateway_id), "orig", given, payer))
        self.engine.live.sync_note(gateway_id, entries, GATEWAYS[gateway_id], self.now)
        for call_id, row_id in listed:
            call_key = key(call_id, gateway_id)
            self.model.listed(call_key, row_id, GATEWAYS[gateway_id], self.now)
            if call_key in self.model.calls:
                self.model.calls[call_key]["renewed"] = self.heard

    @rule(gateway_id=gateways)
    def a_sync_ends(self, gateway_id: int) -> None:
        if gateway_id in self.model.syncs:
            self.engine.live.sync_end(gateway_id, self.now)
            self.model.sync_end(gateway_id, self.now)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 10.0, 29.75, 30.0, 40.0, 90.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.engine.live.expire(self.now, 1000)
        self.model.expire_heard(self.now, self.heard)

    @rule(seconds=st.sampled_from([1.0, 60.0, 5000.0]))
    def nobody_could_hear(self, seconds: float) -> None:
        self.now += seconds
        self.deaf += seconds
        self.engine.live.was_deaf(seconds)

    @precondition(lambda self: not self.model.syncs)
    @rule()
    def the_daemon_is_killed_and_comes_back(self) -> None:
        """Syncs and their misses do not survive; everything else does."""
        written(self.journal, self.engine.live, self.now, alive=True)
        self.journal.close()
        before = state(self.engine.live)
        again = LiveCalls()
        self.journal = Journal(Path(self.folder.name) / "journal")
        self.journal.restore(again, self.now)
        assert state(again) == before
        assert again.deaf_seconds == self.deaf
        self.engine.live = again
        for call in self.model.calls.values():
            call["misses"] = 0

    @invariant()
    def the_same_calls_are_up_and_counted_everywhere(self) -> None:
        live = self.engine.live
        up = {
            call.key: {
                "account": call.account_id,
                "client": call.client_id,
                "reseller": call.reseller_id,
                "direction": call.direction,
                "active": call.state == "active",
                "lease": call.lease_seconds,
                "adopted": call.grant is None,
                "renewed": call.renewed_heard,
            }
            for call in live.all_calls()
        }
        expected = {
            each: {name: value for name, value in call.items() if name not in {"serial", "misses"}}
            for each, call in self.model.calls.items()
        }
        assert up == expected
        assert live.statistics()["leased"] == live.statistics()["live"] == len(up)
        assert live.boots == self.model.boots
        for level, rows in (("account", "accounts"), ("client", "clients"), ("reseller", "resellers")):
            for direction, sets in getattr(live.capacity, rows).items():
                counted = {row_id: len(each) for row_id, each in sets.items()}
                assert counted == {
                    row_id: number
                    for row_id in range(1, 5)
                    if (number := self.model.counted(level, row_id, direction))
                }
        for (what, direction), number in live.counts.items():
            assert number == sum(
                call["direction"] == direction and call["active"] is (what == "active") for call in expected.values()
            )


TestCalls = pytest.mark.rule(
    "M6.6", "M6.9", "M6.11", "M6.12", "M6.17", "M6.21", "M6.23", "M6.24", "M6.26", "M6.29", "M6.30", "M6.32", "M6.36",
    "M6.37", "M6.38", "M7.2",
)(Calls.TestCase)  # fmt: skip
TestCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
