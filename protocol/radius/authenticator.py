"""Does a packet come from somebody who knows the secret? (RFC 2866 §3, RFC 3579 §3.2, RFC 5997 §3.)

An Access-Request without Message-Authenticator proves nothing (CVE-2024-3596): that is `ABSENT`, and whether it will
do is the door's choice. Every comparison takes the same time whatever is wrong.
"""

from enum import StrEnum
from hmac import compare_digest

from protocol.radius.packet import HEADER_BYTES, Code, Packet
from protocol.radius.secret import Secret

ZEROS = bytes(16)
_ACCOUNTING_REQUEST = int(Code.ACCOUNTING_REQUEST)


class MessageAuthenticator(StrEnum):
    """What the Message-Authenticator of a packet says. Two of them, or one of another length, are `BAD`."""

    ABSENT = "absent"
    GOOD = "good"
    BAD = "bad"


_ABSENT, _GOOD, _BAD = MessageAuthenticator.ABSENT, MessageAuthenticator.GOOD, MessageAuthenticator.BAD


def check_message_authenticator(packet: Packet, secret: Secret) -> MessageAuthenticator:
    """Judge the Message-Authenticator of a request.

    It signs the packet as it is with its own value zeroed (RFC 3579 §3.2, RFC 5997 §3); in an Accounting-Request the
    authenticator counts as zeros, since that is sealed afterwards, as FreeRADIUS and pyrad have it.
    """
    at = packet.signed_at
    if at <= 0:
        return _ABSENT if at == 0 else _BAD
    raw = packet.raw
    head = raw[:at] if packet.code != _ACCOUNTING_REQUEST else raw[:4] + ZEROS + raw[HEADER_BYTES:at]
    good = compare_digest(secret.hmac(head + ZEROS + raw[at + 16 :]), raw[at : at + 16])
    return _GOOD if good else _BAD


def check_accounting(packet: Packet, secret: Secret) -> bool:
    """Is the Request Authenticator of an Accounting-Request the seal that RFC 2866 §3 asks for?"""
    raw = packet.raw
    return compare_digest(secret.md5(raw[:4] + ZEROS + raw[HEADER_BYTES:]), packet.authenticator)
