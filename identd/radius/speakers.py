"""Which switches speak as which gateway: who may say of a gateway that all its calls are gone.

Only packets that prove who sent them are noted. Moments are heard time (`LiveCalls.deaf_seconds`), as those of leases
are: what a switch has up lives on while nobody can hear it.
"""

from matcher.account import Gateway
from protocol.radius.packet import Packet

NAS_IP_ADDRESS, NAS_IDENTIFIER, NAS_IPV6_ADDRESS = 4, 32, 95

SPEAKERS_MAX = 16
"""Of one gateway: more than two make no difference, and the one that was silent longest goes as another comes."""

GATEWAYS_MAX = 4_096
"""Whose speakers are known: as many gateways as the largest house has, and more."""

NOTED_SECONDS = 1.0
"""A switch that goes on speaking is noted once in so long: leases are hours, and packets thousands a second."""

Speaker = tuple[bytes, bytes | None, bytes | None, bytes | None]
"""(packed source address, NAS-Identifier, NAS-IP-Address, NAS-IPv6-Address): how a packet names its switch."""


class _Spoken:
    """Who has spoken as one gateway and when; beside it who was noted last, taken apart to be compared quickly."""

    __slots__ = ("at", "identifier", "ip4", "ip6", "moments", "source")

    def __init__(self) -> None:
        self.moments: dict[Speaker, float] = {}
        self.at = float("-inf")
        self.source = b""
        self.identifier: bytes | None = None
        self.ip4: bytes | None = None
        self.ip6: bytes | None = None


class Speakers:
    """Who speaks as each gateway."""

    __slots__ = ("_by_gateway",)

    def __init__(self) -> None:
        self._by_gateway: dict[int, _Spoken] = {}

    def note(self, packet: Packet, source: bytes, gateway: Gateway, heard: float) -> None:
        """A switch speaks as this gateway. Nothing is made or written while the same one goes on speaking."""
        spoken = self._by_gateway.get(gateway.id)
        if spoken is None:
            if len(self._by_gateway) >= GATEWAYS_MAX:
                del self._by_gateway[next(iter(self._by_gateway))]
            spoken = self._by_gateway[gateway.id] = _Spoken()
        get = packet.firsts.get
        if (
            heard - spoken.at < NOTED_SECONDS
            and source == spoken.source
            and get(NAS_IDENTIFIER) == spoken.identifier
            and get(NAS_IP_ADDRESS) == spoken.ip4
            and get(NAS_IPV6_ADDRESS) == spoken.ip6
        ):
            return
        speaker = _speaker(packet, source)
        spoken.source, spoken.identifier, spoken.ip4, spoken.ip6 = speaker
        moments = spoken.moments
        if speaker not in moments and len(moments) >= SPEAKERS_MAX:
            del moments[min(moments, key=lambda each: moments[each])]
        moments[speaker] = spoken.at = heard

    def is_alone(self, packet: Packet, source: bytes, gateway: Gateway, heard: float) -> bool:
        """Whether no other switch than the packet's has spoken as this gateway while a call of its can be up."""
        spoken = self._by_gateway.get(gateway.id)
        if spoken is None:
            return True
        here = _speaker(packet, source)
        since = heard - gateway.active_seconds - NOTED_SECONDS
        return not any(at > since and _differ(other, here) for other, at in spoken.moments.items())

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        spoken = self._by_gateway.values()
        return {"speaking_gateways": len(spoken), "speakers": sum(len(each.moments) for each in spoken)}


def _speaker(packet: Packet, source: bytes) -> Speaker:
    get = packet.firsts.get
    return source, get(NAS_IDENTIFIER), get(NAS_IP_ADDRESS), get(NAS_IPV6_ADDRESS)


def _differ(one: Speaker, other: Speaker) -> bool:
    """Whether these are two switches. What a packet leaves out tells nothing: a switch may name itself variously."""
    return any(mine and theirs and mine != theirs for mine, theirs in zip(one, other, strict=True))
