"""Names of attributes: the numbers are those of the RFCs and of the switches' own dictionaries."""

import pytest

from protocol.radius.attribute import vendor_key
from protocol.radius.dictionary import ATTRIBUTES, CISCO_ATTRIBUTES, STANDARD, Attribute, named
from protocol.radius.value import Kind


@pytest.mark.parametrize(
    ("name", "key", "kind"),
    [
        ("User-Name", 1, Kind.TEXT),
        ("NAS-IP-Address", 4, Kind.ADDRESS4),
        ("Called-Station-Id", 30, Kind.TEXT),
        ("Calling-Station-Id", 31, Kind.TEXT),
        ("Acct-Status-Type", 40, Kind.INTEGER),
        ("Acct-Session-Id", 44, Kind.TEXT),
        ("Event-Timestamp", 55, Kind.INTEGER),
        ("NAS-IPv6-Address", 95, Kind.ADDRESS6),
        ("Framed-IPv6-Prefix", 97, Kind.PREFIX),
        ("Sip-Response-Code", 102, Kind.INTEGER),
        ("Digest-Username", 115, Kind.TEXT),
        ("SIP-AVP", 225, Kind.TEXT),
        ("Class", 25, Kind.OCTETS),
        ("Cisco-AVPair", vendor_key(9, 1), Kind.TEXT),
        ("h323-remote-address", vendor_key(9, 23), Kind.TEXT),
        ("h323-conf-id", vendor_key(9, 24), Kind.TEXT),
        ("h323-call-origin", vendor_key(9, 26), Kind.TEXT),
    ],
)
def test_name_has_its_number_and_kind(name: str, key: int, kind: Kind) -> None:
    assert named(name) == Attribute(name, key, kind)


def test_capitals_do_not_matter() -> None:
    assert named("SIP-CSEQ") == named("Sip-Cseq") == named("Sip-CSeq")
    assert named("sip-avp") is not None


def test_no_name_is_given_twice() -> None:
    assert len(ATTRIBUTES) == len(STANDARD) + len(CISCO_ATTRIBUTES)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Attr-225", 225),
        ("attr-1", 1),
        ("Attr-26.9.1", vendor_key(9, 1)),
        ("Attr-26.27880.0", vendor_key(27880, 0)),
        ("Attr-26.4294967295.255", vendor_key(2**32 - 1, 255)),
    ],
)
def test_attribute_without_a_name_is_named_by_number(name: str, key: int) -> None:
    assert named(name) == Attribute(name, key, Kind.TEXT)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Calling Station Id",
        "Attr-0",
        "Attr-256",
        "Attr-1x",
        "Attr-٣",
        "Attr-26.0.1",
        "Attr-26.9.256",
        "Attr-26.4294967296.1",
        "Attr-26.9",
        "Attr-2",
        "Attr-26",
        "Attr-33",
        "Attr-80",
        "User-Password",
        "Message-Authenticator",
        "Proxy-State",
    ],
)
def test_what_no_configuration_may_touch_has_no_name(name: str) -> None:
    assert named(name) is None
