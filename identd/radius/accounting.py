"""What a client says of its calls: answered, alive, over, or all gone because the switch has begun anew (RFC 2866).

Every status is one act of the engine's live calls, and each of them may be said twice. Nothing here is refused: a
client would repeat what is not acknowledged for ever.
"""

from enum import IntEnum

from identd.engine import Engine
from identd.radius.clients import ReadyClient
from identd.radius.observer import Answered, RadiusObserver
from identd.radius.proving import BadFieldError
from identd.radius.reading import direction_of, pairs_of, read_call
from matcher.account import Gateway
from protocol.radius.packet import Packet

ACCT_STATUS_TYPE, ACCT_DELAY_TIME, NAS_IDENTIFIER, NAS_IP_ADDRESS, NAS_IPV6_ADDRESS = 40, 41, 32, 4, 95

SPEAKERS_MAX = 16
"""Of one gateway: more than two make no difference, and some are forgotten as others come."""

GATEWAYS_MAX = 4_096
"""Whose speakers are known: as many gateways as the largest house has, and more."""


class Status(IntEnum):
    """Acct-Status-Type as far as it concerns calls (RFC 2866 §5.1); 15 is what Kamailio sends of failed calls."""

    START = 1
    STOP = 2
    INTERIM_UPDATE = 3
    ACCOUNTING_ON = 7
    ACCOUNTING_OFF = 8
    FAILED = 15


_STATUSES: dict[int | None, Status] = {int(status): status for status in Status}
INTEGER_BYTES = 4

OPS = {
    Status.START: "start",
    Status.STOP: "release",
    Status.INTERIM_UPDATE: "touch",
    Status.FAILED: "release",
}
"""What a status asks for, in the words of the socket protocol."""

Speaker = tuple[bytes, bytes | None, bytes | None, bytes | None]
"""(packed source address, NAS-Identifier, NAS-IP-Address, NAS-IPv6-Address): how a packet names its switch."""


class Accounting:
    """Accounting-Requests made into acts. Knows which switches speak as which gateway."""

    __slots__ = ("_engine", "_observer", "_speakers")

    def __init__(self, engine: Engine, observer: RadiusObserver) -> None:
        self._engine = engine
        self._observer = observer
        self._speakers: dict[int, dict[Speaker, float]] = {}

    def heard(self, packet: Packet, gateway: Gateway, source: bytes, now: float) -> None:
        """A switch speaks as this gateway; said of every packet that may concern a call."""
        speakers = self._speakers.get(gateway.id)
        if speakers is None:
            if len(self._speakers) >= GATEWAYS_MAX:
                del self._speakers[next(iter(self._speakers))]
            speakers = self._speakers[gateway.id] = {}
        speaker = _speaker(packet, source)
        if speaker not in speakers and len(speakers) >= SPEAKERS_MAX:
            del speakers[min(speakers, key=lambda each: speakers[each])]
        speakers[speaker] = now

    def act(self, packet: Packet, client: ReadyClient, gateway: Gateway, source: bytes, now: float) -> Answered:
        """Do what the packet says. Raises `BadFieldError`."""
        status = _STATUSES.get(_integer(packet, ACCT_STATUS_TYPE, "status"))
        if status is None:
            raise BadFieldError("status", "is missing, or none that concerns calls")
        if status in (Status.ACCOUNTING_ON, Status.ACCOUNTING_OFF):
            return self._booted(packet, client, gateway, source, now)
        pairs = pairs_of(client.tables, packet)
        call_id, leg = read_call(client.tables, packet, pairs, direction_of(client.tables, packet, pairs))
        key = (gateway.id, call_id, leg)
        live = self._engine.live
        self._observer.requested(OPS[status])
        if status is Status.INTERIM_UPDATE:
            return Answered.UNKNOWN if live.touch((key,), now) else Answered.TOUCHED
        outcome = live.start(key, gateway, now) if status is Status.START else live.release(key, now)
        return Answered(outcome.result)

    def _booted(self, packet: Packet, client: ReadyClient, gateway: Gateway, source: bytes, now: float) -> Answered:
        """The switch has begun anew or stops: no call of before that moment is up. Only if it alone is the gateway.

        The calls of another switch can be up for as long as their lease after it was last heard.
        """
        speakers = self._speakers.get(gateway.id, {})
        here = _speaker(packet, source)
        since = now - gateway.active_seconds
        if not client.is_one_switch or any(at > since and _differ(other, here) for other, at in speakers.items()):
            self._observer.radius_shared_boot(gateway.name, source)
            return Answered.SHARED_BOOT
        delay_seconds = _integer(packet, ACCT_DELAY_TIME, "delay") or 0
        if delay_seconds:  # whole seconds: rather spare a call of the second before than end one of the second after
            delay_seconds += 1
        self._engine.live.clear(gateway.id, now - delay_seconds, now)
        return Answered.BOOTED


def _speaker(packet: Packet, source: bytes) -> Speaker:
    firsts = packet.firsts
    return source, firsts.get(NAS_IDENTIFIER), firsts.get(NAS_IP_ADDRESS), firsts.get(NAS_IPV6_ADDRESS)


def _differ(one: Speaker, other: Speaker) -> bool:
    """Whether these are two switches. What a packet leaves out tells nothing: a switch may name itself variously."""
    return any(mine and theirs and mine != theirs for mine, theirs in zip(one, other, strict=True))


def _integer(packet: Packet, key: int, field: str) -> int | None:
    value = packet.firsts.get(key)
    if value is not None and len(value) != INTEGER_BYTES:
        raise BadFieldError(field, f"has not {INTEGER_BYTES} bytes")
    return None if value is None else int.from_bytes(value, "big")
