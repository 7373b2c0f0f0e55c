"""What a packet offers as proof of a name: a SIP digest, CHAP, or a password that RADIUS hides (PAP).

The strongest one that is there counts. Whether it proves anything is judged by `identd/credentials.py`.
"""

from identd.access import digest_response
from matcher.attempt import ChapResponse, ClearPassword, Credentials
from protocol.radius.attribute import CHAP_PASSWORD, USER_PASSWORD
from protocol.radius.digest import BadDigestError, read_digest
from protocol.radius.packet import Packet
from protocol.radius.passwords import chap, reveal
from protocol.radius.secret import Secret


class BadFieldError(ValueError):
    """A field of a packet cannot be read or is missing; the text says why and repeats nothing of what was sent."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field


def proof(packet: Packet, secret: Secret) -> tuple[Credentials | None, str | None]:
    """What may prove a name, and the name where it comes with it (a digest's). Raises `BadFieldError`.

    An empty User-Password is none: some switches send one because RFC 2865 §4.1 wants one there.
    """
    firsts = packet.firsts
    try:
        digest = read_digest(packet)
    except BadDigestError as error:
        raise BadFieldError("digest", str(error)) from None
    if digest is not None:
        return digest_response(digest), digest.username
    if CHAP_PASSWORD in firsts:
        answered = chap(packet)
        if answered is None:
            raise BadFieldError("chap", "has not 17 bytes, or no challenge")
        return ChapResponse(answered.ident, answered.challenge, answered.response), None
    hidden = firsts.get(USER_PASSWORD)
    if hidden is None:
        return None, None
    clear = reveal(hidden, secret, packet.authenticator)
    if clear is None:
        raise BadFieldError("password", "has not 16 to 128 bytes in whole blocks of 16")
    return (ClearPassword(clear.decode("utf-8", "replace")) if clear else None), None
