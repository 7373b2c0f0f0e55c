"""What may stand in a table for an attribute, and what is said of what may not."""

import pytest

from identd.radius.naming import INNER_BYTES_MAX, NamedAttribute, UnknownAttributeError, named
from protocol.radius.value import Kind

CISCO_AVPAIR, CONF_ID = 9 << 8 | 1, 9 << 8 | 24


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Calling-Station-Id", NamedAttribute(31, Kind.TEXT)),
        ("calling-station-id", NamedAttribute(31, Kind.TEXT)),
        ("Framed-IP-Address", NamedAttribute(8, Kind.ADDRESS4)),
        ("h323-conf-id", NamedAttribute(CONF_ID, Kind.TEXT, b"h323-conf-id=")),
        ("H323-Conf-Id", NamedAttribute(CONF_ID, Kind.TEXT, b"h323-conf-id=")),
        ("Cisco-AVPair", NamedAttribute(CISCO_AVPAIR, Kind.TEXT)),
        ("Cisco-AVPair=call-id", NamedAttribute(CISCO_AVPAIR, Kind.TEXT, pair=(CISCO_AVPAIR, b"call-id="))),
        ("SIP-AVP:account", NamedAttribute(225, Kind.TEXT, pair=(225, b"account:"))),
        ("SIP-AVP=account", NamedAttribute(225, Kind.TEXT, pair=(225, b"account="))),
        ("Attr-26.9.24", NamedAttribute(CONF_ID, Kind.TEXT)),
        ("Attr-26.35000.7:x", NamedAttribute(35000 << 8 | 7, Kind.TEXT, pair=(35000 << 8 | 7, b"x:"))),
    ],
)
def test_an_attribute_is_named_as_dictionaries_do_or_by_what_its_text_begins_with(
    text: str, expected: NamedAttribute
) -> None:
    assert named(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "No-Such-Attribute", "Called Station Id", "User-Password", "Attr-0", "Attr-80"),
        *("Cisco-AVPair=", "Cisco-AVPair=a=b", "Cisco-AVPair=a b", "SIP-AVP:a\n", "SIP-AVP:ä"),
        *("Framed-IP-Address=x", "Cisco-AVPair=" + "x" * INNER_BYTES_MAX),
    ],
)
def test_what_names_no_attribute_that_we_can_use_is_refused(text: str) -> None:
    with pytest.raises(UnknownAttributeError):
        named(text)
