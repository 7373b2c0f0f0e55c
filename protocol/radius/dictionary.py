"""The names of attributes that a configuration may use: what FreeRADIUS's and radcli's dictionaries call them.

A row a name: its type, and what its bytes are. Attributes that only a dial-in server knows are left out, and those
that no configuration should touch (User-Password, Message-Authenticator, Proxy-State). Whatever has no name here has
one by number, as FreeRADIUS writes it: `Attr-225`, and of a vendor `Attr-26.9.1`; those are texts.
"""

import re

import msgspec

from protocol.radius.attribute import vendor_key
from protocol.radius.value import Kind

TEXT, INTEGER, ADDRESS4, ADDRESS6, PREFIX, OCTETS = Kind  # in the order of Kind

STANDARD: dict[str, tuple[int, Kind]] = {
    # RFC 2865
    "User-Name": (1, TEXT),
    "CHAP-Password": (3, OCTETS),
    "NAS-IP-Address": (4, ADDRESS4),
    "NAS-Port": (5, INTEGER),
    "Service-Type": (6, INTEGER),
    "Framed-IP-Address": (8, ADDRESS4),
    "Framed-IP-Netmask": (9, ADDRESS4),
    "Filter-Id": (11, TEXT),
    "Login-IP-Host": (14, ADDRESS4),
    "Reply-Message": (18, TEXT),
    "Callback-Number": (19, TEXT),
    "Callback-Id": (20, TEXT),
    "State": (24, OCTETS),
    "Class": (25, OCTETS),
    "Session-Timeout": (27, INTEGER),
    "Idle-Timeout": (28, INTEGER),
    "Called-Station-Id": (30, TEXT),
    "Calling-Station-Id": (31, TEXT),
    "NAS-Identifier": (32, TEXT),
    "CHAP-Challenge": (60, OCTETS),
    "NAS-Port-Type": (61, INTEGER),
    "Port-Limit": (62, INTEGER),
    # RFC 2866
    "Acct-Status-Type": (40, INTEGER),
    "Acct-Delay-Time": (41, INTEGER),
    "Acct-Input-Octets": (42, INTEGER),
    "Acct-Output-Octets": (43, INTEGER),
    "Acct-Session-Id": (44, TEXT),
    "Acct-Authentic": (45, INTEGER),
    "Acct-Session-Time": (46, INTEGER),
    "Acct-Input-Packets": (47, INTEGER),
    "Acct-Output-Packets": (48, INTEGER),
    "Acct-Terminate-Cause": (49, INTEGER),
    "Acct-Multi-Session-Id": (50, TEXT),
    "Acct-Link-Count": (51, INTEGER),
    # RFC 2869
    "Acct-Input-Gigawords": (52, INTEGER),
    "Acct-Output-Gigawords": (53, INTEGER),
    "Event-Timestamp": (55, INTEGER),
    "Connect-Info": (77, TEXT),
    "Acct-Interim-Interval": (85, INTEGER),
    "NAS-Port-Id": (87, TEXT),
    # RFC 3162
    "NAS-IPv6-Address": (95, ADDRESS6),
    "Framed-IPv6-Prefix": (97, PREFIX),
    "Login-IPv6-Host": (98, ADDRESS6),
    # RFC 4372
    "Chargeable-User-Identity": (89, OCTETS),
    # RFC 5090
    "Digest-Response": (103, TEXT),
    "Digest-Realm": (104, TEXT),
    "Digest-Nonce": (105, TEXT),
    "Digest-Response-Auth": (106, TEXT),
    "Digest-Nextnonce": (107, TEXT),
    "Digest-Method": (108, TEXT),
    "Digest-URI": (109, TEXT),
    "Digest-Qop": (110, TEXT),
    "Digest-Algorithm": (111, TEXT),
    "Digest-Entity-Body-Hash": (112, TEXT),
    "Digest-CNonce": (113, TEXT),
    "Digest-Nonce-Count": (114, TEXT),
    "Digest-Username": (115, TEXT),
    "Digest-Opaque": (116, TEXT),
    "Digest-Auth-Param": (117, TEXT),
    "Digest-AKA-Auts": (118, TEXT),
    "Digest-Domain": (119, TEXT),
    "Digest-Stale": (120, TEXT),
    "Digest-HA1": (121, TEXT),
    "SIP-AOR": (122, TEXT),
    # RFC 6911
    "Framed-IPv6-Address": (168, ADDRESS6),
    # /etc/kamailio/dictionary.kamailio and radcli's dictionary.sip; some numbers overlap with RFC 5090
    "Sip-Method": (101, INTEGER),
    "Sip-Response-Code": (102, INTEGER),
    "Sip-CSeq": (103, TEXT),
    "Sip-To-Tag": (104, TEXT),
    "Sip-From-Tag": (105, TEXT),
    "Sip-Translated-Request-URI": (107, TEXT),
    "Sip-Source-IP-Address": (108, ADDRESS4),
    "Sip-Source-Port": (109, INTEGER),
    "Sip-Uri-User": (208, TEXT),
    "Sip-Req-URI": (210, TEXT),
    "Sip-Group": (211, TEXT),
    "Sip-Rpid": (213, TEXT),
    "SIP-AVP": (225, TEXT),
    # FreeRADIUS's dictionary.openser reads these two as texts
    "Sip-Src-IP": (108, TEXT),
    "Sip-Src-Port": (109, TEXT),
    # OpenSIPS, accounting at the end of a call
    "Sip-Call-Duration": (227, INTEGER),
    "Sip-Call-Setuptime": (228, INTEGER),
}
"""Name -> (type, kind)."""

CISCO = 9
CISCO_ATTRIBUTES: dict[str, tuple[int, Kind]] = {
    "Cisco-AVPair": (1, TEXT),
    "Cisco-NAS-Port": (2, TEXT),
    "Cisco-Gateway-Id": (18, TEXT),
    "Cisco-Call-Type": (19, TEXT),
    "h323-remote-address": (23, TEXT),
    "h323-conf-id": (24, TEXT),
    "h323-setup-time": (25, TEXT),
    "h323-call-origin": (26, TEXT),
    "h323-call-type": (27, TEXT),
    "h323-connect-time": (28, TEXT),
    "h323-disconnect-time": (29, TEXT),
    "h323-disconnect-cause": (30, TEXT),
    "h323-voice-quality": (31, TEXT),
    "h323-gw-id": (33, TEXT),
    "h323-incoming-conf-id": (35, TEXT),
    "sip-conf-id": (100, TEXT),
    "h323-credit-amount": (101, TEXT),
    "h323-credit-time": (102, TEXT),
    "h323-return-code": (103, TEXT),
    "h323-prompt-id": (104, TEXT),
    "h323-time-and-day": (105, TEXT),
    "h323-redirect-number": (106, TEXT),
    "h323-preferred-lang": (107, TEXT),
    "h323-redirect-ip-address": (108, TEXT),
    "h323-billing-model": (109, TEXT),
    "h323-currency": (110, TEXT),
    "subscriber": (111, TEXT),
    "gw-rxd-cdn": (112, TEXT),
    "gw-final-xlated-cdn": (113, TEXT),
    "remote-media-address": (114, TEXT),
    "release-source": (115, TEXT),
    "gw-rxd-cgn": (116, TEXT),
    "gw-final-xlated-cgn": (117, TEXT),
    "call-id": (141, TEXT),
    "session-protocol": (142, TEXT),
    "method": (143, TEXT),
    "prev-hop-via": (144, TEXT),
    "prev-hop-ip": (145, TEXT),
    "incoming-req-uri": (146, TEXT),
    "outgoing-req-uri": (147, TEXT),
    "next-hop-ip": (148, TEXT),
    "next-hop-dn": (149, TEXT),
    "sip-hdr": (150, TEXT),
    "dsp-id": (151, TEXT),
    "Cisco-Disconnect-Cause": (195, INTEGER),
}
"""Name -> (the vendor's type, kind). Most carry their own name once more in the value: `h323-conf-id=...`."""


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """An attribute that a configuration names: `key` as in `Packet.first`, `kind` as in `value.READERS`."""

    name: str
    key: int
    kind: Kind


ATTRIBUTES: dict[str, Attribute] = {
    name.lower(): Attribute(name, key, kind)
    for name, key, kind in (
        *((name, number, kind) for name, (number, kind) in STANDARD.items()),
        *((name, vendor_key(CISCO, number), kind) for name, (number, kind) in CISCO_ATTRIBUTES.items()),
    )
}
"""By name in lower case: dictionaries do not agree on capitals (Sip-CSeq, Sip-Cseq)."""

_NUMBERED = re.compile(r"attr-(?:26\.([0-9]{1,10})\.)?([0-9]{1,3})", re.ASCII)
_VENDOR_MAX = 2**32 - 1
_WITHOUT_NAME = frozenset({2, 26, 33, 80})
"""User-Password, Vendor-Specific, Proxy-State, Message-Authenticator: by no number either."""


def named(name: str) -> Attribute | None:
    """The attribute of this name, in whatever capitals, or by number; None if there is none."""
    known = ATTRIBUTES.get(name.lower())
    if known is not None:
        return known
    numbered = _NUMBERED.fullmatch(name.lower())
    if numbered is None:
        return None
    vendor, number = int(numbered[1] or 0), int(numbered[2])
    if numbered[1]:
        return (
            Attribute(name, vendor_key(vendor, number), TEXT) if 0 < vendor <= _VENDOR_MAX and number < 256 else None
        )
    return Attribute(name, number, TEXT) if 0 < number < 256 and number not in _WITHOUT_NAME else None
