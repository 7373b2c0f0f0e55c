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
EAST = {"identifier": b"east", "ip4": b"\x0a\0\0\1", "ip6": b"\1" * 16}


@pytest.mark.parametrize(
    ("other", "source", "alone"),
    [
        (packet(**EAST), HERE, True),
        (PLAIN, HERE, True),
        (packet(**EAST), THERE, False),
        (packet(**{**EAST, "identifier": b"west"}), HERE, False),
        (packet(**{**EAST, "ip4": b"\x0a\0\0\2"}), HERE, False),
        (packet(**{**EAST, "ip6": b"\2" * 16}), HERE, False),
    ],
)
def test_two_switches_differ_in_something_that_both_say(other: Packet, source: bytes, alone: bool) -> None:
    here = packet(**EAST)
    known = Speakers()
    assert known.is_alone(here, HERE, GW, NOW)
    known.note(here, HERE, GW, NOW)
    known.note(other, source, GW, NOW + 0.1)  # within one second, so that it must be told from the one before
    assert known.is_alone(here, HERE, GW, NOW + 0.1) is alone
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
    assert known.statistics() == {"speaking_gateways": 1, "speakers": 2}
    third, later = packet(identifier=b"third"), NOW + GW.active_seconds + NOTED_SECONDS
    assert not known.is_alone(third, HERE, GW, later + 1), "the first, which spoke again, still counts"
    assert known.is_alone(third, HERE, GW, later + 2)


def test_only_so_many_gateways_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speakers, "GATEWAYS_MAX", 2)
    known = Speakers()
    for gateway_id in (1, 2, 3):
        known.note(PLAIN, THERE, gateway(gateway_id), NOW)
    assert known.statistics() == {"speaking_gateways": 2, "speakers": 2}
    assert known.is_alone(PLAIN, HERE, gateway(1), NOW)
    assert not known.is_alone(PLAIN, HERE, gateway(3), NOW)
