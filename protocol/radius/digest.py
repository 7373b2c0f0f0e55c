"""A SIP digest response out of a packet, in either of two forms: RFC 5090 (attributes 103 to 122) or
draft-sterman-aaa-sip-00 (206, and 207 with attributes inside: what Kamailio's auth_radius sends). And of RFC 5090 the
request for a nonce, and the challenge that it gets.

Values are the parameters of the Authorization header without their quotes. A packet with 206 is read by the draft
alone: where a client's dictionary is that old, 103 to 119 mean other things to it (Sip-CSeq, Sip-From-Tag, ...).
"""

from protocol.messages import Digest
from protocol.radius.attribute import USER_NAME, attribute
from protocol.radius.packet import Code, Packet

RESPONSE, DRAFT_RESPONSE, DRAFT_ATTRIBUTES = 103, 206, 207
REALM, NONCE, METHOD, URI, QOP, ALGORITHM, STALE = 104, 105, 108, 109, 110, 111, 120

BY_RFC_5090 = {
    "username": 115,
    "realm": REALM,
    "nonce": NONCE,
    "uri": URI,
    "method": METHOD,
    "response": RESPONSE,
    "qop": QOP,
    "nc": 114,
    "cnonce": 113,
    "algorithm": ALGORITHM,
}
"""Field of a Digest -> type of the attribute (RFC 5090 §3)."""

INSIDE_DRAFT_ATTRIBUTES = {
    "username": 10,
    "realm": 1,
    "nonce": 2,
    "uri": 4,
    "method": 3,
    "qop": 5,
    "nc": 9,
    "cnonce": 8,
    "algorithm": 6,
}
"""Field of a Digest -> type inside attribute 207 (draft-sterman-aaa-sip-00 §3); 7, the body's digest, is not read."""

REQUIRED = ("username", "realm", "nonce", "uri", "method", "response")


class BadDigestError(Exception):
    """There is a digest response, and it cannot be judged. The message names the field, never its value."""


def read_digest(packet: Packet) -> Digest | None:
    """The digest response in an Access-Request; None where there is none.

    The username is that of the header where it is sent (User-Name may have a realm added, or be another name), else
    User-Name. Raises `BadDigestError` where a required field is missing or empty, or bytes are not UTF-8.
    """
    if packet.code != Code.ACCESS_REQUEST:
        return None
    firsts = packet.firsts
    if DRAFT_RESPONSE in firsts:
        inside = _draft_attributes(packet.every(DRAFT_ATTRIBUTES))
        values = {field: inside.get(kind) for field, kind in INSIDE_DRAFT_ATTRIBUTES.items()}
        values["response"] = firsts[DRAFT_RESPONSE]
    elif RESPONSE in firsts:
        values = {field: firsts.get(key) for field, key in BY_RFC_5090.items()}
    else:
        return None
    values["username"] = values["username"] or firsts.get(USER_NAME)
    for field in REQUIRED:
        if not values[field]:
            raise BadDigestError(f"{field} is missing")
    texts = {field: _text(field, value) for field, value in values.items() if value}
    return Digest(**texts)


def asks_for_nonce(packet: Packet) -> bool:
    """Whether an Access-Request leaves the nonce to us: method and URI, and neither nonce nor response (RFC 5090
    §3.3). Types 108 and 109 of an older dictionary look the same: it is for the caller to know the client.
    """
    firsts = packet.firsts
    return (
        packet.code == Code.ACCESS_REQUEST
        and bool(firsts.get(METHOD) and firsts.get(URI))
        and not (firsts.get(NONCE) or RESPONSE in firsts or DRAFT_RESPONSE in firsts)
    )


def challenge(realm: str, nonce: str, *, is_stale: bool) -> bytes:
    """The attributes of an Access-Challenge beside its Message-Authenticator: RFC 5090 §3.2, §3.3, §3.8, §3.9, §3.18.

    `is_stale`: the response was right and its nonce is not accepted, so that the far end asks nobody for a password.
    """
    fields = [(REALM, realm.encode()), (NONCE, nonce.encode()), (QOP, b"auth"), (ALGORITHM, b"MD5")]
    if is_stale:
        fields.append((STALE, b"true"))
    return b"".join(attribute(key, value) for key, value in fields)


def _text(field: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadDigestError(f"{field} is not UTF-8") from None


def _draft_attributes(values: list[bytes]) -> dict[int, bytes]:
    """What is inside all attributes 207: some clients send one for each, others one for several."""
    inside: dict[int, bytes] = {}
    for value in values:
        at, last = 0, len(value) - 1
        while at < last:
            kind, end = value[at], at + value[at + 1]
            if end < at + 2:
                break
            inside.setdefault(kind, value[at + 2 : end])
            at = end
        if at != len(value):
            raise BadDigestError("an attribute 207 is cut short")
    return inside
