"""An answer as it goes out: signed, sealed, and with what a proxy wants to have back.

Message-Authenticator is the first attribute of every answer (against CVE-2024-3596, whose forger needs to know
what stands there), Proxy-State comes back unchanged and in order (RFC 2865 §5.33).
"""

from struct import Struct as Layout

from protocol.radius.attribute import (
    MESSAGE_AUTHENTICATOR,
    PROXY_STATE,
    attribute,
    clipped,
    keyed_attribute,
    vendor_attribute,
)
from protocol.radius.authenticator import ZEROS
from protocol.radius.packet import HEADER_BYTES, PACKET_BYTES_MAX, Code, Packet
from protocol.radius.secret import Secret

__all__ = [
    "ATTRIBUTES_BYTES_MAX",
    "AnswerTooLongError",
    "answer",
    "attribute",
    "clipped",
    "keyed_attribute",
    "vendor_attribute",
]

_SIGNATURE_BYTES = 18
_SIGNATURE_HEAD = bytes((MESSAGE_AUTHENTICATOR, _SIGNATURE_BYTES))
_UNSIGNED = _SIGNATURE_HEAD + ZEROS
_pack_head = Layout(">BBH").pack

ATTRIBUTES_BYTES_MAX = PACKET_BYTES_MAX - HEADER_BYTES - _SIGNATURE_BYTES
"""Room for the attributes of an answer to a request that carries no Proxy-State."""


class AnswerTooLongError(Exception):
    """An answer would be longer than 4,096 bytes: a client would drop it."""


def answer(code: int, request: Packet, attributes: bytes, secret: Secret) -> bytes:
    """The answer to a request, with encoded attributes (`attribute`, `vendor_attribute`).

    Raises `AnswerTooLongError` over 4,096 bytes, rather than dropping attributes on which a call would be routed.
    An Accounting-Response is signed over an authenticator of zeros, as FreeRADIUS and pyrad verify it, unless it
    answers a Status-Server (RFC 5997 §3); any other answer over that of its request (RFC 3579 §3.2).
    """
    if PROXY_STATE in request.firsts:
        attributes += b"".join([attribute(PROXY_STATE, state) for state in request.every(PROXY_STATE)])
    length = HEADER_BYTES + _SIGNATURE_BYTES + len(attributes)
    if length > PACKET_BYTES_MAX:
        raise AnswerTooLongError(f"an answer of {length} bytes is longer than {PACKET_BYTES_MAX}")
    head = _pack_head(code, request.identifier, length)
    sealed = request.authenticator
    signed = ZEROS if code == Code.ACCOUNTING_RESPONSE and request.code != Code.STATUS_SERVER else sealed
    body = _SIGNATURE_HEAD + secret.hmac(head + signed + _UNSIGNED + attributes) + attributes
    return head + secret.md5(head + sealed + body) + body
