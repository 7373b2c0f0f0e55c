"""What happens to calls after they were granted: answered, renewed, ended, listed, expired (docs/matching.md §6).

Keeps `CallTable` (which calls are up) and `Capacity` (what they are counted against) in step: this is the only
place that changes either, so a call is in both or in neither. What happens is also noted in `changes`, which the
shell takes and writes to the journal. Sync; `now` and leases as in `engine.py`.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Literal

import msgspec

from identd.calls import (
    Call,
    CallChange,
    CallEnded,
    CallKey,
    CallRenewed,
    CallTable,
    Cause,
    GatewayBooted,
    GatewayCleared,
    Syncs,
)
from identd.capacity import Capacity
from identd.decision import Grant
from identd.last_calls import SHARD_MASK, LastCalls
from matcher.account import Account, Client, Direction, Gateway

DIRECTIONS: tuple[Direction, ...] = ("orig", "term")
RESERVE_SECONDS = 120
ACTIVE_SECONDS = 14_400
_NOT_ADOPTED = frozenset({Cause.RELEASE, Cause.ADMIN})  # the list has crossed these; other endings it overrules
ENDED_AT_ONCE_MAX = 1_000  # calls of one boot or sync: some 2 ms; the others follow within a second
LISTED_SCAN_MAX = 20_000  # calls looked at for one `calls` answer: some 2 ms


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What `start` or `release` did. `calls`: what the account has up now in the call's direction.

    `seconds`: since the call was answered, 0 if it never was; None where no such call is known.
    `not_owner`: another gateway has a call of this name up, and this one has none.
    """

    result: Literal["started", "released", "already_released", "unknown", "not_owner"]
    calls: int | None = None
    seconds: float | None = None


class ListedCall(msgspec.Struct, frozen=True, gc=False):
    """A call as a gateway lists it in a sync; `account` is None where none was given or none of that id exists."""

    key: CallKey
    direction: Direction
    account: Account | None
    client: Client | None


class LiveCalls:
    """All calls that are up, what they count against, and how they end."""

    __slots__ = (
        "_last_calls",
        "_over",
        "_syncs",
        "_table",
        "boots",
        "calls_max",
        "capacity",
        "changes",
        "counts",
        "deaf_seconds",
        "endings",
        "find",
        "last_calls",
        "lately_ended",
        "releases",
    )

    def __init__(self, ended_max: int = 1_000_000, calls_max: int = 1_000_000) -> None:
        self._table = CallTable(ended_max=ended_max)
        self.find = self._table.find
        self.lately_ended = self._table.ended
        self.last_calls = LastCalls()
        self._last_calls = self.last_calls.shards
        self._over: deque[tuple[Iterator[Call], Cause]] = deque()
        self.calls_max = calls_max
        self._syncs: dict[int, Syncs] = {}
        self.capacity = Capacity()
        self.counts: dict[tuple[str, str], int] = {
            (state, direction): 0 for state in ("reserved", "active") for direction in DIRECTIONS
        }
        """Calls up by state and direction, for whoever watches; no limit is judged by them."""
        self.boots: dict[int, int] = {}
        self.deaf_seconds = 0.0
        self.changes: list[CallChange] = []
        self.endings: dict[Cause, int] = dict.fromkeys(Cause, 0)
        self.releases: dict[str, int] = {"released": 0, "already_released": 0, "unknown": 0, "expired": 0}

    def was_deaf(self, seconds: float) -> None:
        """The daemon could not hear for so long: no lease pays for it."""
        self.deaf_seconds += seconds

    def __len__(self) -> int:
        return self._table.size

    @property
    def is_full(self) -> bool:
        """Whether no further call can be kept."""
        return self._table.size >= self.calls_max

    def begin(self, call: Call) -> None:
        """The call is up, and counted at every level from now on."""
        self._table.add(call)
        self.capacity.take(call)
        self.counts[call.state, call.direction] += 1
        account_id = call.account_id
        self._last_calls[account_id & SHARD_MASK][account_id] = call.granted_at
        self.changes.append(call)

    def grant_adopted(self, call: Call, grant: Grant) -> None:
        """Keep what the switch was told of a call that it had listed before asking for it."""
        call.grant = grant
        self.changes.append(call)

    def start(self, key: CallKey, gateway: Gateway | None, now: float) -> Outcome:
        """The call was answered: it is active, and its lease is the long one from now on. Idempotent."""
        call = self._table.find(key)
        if call is None:
            return self._missing(key, now)
        if call.started_at is None:
            self.counts["reserved", call.direction] -= 1
            self.counts["active", call.direction] += 1
            call.started_at = now
        self._table.renew(call, now - self.deaf_seconds, _active_seconds(gateway))
        self.changes.append(call)
        return Outcome("started", self._calls_beside(call), max(0.0, now - call.started_at))

    def release(self, key: CallKey, now: float, cause: Cause = Cause.RELEASE) -> Outcome:
        """The call is over. One that is not up changes nothing, but a late reserve of its key is refused a while."""
        call = self._table.find(key)
        if call is None:
            ended = self._table.ended(key, now)
            outcome = self._missing(key, now)
            if outcome.result != "not_owner":
                self.releases["expired" if ended is Cause.EXPIRE else outcome.result] += 1
            if ended is not Cause.RELEASE:  # whatever became of it: its late reserve would take a slot for nobody
                self._table.remember(key, Cause.RELEASE, now, was_up=False)
                self.changes.append(CallEnded(key, Cause.RELEASE, now))
            return outcome
        self.releases["released"] += 1
        return self._end_told(call, cause, now)

    def end_by_hand(self, call: Call, now: float) -> Outcome:
        """An operator ends the call; what the switch says of it later is `already_released`."""
        return self._end_told(call, Cause.ADMIN, now)

    def _end_told(self, call: Call, cause: Cause, now: float) -> Outcome:
        self.end(call, cause, now)
        started_at = call.started_at
        return Outcome(
            "released", self._calls_beside(call), 0.0 if started_at is None else max(0.0, now - started_at)
        )

    def renew(self, call: Call, now: float) -> None:
        """The call shows life: its lease starts again."""
        heard = now - self.deaf_seconds
        self._table.renew(call, heard, call.lease_seconds)
        self.changes.append(CallRenewed(call.key, heard, call.lease_seconds))

    def touch(self, keys: Iterable[CallKey], now: float) -> list[CallKey]:
        """Renew these calls; the keys of which no call is up."""
        unknown = []
        for key in keys:
            call = self._table.find(key)
            if call is None:
                unknown.append(key)
            else:
                self.renew(call, now)
        return unknown

    def boot(self, gateway_id: int, boot_id: int, now: float) -> int | None:
        """The gateway runs as this boot: calls of an earlier one are over. How many; None if the boot is stale."""
        known = self.boots.get(gateway_id)
        if known == boot_id:
            return 0
        if known is not None and boot_id < known:
            return None
        self.boots[gateway_id] = boot_id
        self.changes.append(GatewayBooted(gateway_id, boot_id))
        if known is None:  # nothing is known of an earlier boot, so nothing is known to be over
            return 0
        self._syncs.pop(gateway_id, None)
        calls = self._table.detach_gateway(gateway_id)
        self._end_all(iter(calls), Cause.BOOT, now)
        return len(calls)

    def clear(self, gateway_id: int, before: float, now: float) -> int:
        """The gateway has no call of before this moment any more, whatever it says of boots. How many are over."""
        calls = self._table.detach_older(gateway_id, before)
        if calls:
            self.changes.append(GatewayCleared(gateway_id, before))
            self._end_all(iter(calls), Cause.BOOT, now)
        return len(calls)

    def sync_begin(self, gateway_id: int) -> None:
        """A full list begins; one that was not ended is forgotten."""
        syncs = self._syncs.setdefault(gateway_id, Syncs())
        syncs.unnamed = dict(self._table.by_gateway.get(gateway_id, {}))  # calls granted from here on are spared
        syncs.adopted = 0

    def syncing(self, gateway_id: int) -> bool:
        """Whether a list has begun and not ended."""
        syncs = self._syncs.get(gateway_id)
        return syncs is not None and syncs.unnamed is not None

    def sync_note(self, gateway_id: int, listed: Iterable[ListedCall], gateway: Gateway | None, now: float) -> None:
        """These calls live, says the gateway: renew what we know, adopt what we do not, limits or not."""
        syncs = self._syncs[gateway_id]
        assert syncs.unnamed is not None, "a list has begun"
        for entry in listed:
            call = self._table.find(entry.key)
            if call is not None:
                syncs.unnamed.pop(entry.key, None)
                self.renew(call, now)
            elif (
                entry.account is not None
                and entry.client is not None
                and not self.is_full
                and self.lately_ended(entry.key, now) not in _NOT_ADOPTED
            ):
                self._adopt(entry, entry.account, entry.client, gateway, now)
                syncs.adopted += 1

    def sync_end(self, gateway_id: int, now: float) -> tuple[int, int]:
        """The list is complete: calls missing from two in a row are over. (ended, adopted)."""
        syncs = self._syncs[gateway_id]
        assert syncs.unnamed is not None, "a list has begun"
        unnamed, missed, syncs.unnamed = syncs.unnamed, syncs.missed, None
        over = [unnamed.pop(key) for key in unnamed.keys() & missed.keys()]
        syncs.missed = unnamed
        if not unnamed:
            del self._syncs[gateway_id]
        self._end_all(iter(over), Cause.SYNC, now)
        return len(over), syncs.adopted

    def expire(self, now: float, limit: int) -> int:
        """End up to `limit` calls whose lease is over, or close as many that are over already; how many.

        Also drops memories too old to matter.
        """
        ended = 0
        while self._over and ended < limit:
            calls, cause = self._over[0]
            taken = self._end_some(calls, cause, now, limit - ended)
            ended += taken
            if not taken:
                self._over.popleft()
        self._table.forget(now, limit)
        over = self._table.expired(now - self.deaf_seconds, limit - ended)
        for call in over:
            self.end(call, Cause.EXPIRE, now)
        return ended + len(over)

    def end(self, call: Call, cause: Cause, now: float) -> None:
        """The call is over, for this cause; it stops counting everywhere at once."""
        self._table.detach(call)
        self._close(call, cause, now)

    def restore(self, call: Call) -> None:
        """Put back a call that the journal kept; no change is noted, and the newest version of a key counts."""
        known = self._table.find(call.key)
        if known is not None:
            self._uncount(known)
        self.last_calls.restore({call.account_id: call.granted_at})
        self._count(call)

    def restore_ended(self, ended: CallEnded) -> None:
        """Put back that a call ended, as the journal kept it."""
        call = self._table.find(ended.key)
        if call is not None:
            self._uncount(call)
        self._table.remember(ended.key, ended.cause, ended.at)

    def restore_renewed(self, renewed: CallRenewed) -> None:
        """Put back that a call showed life, as the journal kept it."""
        call = self._table.find(renewed.key)
        if call is not None:
            self._table.renew(call, renewed.heard, renewed.lease_seconds)

    def restore_boot(self, booted: GatewayBooted) -> None:
        """Put back that a gateway booted, as the journal kept it: what was up before it is over."""
        known = self.boots.get(booted.gateway_id)
        if known is not None and booted.boot_id > known:
            for call in tuple(self._table.by_gateway.get(booted.gateway_id, {}).values()):
                self._uncount(call)
        self.boots[booted.gateway_id] = booted.boot_id

    def restore_cleared(self, cleared: GatewayCleared) -> None:
        """Put back that a gateway had no call of before a moment, as the journal kept it."""
        for call in tuple(self._table.by_gateway.get(cleared.gateway_id, {}).values()):
            if call.granted_at < cleared.before:
                self._uncount(call)

    def restored(self) -> None:
        """Everything that the journal kept is back: put the leases in order again."""
        self._table.sort_leases()

    def listed(
        self, account_id: int | None, client_id: int | None, gateway_id: int | None, limit: int
    ) -> tuple[list[Call], int]:
        """Live calls that fit all filters, oldest first, and how many more there are that were left out.

        The smallest set that a filter names is walked, and of it LISTED_SCAN_MAX calls at most.
        """
        sets: list[Iterable[Call]] = []
        sizes: list[int] = []
        for level, row_id in ((self.capacity.accounts, account_id), (self.capacity.clients, client_id)):
            if row_id is not None:
                calls = [call_set for direction in level.values() if (call_set := direction.get(row_id))]
                sets.append(call for call_set in calls for call in call_set)
                sizes.append(sum(map(len, calls)))
        if gateway_id is not None:
            calls_of_gateway = self._table.by_gateway.get(gateway_id, {})
            sets.append(calls_of_gateway.values())
            sizes.append(len(calls_of_gateway))
        if not sets:
            sets.append(self._table.all())
            sizes.append(self._table.size)
        size = min(sizes)
        smallest = sets[sizes.index(size)]
        looked_at = list(islice(smallest, LISTED_SCAN_MAX))
        fitting = [
            call
            for call in looked_at
            if (account_id is None or call.account_id == account_id)
            and (client_id is None or call.client_id == client_id)
            and (gateway_id is None or call.key[0] == gateway_id)
        ]
        fitting.sort(key=lambda call: call.granted_at)
        return fitting[:limit], max(0, len(fitting) - limit) + size - len(looked_at)

    def lease_left(self, call: Call, now: float) -> float:
        """Seconds until the lease of the call is over, if it shows no life."""
        return max(0.0, call.renewed_heard + call.lease_seconds - (now - self.deaf_seconds))

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        return {**self._table.statistics(), "syncs": len(self._syncs), "boots": len(self.boots)}

    def gateway_ids(self) -> tuple[int, ...]:
        """The gateways that have calls up."""
        return tuple(self._table.by_gateway)

    def all_calls(self) -> tuple[Call, ...]:
        """Every live call; of one gateway the oldest first."""
        return tuple(chain.from_iterable(calls.values() for calls in self._table.by_gateway.values()))

    def _count(self, call: Call) -> None:
        self._table.add(call)
        self.capacity.take(call)
        self.counts[call.state, call.direction] += 1

    def _uncount(self, call: Call) -> None:
        self._table.remove(call)
        self.capacity.give_back(call)
        self.counts[call.state, call.direction] -= 1

    def _adopt(
        self, entry: ListedCall, account: Account, client: Client, gateway: Gateway | None, now: float
    ) -> None:
        self.begin(
            Call(
                entry.key,
                entry.direction,
                account.id,
                client.id,
                client.reseller_id,
                now,
                now - self.deaf_seconds,
                _active_seconds(gateway),
                None,
                now,
            )
        )

    def _end_all(self, calls: Iterator[Call], cause: Cause, now: float) -> None:
        """End some of these calls at once and the others a slice a tick.

        A switch that restarts may leave a hundred thousand: ending all at once would stop every answer meanwhile.
        """
        if self._end_some(calls, cause, now, ENDED_AT_ONCE_MAX) == ENDED_AT_ONCE_MAX:
            self._over.append((calls, cause))

    def _end_some(self, calls: Iterator[Call], cause: Cause, now: float, limit: int) -> int:
        """End the next `limit` calls; how many there were. One that has ended meanwhile is not ended again."""
        taken = 0
        for call in islice(calls, limit):
            taken += 1
            if self._table.find(call.key) is call:
                self._table.detach(call)
            if self._table.is_leased(call):
                self._close(call, cause, now)
        return taken

    def _close(self, call: Call, cause: Cause, now: float) -> None:
        """What is left to do of a call that nobody finds any more."""
        key = call.key
        self._table.unlease(call)
        self.capacity.give_back(call)
        self.counts[call.state, call.direction] -= 1
        self.endings[cause] += 1
        if self._syncs:
            self._forget_sync(key)
        if self._table.find(key) is None:  # else a later boot has reused the name, and that call lives
            self._table.remember(key, cause, now)
            self.changes.append(CallEnded(key, cause, now))

    def _forget_sync(self, key: CallKey) -> None:
        syncs = self._syncs.get(key[0])
        if syncs is not None:
            syncs.missed.pop(key, None)
            if syncs.unnamed is not None:
                syncs.unnamed.pop(key, None)
            elif not syncs.missed:
                del self._syncs[key[0]]

    def _missing(self, key: CallKey, now: float) -> Outcome:
        """Why no call of this key is up. Gateways are few, so looking for another owner needs no table of its own."""
        cause = self._table.ended(key, now)
        if cause is None or not self._table.was_up(key):
            _, call_id, leg = key
            if any((gateway_id, call_id, leg) in calls for gateway_id, calls in self._table.by_gateway.items()):
                return Outcome("not_owner")
        return Outcome("unknown" if cause is None or cause is Cause.EXPIRE else "already_released")

    def _calls_beside(self, call: Call) -> int:
        return self.capacity.calls_of_account(call.direction, call.account_id)


def reserve_seconds(gateway: Gateway | None) -> int:
    """How long a reserved call of this gateway lives without a word."""
    return RESERVE_SECONDS if gateway is None else gateway.reserve_seconds


def _active_seconds(gateway: Gateway | None) -> int:
    return ACTIVE_SECONDS if gateway is None else gateway.active_seconds
