"""An answer as it goes out: signed, sealed, and with what a proxy wants to have back.

Message-Authenticator is the first attribute of every answer (against CVE-2024-3596, whose forger needs to know
what stands there), Proxy-State comes back unchanged and in order (RFC 2865 §5.33).
"""

from struct import Struct as Layout

from protocol.radius.attribute import MESSAGE_AUTHENTICATOR, PROXY_STATE, attribute
from protocol.radius.authenticator import ZEROS
from protocol.radius.packet import HEADER_BYTES, PACKET_BYTES_MAX, Code, Packet
from protocol.radius.secret import Secret

_SIGNATURE_BYTES = 18
_SIGNATURE_HEAD = bytes((MESSAGE_AUTHENTICATOR, _SIGNATURE_BYTES))
_UNSIGNED = _SIGNATURE_HEAD + ZEROS
_SIGNED_ACCOUNTING = ZEROS + _UNSIGNED
_ACCOUNTING_RESPONSE, _STATUS_SERVER = int(Code.ACCOUNTING_RESPONSE), int(Code.STATUS_SERVER)
_pack_head = Layout(">BBH").pack

ATTRIBUTES_BYTES_MAX = PACKET_BYTES_MAX - HEADER_BYTES - _SIGNATURE_BYTES
"""Room for the attributes of an answer, with the Proxy-State that comes back."""


class AnswerTooLongError(Exception):
    """An answer would be longer than 4,096 bytes: a client would drop it."""


def answer(code: int, request: Packet, attributes: bytes, secret: Secret) -> bytes:
    """The answer to a request, with its attributes as `attribute.py` makes them.

    Raises `AnswerTooLongError` over 4,096 bytes, rather than dropping attributes on which a call would be routed.
    An Accounting-Response is signed over an authenticator of zeros, as FreeRADIUS and pyrad verify it, unless it
    answers a Status-Server (RFC 5997 §3); any other answer over that of its request (RFC 3579 §3.2).
    """
    if PROXY_STATE in request.firsts:
        attributes += b"".join([attribute(PROXY_STATE, state) for state in request.every(PROXY_STATE)])
    size = len(attributes)
    if size > ATTRIBUTES_BYTES_MAX:
        raise AnswerTooLongError(f"{size} bytes of attributes do not fit into an answer: {ATTRIBUTES_BYTES_MAX} do")
    head = _pack_head(code, request.identifier, HEADER_BYTES + _SIGNATURE_BYTES + size)
    sealed = request.authenticator
    if code != _ACCOUNTING_RESPONSE or request.code == _STATUS_SERVER:
        signature = secret.hmac(head + sealed + _UNSIGNED + attributes)
    elif size:
        signature = secret.hmac(head + _SIGNED_ACCOUNTING + attributes)
    else:  # the identifier alone makes it: one of 256
        signature = secret.kept_hmac(head + _SIGNED_ACCOUNTING)
    body = _SIGNATURE_HEAD + signature + attributes
    return head + secret.md5(head + sealed + body) + body
