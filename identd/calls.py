"""The calls that are up: by key, by gateway, and by when their lease ends; and the keys of calls lately ended.

What is counted anywhere is a set of these `Call` objects, never a number that goes up and down. Time comes in as
an argument; a lease is measured on *heard* time, which stands still while the daemon could not hear
(docs/matching.md §6.9). One lease length is one queue in order of renewal, so the calls to expire are always at
the front and renewing is moving to the back: no timer, no heap that fills with what has ended.
"""

import heapq
from collections import OrderedDict
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Literal

import msgspec

from identd.decision import Grant
from matcher.account import Direction

CallKey = tuple[int, str, str]
"""(gateway id, call_id, leg); gateway id 0 is a switch that said no gateway."""

NO_GATEWAY = 0

REMEMBER_SECONDS = 30.0
"""How long a late retry of an ended call is told from a new call (docs/matching.md §6.5)."""


class Cause(StrEnum):
    """Why a call ended; every ending is counted by one of these."""

    RELEASE = "release"
    EXPIRE = "expire"
    BOOT = "boot"
    SYNC = "sync"
    ADMIN = "admin"


class Call(msgspec.Struct, eq=False, gc=False):
    """One live call. Mutable, compared by identity; `CallTable` and `Capacity` hold sets of them.

    A struct for what it costs: a tenth of a plain object to make, and nothing to the garbage collector.

    `granted_at` and `started_at` are moments (Unix seconds that never step), `renewed_heard` is heard time.
    `grant` is None for a call that a gateway listed and we adopted.
    """

    key: CallKey
    direction: Direction
    account_id: int
    client_id: int
    reseller_id: int | None
    granted_at: float
    renewed_heard: float
    lease_seconds: int
    grant: Grant | None = None
    started_at: float | None = None

    @property
    def state(self) -> Literal["reserved", "active"]:
        """`reserved` until the switch says that the call was answered."""
        return "reserved" if self.started_at is None else "active"


class CallEnded(msgspec.Struct, frozen=True, gc=False):
    """A call is over: what the journal keeps of it."""

    key: CallKey
    cause: Cause
    at: float


class CallRenewed(msgspec.Struct, frozen=True, gc=False):
    """A call showed life at this heard moment."""

    key: CallKey
    heard: float
    lease_seconds: int


class GatewayBooted(msgspec.Struct, frozen=True, gc=False):
    """A gateway said hello with a boot id higher than any before."""

    gateway_id: int
    boot_id: int


class GatewayCleared(msgspec.Struct, frozen=True, gc=False):
    """A gateway said that it has no call of before this moment (Unix seconds that never step)."""

    gateway_id: int
    before: float


CallChange = Call | CallEnded | CallRenewed | GatewayBooted | GatewayCleared
"""What the journal is told; a `Call` itself means "this is how the call stands now"."""


CallSet = dict[Call, None]
"""A set of calls in the order in which they came: listing the oldest needs no sort."""


CallsByKey = dict[CallKey, Call]


class Syncs:
    """What the full lists of one gateway have said: `unnamed` by the list that is being told, None between lists;
    `missed` by the last whole one. Only calls that are up are in either.
    """

    __slots__ = ("adopted", "missed", "unnamed")

    def __init__(self) -> None:
        self.unnamed: CallsByKey | None = None
        self.missed: CallsByKey = {}
        self.adopted = 0


def _granted_at(call: Call) -> float:
    return call.granted_at


class CallTable:
    """All live calls, and the keys of those that ended within the last `remember_seconds`.

    `by_gateway` is where they are: a gateway's own calls are what boots and syncs are about, so no second table
    needs to say which those are. `size` is how many there are in all.
    """

    __slots__ = ("_ended", "_ended_max", "_leases", "_remember_seconds", "by_gateway", "size")

    def __init__(self, remember_seconds: float = REMEMBER_SECONDS, ended_max: int = 1_000_000) -> None:
        self.by_gateway: dict[int, CallsByKey] = {}
        self.size = 0
        self._leases: dict[int, CallSet] = {}
        self._ended: OrderedDict[CallKey, tuple[float, Cause, bool]] = OrderedDict()
        self._remember_seconds = remember_seconds
        self._ended_max = ended_max

    def find(self, key: CallKey) -> Call | None:
        """The live call of this key."""
        calls = self.by_gateway.get(key[0])
        return None if calls is None else calls.get(key)

    def add(self, call: Call) -> None:
        """A call is up from now on. Its key must be free."""
        key = call.key
        calls = self.by_gateway.get(key[0])
        if calls is None:
            calls = self.by_gateway[key[0]] = {}
        kept = calls.setdefault(key, call)
        assert kept is call, "two live calls of one key"
        self.size += 1
        queue = self._leases.get(call.lease_seconds)
        if queue is None:
            queue = self._leases[call.lease_seconds] = {}
        queue[call] = None

    def remove(self, call: Call) -> None:
        """The call is over. It must be up."""
        self.detach(call)
        self.unlease(call)

    def detach(self, call: Call) -> None:
        """Nobody finds the call any more; `unlease` is still to be done. It must be up."""
        gateway_id = call.key[0]
        calls = self.by_gateway[gateway_id]
        del calls[call.key]
        if not calls:
            del self.by_gateway[gateway_id]
        self.size -= 1

    def detach_gateway(self, gateway_id: int) -> Collection[Call]:
        """The same for all calls of a gateway, in one step however many they are."""
        calls = self.by_gateway.pop(gateway_id, {})
        self.size -= len(calls)
        return calls.values()

    def detach_older(self, gateway_id: int, before: float) -> Collection[Call]:
        """The same for the calls of a gateway granted before a moment: one look at each, some 5 ms for 100,000."""
        older = self.detach_gateway(gateway_id)
        spared = {call.key: call for call in older if call.granted_at >= before}
        if not spared:
            return older
        self.by_gateway[gateway_id] = spared
        self.size += len(spared)
        return [call for call in older if call.granted_at < before]

    def is_leased(self, call: Call) -> bool:
        """Whether the call still has a lease: whether it is up, or over and not yet off the books."""
        return call in self._leases.get(call.lease_seconds, ())

    def all(self) -> Iterator[Call]:
        """Every live call, oldest first."""
        return heapq.merge(*(calls.values() for calls in self.by_gateway.values()), key=_granted_at)

    def renew(self, call: Call, heard: float, lease_seconds: int) -> None:
        """The call shows life: its lease starts again."""
        self.unlease(call)
        call.renewed_heard = heard
        call.lease_seconds = lease_seconds
        self._queue(lease_seconds)[call] = None

    def expired(self, heard: float, limit: int) -> list[Call]:
        """Up to `limit` calls whose lease is over, oldest renewal first in each length of lease."""
        over: list[Call] = []
        for lease_seconds, queue in self._leases.items():
            for call in queue:
                if call.renewed_heard + lease_seconds > heard or len(over) >= limit:
                    break
                over.append(call)
        return over

    def sort_leases(self) -> None:
        """Put every queue in order of renewal again, after calls were put back in another order."""
        for lease_seconds, queue in self._leases.items():
            self._leases[lease_seconds] = dict.fromkeys(sorted(queue, key=lambda call: call.renewed_heard))

    def remember(self, key: CallKey, cause: Cause, now: float, was_up: bool = True) -> None:
        """Keep that this key has ended, so that a late retry of its reserve takes no slot for nobody.

        Not `was_up`: a release came and there was no such call.
        """
        self._ended[key] = (now, cause, was_up)
        self._ended.move_to_end(key)
        if len(self._ended) > self._ended_max:
            self._ended.popitem(last=False)

    def ended(self, key: CallKey, now: float) -> Cause | None:
        """Why the call of this key ended, if that was less than `remember_seconds` ago."""
        entry = self._ended.get(key)
        if entry is None or now - entry[0] >= self._remember_seconds:
            return None
        return entry[1]

    def was_up(self, key: CallKey) -> bool:
        """Whether what is remembered of the key is the end of a call; it must be remembered."""
        return self._ended[key][2]

    def forget(self, now: float, limit: int) -> None:
        """Drop up to `limit` memories that are too old to matter."""
        for _ in range(limit):
            if not self._ended:
                return
            key = next(iter(self._ended))
            if now - self._ended[key][0] < self._remember_seconds:
                return
            del self._ended[key]

    def ended_recently(self) -> Iterator[tuple[CallKey, float, Cause]]:
        """What is remembered, oldest first: (key, moment, cause)."""
        for key, (at, cause, _) in self._ended.items():
            yield key, at, cause

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        return {
            "live": self.size,
            "gateways": len(self.by_gateway),
            "leased": sum(len(queue) for queue in self._leases.values()),
            "ended_remembered": len(self._ended),
        }

    def _queue(self, lease_seconds: int) -> CallSet:
        queue = self._leases.get(lease_seconds)
        if queue is None:
            queue = self._leases[lease_seconds] = {}
        return queue

    def unlease(self, call: Call) -> None:
        """The call has no lease any more."""
        queue = self._leases[call.lease_seconds]
        del queue[call]
        if not queue:
            del self._leases[call.lease_seconds]
