"""Whom we believe: which packets must be signed, and what one signature leads to."""

from typing import Any

import pytest
from pyrad.packet import AccessRequest, StatusServer

from identd.radius import believing
from identd.radius.believing import Believer
from identd.radius.observer import Dropped
from matcher.address import canonical_address
from protocol.radius.packet import Packet, decode
from tests.identd.building import engine
from tests.identd.radius.building import Switch, clients, door

HERE, THERE = canonical_address("192.0.2.7"), canonical_address("192.0.2.8")


def asked(signs: bool, code: int = AccessRequest, **attributes: Any) -> Packet:
    switch = Switch(door(engine())[0], signs=signs)
    return decode(switch.packet(code, {"User-Name": "x", **attributes}).RequestPacket())


def ready(requirement: str) -> Any:
    return clients({"network": "192.0.2.0/24", "require_message_authenticator": requirement}).find(HERE)


SIGNED, UNSIGNED, PROXIED = asked(True), asked(False), asked(False, **{"Proxy-State": b"p"})


@pytest.mark.parametrize(
    ("requirement", "packet", "doubt"),
    [
        ("yes", SIGNED, None),
        ("yes", UNSIGNED, Dropped.UNSIGNED),
        ("auto", UNSIGNED, None),
        ("auto", PROXIED, Dropped.UNSIGNED_FROM_PROXY),
        ("no", UNSIGNED, None),
        ("no", PROXIED, None),
    ],
)
def test_what_must_be_signed_is_the_clients_to_say(requirement: str, packet: Packet, doubt: Dropped | None) -> None:
    assert Believer().doubt(packet, ready(requirement), HERE) == doubt


@pytest.mark.parametrize("requirement", ["yes", "auto", "no"])
def test_a_signature_that_is_there_must_be_right(requirement: str) -> None:
    wrong = bytearray(SIGNED.raw)
    wrong[SIGNED.signed_at] ^= 1
    assert Believer().doubt(decode(bytes(wrong)), ready(requirement), HERE) == Dropped.WRONG_SIGNATURE


def test_an_address_that_has_signed_once_must_go_on_signing_and_its_neighbours_need_not() -> None:
    believer, client = Believer(), ready("auto")
    assert [believer.doubt(UNSIGNED, client, where) for where in (HERE, THERE)] == [None, None]
    assert believer.doubt(SIGNED, client, HERE) is None
    assert believer.doubt(UNSIGNED, client, HERE) == Dropped.UNSIGNED_AFTER_SIGNED
    assert believer.doubt(UNSIGNED, client, THERE) is None


def test_a_wrong_signature_binds_nobody() -> None:
    believer, client = Believer(), ready("auto")
    wrong = bytearray(SIGNED.raw)
    wrong[-1] ^= 1
    believer.doubt(decode(bytes(wrong)), client, HERE)
    assert believer.doubt(UNSIGNED, client, HERE) is None


def test_a_signed_status_server_binds_nobody_since_it_must_be_signed() -> None:
    believer, client = Believer(), ready("auto")
    assert believer.doubt(asked(True, StatusServer), client, HERE) is None
    assert believer.doubt(UNSIGNED, client, HERE) is None


def test_only_so_many_signers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(believing, "SIGNERS_MAX", 2)
    believer, client = Believer(), ready("auto")
    for last in (1, 2, 3):
        assert believer.doubt(SIGNED, client, bytes((192, 0, 2, last))) is None
    assert believer.statistics() == {"signers": 2}
    assert believer.doubt(UNSIGNED, client, bytes((192, 0, 2, 1))) is None
    assert believer.doubt(UNSIGNED, client, bytes((192, 0, 2, 3))) == Dropped.UNSIGNED_AFTER_SIGNED
