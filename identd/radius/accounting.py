"""What a client says of its calls: answered, alive, over, or all gone because the switch has begun anew (RFC 2866).

Every status is one act of the engine's live calls, and each of them may be said twice. Nothing here is refused: a
client would repeat what is not acknowledged for ever.
"""

from enum import IntEnum

from identd.calls import Cause
from identd.engine import Engine
from identd.live_calls import LISTED_SCAN_MAX
from identd.radius.boots import Boots
from identd.radius.clients import ReadyClient
from identd.radius.observer import Answered, RadiusObserver
from identd.radius.proving import BadFieldError
from identd.radius.reading import CallTables, Pairs, direction_of, pairs_of, read_call
from identd.radius.speakers import Speakers
from matcher.account import Direction, Gateway
from protocol.radius.packet import Packet

ACCT_STATUS_TYPE, ACCT_DELAY_TIME = 40, 41

GRACE_SECONDS = 1.0
"""Acct-Delay-Time is told in whole seconds, and what was sent together may arrive in another order: which of two
things came first is not known of those within this."""


class Status(IntEnum):
    """Acct-Status-Type as far as it concerns calls (RFC 2866 §5.1); 15 is what Kamailio sends of failed calls."""

    START = 1
    STOP = 2
    INTERIM_UPDATE = 3
    ACCOUNTING_ON = 7
    ACCOUNTING_OFF = 8
    FAILED = 15


_STATUSES: dict[int | None, Status] = {int(status): status for status in Status}
_BOOTS = frozenset({Status.ACCOUNTING_ON, Status.ACCOUNTING_OFF})
_STARTS = frozenset({Status.START, Status.INTERIM_UPDATE})
INTEGER_BYTES = 4

OPS = {
    Status.START: "start",
    Status.STOP: "release",
    Status.INTERIM_UPDATE: "touch",
    Status.FAILED: "release",
}
"""What a status asks for, in the words of the socket protocol."""


class Accounting:
    """Accounting-Requests made into acts. Knows which switches speak as which gateway, and which have begun anew."""

    __slots__ = ("_began_at", "_boots", "_engine", "_observer", "_speakers")

    def __init__(self, engine: Engine, observer: RadiusObserver) -> None:
        self._engine = engine
        self._observer = observer
        self._speakers = Speakers()
        self._boots = Boots()
        self._began_at: float | None = None

    def heard(self, packet: Packet, gateway: Gateway, source: bytes, now: float) -> None:
        """A switch speaks as this gateway; said of every packet that may concern a call and proves who sent it."""
        if self._began_at is None:
            self._began_at = now
        self._speakers.note(packet, source, gateway, now - self._engine.live.deaf_seconds)

    def act(self, packet: Packet, client: ReadyClient, gateway: Gateway, source: bytes, now: float) -> Answered:
        """Do what the packet says. Raises `BadFieldError`."""
        status = _STATUSES.get(_integer(packet, ACCT_STATUS_TYPE, "status"))
        if status is None:
            raise BadFieldError("status", "is missing, or none that concerns calls")
        if status in _BOOTS:
            return self._booted(packet, client, gateway, source, now)
        pairs = pairs_of(client.tables, packet)
        call_id, leg = read_call(client.tables, packet, pairs, _direction(client.tables, packet, pairs))
        key = (gateway.id, call_id, leg)
        live = self._engine.live
        self._observer.requested(OPS[status])
        call = live.find(key)
        if status is Status.INTERIM_UPDATE and (call is None or call.started_at is not None):
            return Answered.UNKNOWN if live.touch((key,), now) else Answered.TOUCHED
        if status in _STARTS:  # no update comes before the Start (RFC 2869 §2.1): that one was lost
            return Answered(live.start(key, gateway, now).result)
        if call is not None and call.granted_at > now - _delay_of_end(packet) + GRACE_SECONDS:
            return Answered.UNKNOWN  # the end of an earlier call of this name
        return Answered(live.release(key, now).result)

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        return {**self._speakers.statistics(), **self._boots.statistics()}

    def _booted(self, packet: Packet, client: ReadyClient, gateway: Gateway, source: bytes, now: float) -> Answered:
        """The switch has begun anew or stops: no call of before that moment is up. Only if it alone is the gateway.

        The calls of another switch can be up for as long as their lease after it was last heard.
        """
        delay_seconds = _integer(packet, ACCT_DELAY_TIME, "delay") or 0
        if self._boots.is_repeat(gateway.id, packet.authenticator, now):
            return Answered.REPEATED_BOOT
        live = self._engine.live
        is_alone = client.is_one_switch and self._speakers.is_alone(packet, source, gateway, now - live.deaf_seconds)
        if not is_alone or (not client.gateway and self._has_restored_calls(gateway)):
            self._observer.radius_shared_boot(gateway.name, source)
            return Answered.SHARED_BOOT
        # rather spare a call of the second before than end one of the second after
        live.clear(gateway.id, now - delay_seconds - GRACE_SECONDS, now)
        if not delay_seconds:
            self._end_answered(gateway, now)
        return Answered.BOOTED

    def _end_answered(self, gateway: Gateway, now: float) -> None:
        """End what has had its Start: a request may overtake the word of the boot, a whole call does not.

        A switch that is back within a second would leave its last calls up for `active_seconds` otherwise; those that
        were not answered end by themselves, soon.
        """
        live = self._engine.live
        left, _ = live.listed(None, None, gateway.id, LISTED_SCAN_MAX)
        for call in left:
            if call.started_at is not None:
                live.end(call, Cause.BOOT, now)

    def _has_restored_calls(self, gateway: Gateway) -> bool:
        """Whether a call of this gateway is up that was granted before any packet came: nobody knows who else speaks.

        Those of a journal stand before all that came since, so what is listed of a gateway has its oldest call.
        """
        oldest, _ = self._engine.live.listed(None, None, gateway.id, 1)
        return bool(oldest) and self._began_at is not None and oldest[0].granted_at < self._began_at


def _direction(tables: CallTables, packet: Packet, pairs: Pairs) -> Direction:
    """One that cannot be read counts as none: a call must end all the same."""
    try:
        return direction_of(tables, packet, pairs)
    except BadFieldError:
        return "orig"


def _delay_of_end(packet: Packet) -> int:
    """Seconds since the call ended; one that cannot be read counts as none."""
    value = packet.firsts.get(ACCT_DELAY_TIME)
    return int.from_bytes(value, "big") if value is not None and len(value) == INTEGER_BYTES else 0


def _integer(packet: Packet, key: int, field: str) -> int | None:
    value = packet.firsts.get(key)
    if value is not None and len(value) != INTEGER_BYTES:
        raise BadFieldError(field, f"has not {INTEGER_BYTES} bytes")
    return None if value is None else int.from_bytes(value, "big")
