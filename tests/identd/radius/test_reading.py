"""A call out of a packet, by each preset, and what is refused there."""

import pytest

from identd.radius.proving import BadFieldError
from identd.radius.reading import NUMBER_BYTES_MAX, direction_of, pairs_of, read_attempt, read_call
from matcher.address import canonical_address
from matcher.attempt import CallAttempt
from protocol.radius.packet import Packet, decode
from tests.identd.building import gateway
from tests.identd.radius.building import NUMBERS, clients

HERE, FAR = canonical_address("192.0.2.7"), canonical_address("10.0.0.1")
FAR6 = canonical_address("2001:db8::1")


def packet(*attributes: tuple[str, str | bytes]) -> Packet:
    """An unsigned Access-Request with attributes in this order."""
    data = b""
    for name, value in attributes:
        body = value.encode() if isinstance(value, str) else value
        number = NUMBERS[name]
        if isinstance(number, tuple):
            body = number[0].to_bytes(4, "big") + bytes((number[1], len(body) + 2)) + body
            number = 26
        data += bytes((number, len(body) + 2)) + body
    return decode(bytes((1, 1)) + (20 + len(data)).to_bytes(2, "big") + bytes(16) + data)


def read(preset: str, *attributes: tuple[str, str | bytes], **request: list[str]) -> tuple[CallAttempt, str, str]:
    found = clients({"network": "192.0.2.7", "preset": preset, "request": request}).find(HERE)
    assert found is not None
    asked = packet(*attributes)
    pairs = pairs_of(found.tables, asked)
    attempt = read_attempt(found.tables, asked, pairs, gateway(), found.secret)
    assert attempt.direction == direction_of(found.tables, asked, pairs)
    return attempt, *read_call(found.tables, asked, pairs, attempt.direction)


GENERIC = (("Acct-Session-Id", "c"), ("Called-Station-Id", "4420"), ("Framed-IP-Address", FAR))
SIP = (("Acct-Session-Id", "c"), ("Called-Station-Id", "4420"), ("SIP-AVP", "source:10.0.0.1"))
H323 = (
    ("h323-conf-id", "h323-conf-id=16F3E5C8 D0F2AF54 0 5F2E3C00"),
    ("Called-Station-Id", "4420"),
    ("h323-remote-address", "h323-remote-address=10.0.0.1"),
)
CONF_ID = "16F3E5C8 D0F2AF54 0 5F2E3C00"


@pytest.mark.parametrize(
    ("preset", "attributes", "attempt", "call"),
    [
        ("generic", GENERIC, CallAttempt("orig", "4420", FAR), ("c", "")),
        (
            "generic",
            (
                *GENERIC,
                ("User-Name", "alice"),
                ("Calling-Station-Id", "+4930"),
                ("Cisco-AVPair", "something=else"),
                ("Cisco-AVPair", "identd-port=5060"),
                ("Cisco-AVPair", "identd-protocol=SIP"),
                ("Cisco-AVPair", "identd-leg=b"),
                ("Cisco-AVPair", "identd-direction=term"),
                ("Cisco-AVPair", "identd-leg=not the first"),
            ),
            CallAttempt("term", "4420", FAR, 5060, "sip", "alice", ani="+4930"),
            ("c", "b"),
        ),
        (
            "generic",
            (*GENERIC[:2], ("Framed-IPv6-Address", FAR6)),
            CallAttempt("orig", "4420", FAR6),
            ("c", ""),
        ),
        (
            "generic",
            (*GENERIC[:2], ("Framed-IPv6-Address", bytes(10) + b"\xff\xff" + FAR)),
            CallAttempt("orig", "4420", FAR),
            ("c", ""),
        ),
        (
            "generic",
            (*GENERIC, ("Cisco-AVPair", "identd-ip=::ffff:10.0.0.2")),
            CallAttempt("orig", "4420", canonical_address("10.0.0.2")),
            ("c", ""),
        ),
        (
            "kamailio",
            (*SIP, ("SIP-AVP", "port:50580"), ("SIP-AVP", "protocol:sip"), ("User-Name", "source:10.0.0.1")),
            CallAttempt("orig", "4420", FAR, 50580, "sip"),
            ("c", ""),
        ),
        (
            "kamailio",
            (*SIP[:2], ("SIP-AVP", "source:2001:db8::1")),
            CallAttempt("orig", "4420", FAR6),
            ("c", ""),
        ),
        ("cisco-h323", H323, CallAttempt("orig", "4420", FAR), (CONF_ID, "")),
        (
            "cisco-h323",
            (*H323, ("h323-call-origin", "h323-call-origin=answer"), ("Cisco-AVPair", "session-protocol=sipv2")),
            CallAttempt("orig", "4420", FAR, protocol="sipv2"),
            (CONF_ID, ""),
        ),
        (
            "cisco-h323",
            (*H323, ("h323-call-origin", "h323-call-origin=proxy")),
            CallAttempt("orig", "4420", FAR),
            (CONF_ID, ""),
        ),
        (
            "cisco-h323",
            (*H323, ("h323-call-origin", "originate")),
            CallAttempt("term", "4420", FAR),
            (CONF_ID, "originate"),
        ),
    ],
)
def test_a_call_is_read_as_its_switch_writes_it(
    preset: str, attributes: tuple[tuple[str, str | bytes], ...], attempt: CallAttempt, call: tuple[str, str]
) -> None:
    assert read(preset, *attributes) == (attempt, *call)


def test_a_table_of_the_client_overrules_its_preset_a_field_at_a_time() -> None:
    attempt, call_id, _ = read(
        "generic",
        *GENERIC,
        ("User-Name", "alice"),
        ("Cisco-AVPair", "call-id=x"),
        ("NAS-IP-Address", bytes((10, 0, 0, 9))),
        call_id=["Cisco-AVPair=call-id", "Acct-Session-Id"],
        name=[],
        address=["NAS-IP-Address"],
        ani=["NAS-IP-Address"],
    )
    assert (call_id, attempt.name, attempt.ani) == ("x", None, "10.0.0.9")
    assert attempt.address == bytes((10, 0, 0, 9))


def test_an_empty_attribute_is_none() -> None:
    attempt, call_id, leg = read(
        "generic", *GENERIC, ("Calling-Station-Id", ""), ("User-Name", ""), ("Cisco-AVPair", "identd-leg=")
    )
    assert (attempt.ani, attempt.name, call_id, leg) == (None, None, "c", "")


BAD: dict[str, tuple[str, list[tuple[str, str | bytes]], str]] = {
    "no address": ("generic", [*GENERIC[:2]], "address"),
    "three bytes": ("generic", [*GENERIC[:2], ("Framed-IP-Address", b"abc")], "address"),
    "no address in text": ("kamailio", [*SIP[:2], ("SIP-AVP", "source:10.0.0.01")], "address"),
    "an address and a port": ("kamailio", [*SIP[:2], ("SIP-AVP", "source:10.0.0.1:5060")], "address"),
    "an address in no UTF-8": ("kamailio", [*SIP[:2], ("SIP-AVP", b"source:\xff")], "address"),
    "no dnis": ("generic", [GENERIC[0], GENERIC[2]], "dnis"),
    "dnis in no UTF-8": ("generic", [*GENERIC[::2], ("Called-Station-Id", b"44\xff")], "dnis"),
    "dnis with a line break": ("generic", [*GENERIC[::2], ("Called-Station-Id", "44\r\nX: y")], "dnis"),
    "dnis with a zero": ("generic", [*GENERIC[::2], ("Called-Station-Id", "44\0")], "dnis"),
    "dnis with a C1 control": ("generic", [*GENERIC[::2], ("Called-Station-Id", "44\x85")], "dnis"),
    "dnis too long": ("generic", [*GENERIC[::2], ("Called-Station-Id", "4" * (NUMBER_BYTES_MAX + 1))], "dnis"),
    "ani too long": ("generic", [*GENERIC, ("Calling-Station-Id", "é" * (NUMBER_BYTES_MAX // 2 + 1))], "ani"),
    "ani with a line separator": ("generic", [*GENERIC, ("Calling-Station-Id", "1\u2028")], "ani"),
    "no call id": ("generic", [*GENERIC[1:]], "call_id"),
    "port 65536": ("kamailio", [*SIP, ("SIP-AVP", "port:65536")], "port"),
    "port in words": ("kamailio", [*SIP, ("SIP-AVP", "port:sip")], "port"),
    "port in other digits": ("kamailio", [*SIP, ("SIP-AVP", "port:٣")], "port"),
    "port with a sign": ("kamailio", [*SIP, ("SIP-AVP", "port:-1")], "port"),
    "port of 240 digits": ("kamailio", [*SIP, ("SIP-AVP", "port:" + "1" * 240)], "port"),
    "a direction of its own": ("cisco-h323", [*H323, ("h323-call-origin", "callback")], "direction"),
}


@pytest.mark.parametrize(("preset", "attributes", "field"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_named_and_never_repeated(
    preset: str, attributes: list[tuple[str, str | bytes]], field: str
) -> None:
    with pytest.raises(BadFieldError) as refused:
        read(preset, *attributes)
    assert refused.value.field == field
    assert str(refused.value).isprintable()
    for _, value in attributes:
        shown = value if isinstance(value, str) else value.decode("latin-1")
        assert len(shown) == 1 or shown not in str(refused.value)


def test_the_longest_number_is_one_that_fits() -> None:
    attempt, _, _ = read("generic", *GENERIC[::2], ("Called-Station-Id", "4" * NUMBER_BYTES_MAX))
    assert len(attempt.dnis) == NUMBER_BYTES_MAX


def test_an_integer_attribute_is_read_as_its_number_or_not_at_all() -> None:
    attempt, _, _ = read("generic", *GENERIC, ("NAS-Port", (5060).to_bytes(4, "big")), port=["NAS-Port"])
    assert attempt.port == 5060
    with pytest.raises(BadFieldError, match="port is no integer"):
        read("generic", *GENERIC, ("NAS-Port", b"abc"), port=["NAS-Port"])
