"""Who speaks as a gateway, for as long as calls of theirs may be up, out of a bounded memory."""

import pytest

from identd.radius import speakers
from identd.radius.speakers import NAS_IDENTIFIER, NAS_IP_ADDRESS, NAS_IPV6_ADDRESS, NOTED_SECONDS, Speakers
from protocol.radius.packet import Packet
from tests.identd.building import NOW, gateway

GW = gateway(1, active_seconds=1000)
HERE, THERE = b"\xc0\0\2\7", b"\xc0\0\2\10"


def packet(**names: bytes) -> Packet:
    keys = {"identifier": NAS_IDENTIFIER, "ip4": NAS_IP_ADDRESS, "ip6": NAS_IPV6_ADDRESS}
    return Packet(4, 1, bytes(16), b"", 0, {keys[name]: value for name, value in names.items()}, [])


PLAIN = packet()


@pytest.mark.parametrize(
    ("other", "source", "alone"),
    [
        (PLAIN, HERE, True),
        (PLAIN, THERE, False),
        (packet(identifier=b"west"), HERE, False),
        (packet(ip4=b"\x0a\0\0\2"), HERE, False),
        (packet(ip6=bytes(16)), HERE, False),
    ],
)
def test_two_switches_differ_in_something_that_both_say(other: Packet, source: bytes, alone: bool) -> None:
    here = packet(identifier=b"east", ip4=b"\x0a\0\0\1", ip6=b"\1" * 16)
    known = Speakers()
    assert known.is_alone(here, HERE, GW, NOW)
    for later in (0.0, 0.1, 0.2):  # within one second, so that each must be told from the one before
        known.note(here if later == 0.1 else other, HERE if later == 0.1 else source, GW, NOW + later)
    assert known.is_alone(here, HERE, GW, NOW) is alone
    assert known.is_alone(here, HERE, gateway(2), NOW)


def test_a_switch_that_goes_on_speaking_is_not_taken_for_silent() -> None:
    known = Speakers()
    for tenth in range(31):
        known.note(PLAIN, THERE, GW, NOW + tenth / 10)
    last = NOW + 3
    assert not known.is_alone(PLAIN, HERE, GW, last + GW.active_seconds)
    assert known.is_alone(PLAIN, HERE, GW, last + GW.active_seconds + NOTED_SECONDS)


def test_of_too_many_switches_the_one_that_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speakers, "SPEAKERS_MAX", 2)
    known = Speakers()
    for later, name in enumerate((b"first", b"second", b"first", b"third")):
        known.note(packet(identifier=name), HERE, GW, NOW + later)
    end = NOW + GW.active_seconds
    assert known.statistics() == {"speaking_gateways": 1, "speakers": 2}
    # at the end of the second's time only the two others still count: one that names neither sees who is left
    assert not known.is_alone(packet(identifier=b"third"), HERE, GW, end), "the first, which spoke again"
    known.note(packet(identifier=b"third"), HERE, GW, NOW + 4)
    assert known.is_alone(packet(identifier=b"third"), HERE, GW, end + 3.5)


def test_only_so_many_gateways_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speakers, "GATEWAYS_MAX", 2)
    known = Speakers()
    for gateway_id in (1, 2, 3):
        known.note(PLAIN, THERE, gateway(gateway_id), NOW)
    assert known.statistics() == {"speaking_gateways": 2, "speakers": 2}
    assert known.is_alone(PLAIN, HERE, gateway(1), NOW)
    assert not known.is_alone(PLAIN, HERE, gateway(3), NOW)
