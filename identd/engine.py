"""May this call go on, now? The one brain behind every door; the order of checks is docs/matching.md §5.

Sync and pure: no socket, clock, loop, database or counter of metrics. One decision is one call on one thread, so
nothing can run between the check and the take, and no lock is needed. `now` is in Unix seconds that never step
(the shell makes them from the monotonic clock); `wall_offset` is how far the wall clock is ahead of it, and
matters to validity dates alone.
"""

from identd.calls import Call, CallKey, Cause
from identd.capacity import has_credit, nearest
from identd.decision import Conflict, Decision, Existing, Grant, Load, Refuse, Unavailable
from identd.granting import grant
from identd.live_calls import LiveCalls, reserve_seconds
from identd.rates import CallRates
from matcher.account import Account, Client, Gateway, Reseller
from matcher.attempt import CallAttempt
from matcher.directory import Applied, Directory
from matcher.index import Ambiguous, Explained, Match, NoMatch
from protocol.reason import CODES, UNAVAILABLE, Reason


class Engine:
    """Every decision about calls. Holds the token buckets; accounts are the directory's, calls are `live`'s."""

    __slots__ = (
        "_directory",
        "_rates",
        "ambiguous_decisions",
        "draining",
        "live",
        "wall_offset",
    )

    def __init__(self, directory: Directory, live: LiveCalls) -> None:
        self._directory = directory
        self._rates = CallRates()
        self.live = live
        self.draining = False
        self.wall_offset = 0.0
        self.ambiguous_decisions = 0

    @property
    def directory(self) -> Directory:
        """The accounts that decisions are made from."""
        return self._directory

    def identify(self, attempt: CallAttempt, gateway: Gateway | None, now: float) -> Decision:
        """Whose call is it, and may that account call at all? Takes no token and no slot."""
        directory = self._directory
        if not directory.ready:
            return self.unavailable(Reason.NOT_READY, gateway)
        found = directory.index.identify(attempt, gateway)
        if not isinstance(found, Match):
            return self._unidentified(found, gateway)
        judged = self._judge(found, attempt, gateway, now)
        if isinstance(judged, Refuse):
            return judged
        client, reseller = judged
        loads = self.live.capacity.loads(found.account, client, reseller, attempt.direction)
        return grant(directory.generation, found, attempt, client, reseller, nearest(loads), None)

    def authorize(
        self, attempt: CallAttempt, gateway: Gateway | None, key: CallKey, now: float
    ) -> Decision | Existing | Conflict:
        """Identify, check and take a slot at every level in one step, or none and say why not.

        Asking again with the same key gives the same answer and takes nothing: switches repeat a request when
        our reply is late (docs/matching.md §6.4).
        """
        live = self.live
        call = live.find(key)
        if call is not None:
            return self._again(call, attempt, gateway, now)
        if (cause := live.lately_ended(key, now)) is not None and cause in _NO_LATE_RETRY:
            return self._refuse(Reason.ALREADY_RELEASED, gateway)
        directory = self._directory
        if not directory.ready:
            return self.unavailable(Reason.NOT_READY, gateway)
        if self.draining:
            return self.unavailable(Reason.DRAINING, gateway)
        if live.is_full:
            return self.unavailable(Reason.OVERLOADED, gateway)
        found = directory.index.identify(attempt, gateway)
        if not isinstance(found, Match):
            return self._unidentified(found, gateway)
        judged = self._judge(found, attempt, gateway, now)
        if isinstance(judged, Refuse):
            return judged
        client, reseller = judged
        account = found.account
        direction = attempt.direction
        if (used_up := self._rates.take(account, client, direction, now)) is not None:
            return self._refuse(used_up.reason, gateway, account, retry_after_ms=used_up.retry_after_ms)
        loads = live.capacity.loads(account, client, reseller, direction, taking=1)
        for load in loads:
            if load.calls > load.capacity:
                in_use = Load(load.calls - 1, load.capacity, load.scope)
                return self._refuse(_CAPACITY_REASONS[load.scope], gateway, account, in_use)
        lease_seconds = reserve_seconds(gateway)
        given = grant(directory.generation, found, attempt, client, reseller, nearest(loads), lease_seconds)
        heard = now - live.deaf_seconds
        live.begin(Call(key, direction, account.id, client.id, client.reseller_id, now, heard, lease_seconds, given))
        return given

    def explain(self, attempt: CallAttempt, gateway: Gateway | None, limit: int) -> tuple[tuple[Explained, ...], int]:
        """The first accounts that were looked at, on what each won, lost or failed, and how many more there are."""
        return self._directory.index.explain(attempt, gateway, limit) if self._directory.ready else ((), 0)

    def unavailable(self, reason: Reason, gateway: Gateway | None) -> Unavailable:
        """We cannot judge, for a reason out of `UNAVAILABLE`."""
        assert reason in UNAVAILABLE, reason
        return Unavailable(self._directory.generation, reason, _sip_code(reason, gateway), CODES[reason].q850)

    def applied(self, applied: Applied, now: float) -> None:
        """A set of account changes took effect: rates that changed keep the fill of their buckets."""
        directory, rates = self._directory, self._rates
        for account_ids in (applied.account_ids, applied.removed_account_ids):
            rates.accounts_changed(account_ids, directory.accounts, now)
        for client_ids in (applied.client_ids, applied.removed_client_ids):
            rates.clients_changed(client_ids, directory.clients, now)

    def settle_rates(self) -> bool:
        """Bring a slice more buckets to rates that changed for very many at once; whether none is left."""
        return self._rates.settle(self._directory.accounts, self._directory.clients)

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        return {**self.live.statistics(), "buckets": len(self._rates)}

    def _again(
        self, call: Call, attempt: CallAttempt, gateway: Gateway | None, now: float
    ) -> Decision | Existing | Conflict:
        """The answer to a call that is already up: its grant, unless the question is now about another account."""
        if attempt.direction != call.direction:
            return Conflict(call.account_id, None)
        found = self._directory.index.identify(attempt, gateway) if self._directory.ready else None
        if isinstance(found, Match) and found.account.id != call.account_id:
            return Conflict(call.account_id, found.account.id)
        if isinstance(found, NoMatch) and self._is_another_question(call, found, attempt):
            return self._unidentified(found, gateway)
        if call.grant is None:  # adopted: nobody has asked until now, so the grant is made now
            if not isinstance(found, Match):
                return self._unidentified(found, gateway) if found else self.unavailable(Reason.NOT_READY, gateway)
            given = self._grant_of_adopted(call, found, attempt)
            if given is None:
                return self._refuse(Reason.CLIENT_BLOCKED, gateway, found.account)
            self.live.grant_adopted(call, given)
        assert call.grant is not None, "granted when adopted or just now"
        self.live.renew(call, now)
        return Existing(call.grant)

    def _is_another_question(self, call: Call, found: NoMatch, attempt: CallAttempt) -> bool:
        """Whether somebody who only knows the name of the call asks, and not its switch again.

        The name is no secret: the far side of a call knows it too. While the account is there, a wrong password or
        another number gets no grant by it; that its address has changed since does not matter.
        """
        if call.account_id not in self._directory.accounts:
            return False
        return found.reason == "bad_password" or (call.grant is not None and call.grant.dnis_received != attempt.dnis)

    def _grant_of_adopted(self, call: Call, found: Match, attempt: CallAttempt) -> Grant | None:
        """The client that the call was adopted for pays; where that is gone, the account's client of now, if any."""
        clients = self._directory.clients
        client = clients.get(call.client_id) or clients.get(found.account.client_id)
        if client is None:
            return None
        reseller = self._directory.resellers.get(client.reseller_id) if client.reseller_id is not None else None
        loads = self.live.capacity.loads(found.account, client, reseller, call.direction)
        generation = self._directory.generation
        return grant(generation, found, attempt, client, reseller, nearest(loads), call.lease_seconds)

    def _judge(
        self, found: Match, attempt: CallAttempt, gateway: Gateway | None, now: float
    ) -> tuple[Client, Reseller | None] | Refuse:
        """Client and reseller of the account if it may call at all, or the first reason why not.

        A client or reseller whose row was never usable counts as blocked: who cannot be judged pays for nothing.
        """
        account = found.account
        directory = self._directory
        if found.ambiguous:
            self.ambiguous_decisions += 1
        if account.blocked:
            return self._refuse(Reason.ACCOUNT_BLOCKED, gateway, account)
        if (account.valid_from is not None or account.valid_until is not None) and not _is_valid(
            account, now + self.wall_offset
        ):
            return self._refuse(Reason.ACCOUNT_EXPIRED, gateway, account)
        client = directory.clients.get(account.client_id)
        if client is None or client.blocked:
            return self._refuse(Reason.CLIENT_BLOCKED, gateway, account)
        reseller: Reseller | None = None
        if client.reseller_id is not None:
            reseller = directory.resellers.get(client.reseller_id)
            if reseller is None or reseller.blocked:
                return self._refuse(Reason.RESELLER_BLOCKED, gateway, account)
        if not has_credit(client):
            return self._refuse(Reason.NO_CREDIT, gateway, account)
        if attempt.dnis == account.tech_prefix:
            return self._refuse(Reason.EMPTY_DNIS, gateway, account)
        return client, reseller

    def _unidentified(self, found: NoMatch | Ambiguous, gateway: Gateway | None) -> Refuse:
        if isinstance(found, NoMatch):
            return self._refuse(Reason(found.reason), gateway)
        self.ambiguous_decisions += 1
        return self._refuse(Reason.AMBIGUOUS, gateway)

    def _refuse(
        self,
        reason: Reason,
        gateway: Gateway | None,
        account: Account | None = None,
        load: Load | None = None,
        retry_after_ms: int | None = None,
    ) -> Refuse:
        return Refuse(
            self._directory.generation,
            reason,
            _sip_code(reason, gateway),
            CODES[reason].q850,
            None if account is None else account.id,
            None if account is None else account.client_id,
            None if load is None else load.calls,
            None if load is None else load.capacity,
            None if load is None else load.scope,
            retry_after_ms,
        )


_NO_LATE_RETRY = frozenset({Cause.RELEASE, Cause.SYNC, Cause.ADMIN})
"""Endings after which a reserve of the same key is a late retry. A call that expired here may still be wanted there,
and a switch that has booted may count its calls from one again."""

_CAPACITY_REASONS = {
    "account": Reason.CAPACITY_ACCOUNT,
    "client": Reason.CAPACITY_CLIENT,
    "reseller": Reason.CAPACITY_RESELLER,
}


def _is_valid(account: Account, wall: float) -> bool:
    """Whether the moment (Unix seconds of the wall clock) lies in [valid_from, valid_until)."""
    return (account.valid_from is None or account.valid_from <= wall) and (
        account.valid_until is None or wall < account.valid_until
    )


def _sip_code(reason: Reason, gateway: Gateway | None) -> int:
    """The table's code, unless the gateway wants another for this reason."""
    if gateway is not None and gateway.sip_codes:
        return gateway.sip_codes.get(reason, CODES[reason].sip)
    return CODES[reason].sip
