"""Capacity and leases as docs/matching.md §5 to §7 tells them, in plain dicts and without a thought for speed.

Written from that page alone. A call is a dict; what is counted is recounted from all calls every time.
"""

import math
from typing import Any

from matcher.account import Account, Client, Gateway, Reseller

Key = tuple[int, str, str]


class Model:
    """What should be up, and what the engine should say to the next question."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Any] = {}
        self.calls: dict[Key, dict[str, Any]] = {}
        self.released: dict[Key, float] = {}
        self.boots: dict[int, int] = {}
        self.syncs: dict[int, dict[Key, int]] = {}
        self.tokens: dict[tuple[str, str, int], tuple[float, float]] = {}
        self.serial = 0

    def account(self, row_id: int) -> Account | None:
        return self.rows.get(("account", row_id))

    def client(self, row_id: int) -> Client | None:
        return self.rows.get(("client", row_id))

    def reseller(self, row_id: int | None) -> Reseller | None:
        return None if row_id is None else self.rows.get(("reseller", row_id))

    def counted(self, level: str, row_id: int | None, direction: str) -> int:
        return sum(call[level] == row_id and call["direction"] == direction for call in self.calls.values())

    def limits(self, account: Account, direction: str) -> list[tuple[str, int, int | None]]:
        """(level, id, limit) of every level."""
        client = self.client(account.client_id)
        assert client is not None
        side = account.orig if direction == "orig" else account.term
        assert side is not None
        own = client.orig_capacity if direction == "orig" else client.term_capacity
        threshold, low = client.low_balance_threshold_micros, client.low_balance_capacity
        if threshold is not None and client.balance_micros < threshold and low is not None:
            own = low if own is None else min(own, low)
        found = [("account", account.id, side.capacity), ("client", client.id, own)]
        reseller = self.reseller(client.reseller_id)
        if reseller is not None:
            both = reseller.orig_capacity if direction == "orig" else reseller.term_capacity
            found.append(("reseller", reseller.id, both))
        return found

    def authorize(self, key: Key, account_id: int, direction: str, gateway: Gateway, now: float, heard: float) -> str:
        """One word: grant, existing, conflict or a reason; takes what is to be taken. `heard`: see `expire_heard`."""
        account = self.account(account_id)
        call = self.calls.get(key)
        if call is not None:
            if direction != call["direction"] or (account is not None and account_id != call["account"]):
                return "conflict"
            if call["adopted"] and account is None:
                return "unknown_source"
            if call["adopted"] and not (self.client(call["client"]) or self.client(account.client_id)):  # type: ignore[union-attr]  # checked above
                return "client_blocked"
            call["adopted"] = False
            call["renewed"] = heard
            return "existing"
        if now - self.released.get(key, -math.inf) < 30:
            return "already_released"
        if account is None:
            return "unknown_source"
        refused = self.judged(account) or self.rate(account, direction, now)
        if refused:
            return refused
        for level, row_id, limit in self.limits(account, direction):
            if limit is not None and self.counted(level, row_id, direction) >= limit:
                return f"capacity_{level}"
        client = self.client(account.client_id)
        assert client is not None
        self.up(key, account, client, direction, gateway.reserve_seconds, heard, adopted=False)
        return "grant"

    def judged(self, account: Account) -> str | None:
        client = self.client(account.client_id)
        if account.blocked:
            return "account_blocked"
        if client is None or client.blocked:
            return "client_blocked"
        if client.reseller_id is not None:
            reseller = self.reseller(client.reseller_id)
            if reseller is None or reseller.blocked:
                return "reseller_blocked"
        if client.credit_limit_micros is not None and client.balance_micros + client.credit_limit_micros <= 0:
            return "no_credit"
        return None

    def rate(self, account: Account, direction: str, now: float) -> str | None:
        """Only accounts with a rate of 1 and no burst of their own exist here: one call a second, or none."""
        side = account.orig if direction == "orig" else account.term
        assert side is not None
        if side.cps is None:
            return None
        place = ("account", direction, account.id)
        tokens, at = self.tokens.get(place, (1.0, now))
        tokens = min(1.0, tokens + (now - at) * side.cps)
        if tokens < 1:
            self.tokens[place] = (tokens, now)
            return "cps_account"
        self.tokens[place] = (tokens - 1, now)
        return None

    def up(
        self, key: Key, account: Account, client: Client, direction: str, lease: int, now: float, adopted: bool
    ) -> None:
        self.serial += 1
        self.calls[key] = {
            "account": account.id,
            "client": client.id,
            "reseller": client.reseller_id,
            "direction": direction,
            "renewed": now,
            "lease": lease,
            "active": adopted,
            "misses": 0,
            "adopted": adopted,
            "serial": self.serial,
        }

    def end(self, key: Key, now: float, remembered: bool) -> None:
        del self.calls[key]
        self.released.pop(key, None)
        if remembered:
            self.released[key] = now

    def release(self, key: Key, now: float) -> None:
        if key in self.calls:
            self.end(key, now, remembered=True)
        elif now - self.released.get(key, -math.inf) >= 30:
            self.released[key] = now

    def expire_heard(self, now: float, heard: float) -> None:
        """`heard`: the moment less all the time in which nobody could be heard."""
        for key, call in list(self.calls.items()):
            if heard - call["renewed"] >= call["lease"]:
                self.end(key, now, remembered=False)

    def boot(self, gateway_id: int, boot_id: int, now: float) -> bool:
        known = self.boots.get(gateway_id)
        if known is not None and boot_id < known:
            return False
        if known is not None and boot_id > known:
            self.syncs.pop(gateway_id, None)
            for key in [key for key in self.calls if key[0] == gateway_id]:
                self.end(key, now, remembered=False)
        self.boots[gateway_id] = boot_id
        return True

    def sync_begin(self, gateway_id: int) -> None:
        self.syncs[gateway_id] = {key: call["serial"] for key, call in self.calls.items() if key[0] == gateway_id}

    def listed(self, key: Key, account_id: int, gateway: Gateway, now: float) -> None:
        call = self.calls.get(key)
        account = self.account(account_id)
        if call is not None:
            self.syncs[key[0]].pop(key, None)
            call["misses"] = 0
            call["renewed"] = now
        elif account is not None and now - self.released.get(key, -math.inf) >= 30:
            client = self.client(account.client_id)
            if client is not None:
                self.up(key, account, client, "orig", gateway.active_seconds, now, adopted=True)

    def sync_end(self, gateway_id: int, now: float) -> None:
        for key, serial in self.syncs.pop(gateway_id).items():
            call = self.calls.get(key)
            if call is not None and call["serial"] == serial:
                call["misses"] += 1
                if call["misses"] >= 2:
                    self.end(key, now, remembered=True)
