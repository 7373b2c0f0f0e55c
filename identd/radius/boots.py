"""Which Accounting-On and -Off requests were heard lately: one that comes again says nothing new.

A request is known by its authenticator, which is made of all of its bytes and the secret (RFC 2866 §3): a repeat, or
whoever captured one, has the same; nobody can make another without the secret. Unlike the duplicates this outlives a
reload, and a storm of other packets.
"""

BOOTS_MAX = 8
"""Of one gateway. A switch sends one as it begins and one as it stops, and repeats them unchanged."""

BOOT_SECONDS = 120.0
"""For so long after it was first heard: nobody repeats a packet unchanged for longer, and a switch that begins anew
every few minutes may say so in the same bytes each time."""

GATEWAYS_MAX = 4_096
"""Whose requests are known: as many gateways as the largest house has, and more."""


class Boots:
    """Request authenticators by gateway, oldest first. Sync; `now` in seconds that never step."""

    __slots__ = ("_by_gateway",)

    def __init__(self) -> None:
        self._by_gateway: dict[int, dict[bytes, float]] = {}

    def is_repeat(self, gateway_id: int, authenticator: bytes, now: float) -> bool:
        """Whether this request was first heard less than `BOOT_SECONDS` ago. Asking counts as hearing it."""
        heard = self._by_gateway.get(gateway_id)
        if heard is None:
            if len(self._by_gateway) >= GATEWAYS_MAX:
                del self._by_gateway[next(iter(self._by_gateway))]
            heard = self._by_gateway[gateway_id] = {}
        at = heard.pop(authenticator, None)
        if at is not None and now - at < BOOT_SECONDS:
            heard[authenticator] = at
            return True
        if len(heard) >= BOOTS_MAX:
            del heard[next(iter(heard))]
        heard[authenticator] = now
        return False

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        return {"boot_gateways": len(self._by_gateway), "boots": sum(map(len, self._by_gateway.values()))}
