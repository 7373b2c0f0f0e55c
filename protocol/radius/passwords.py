"""How a password comes in a packet: hidden (PAP, RFC 2865 §5.2) or as the answer to a challenge (CHAP, §5.3).

Nothing is judged here: whether a password or a CHAP response is right, the account's own secret decides.
"""

import msgspec

from protocol.radius.attribute import CHAP_CHALLENGE, CHAP_PASSWORD
from protocol.radius.packet import Packet
from protocol.radius.secret import Secret

BLOCK_BYTES = 16  # of MD5
HIDDEN_BYTES_MAX = 128  # RFC 2865 §5.2
_CHAP_PASSWORD_BYTES = 17


class Chap(msgspec.Struct, frozen=True, gc=False):
    """A CHAP response (RFC 1994 §4.1): MD5 over `ident` (0 to 255), password and `challenge`; 16 bytes."""

    ident: int
    response: bytes
    challenge: bytes

    def __repr__(self) -> str:  # a response can be tried against guessed passwords: it must not reach a log
        return f"Chap(ident={self.ident}, ***)"


def reveal(hidden: bytes, secret: Secret, authenticator: bytes) -> bytes | None:
    """The password in a User-Password, without the zeros that filled it up.

    None where it is not 1 to 8 whole blocks. With a wrong secret it is some other bytes: nothing tells them apart.
    """
    if not BLOCK_BYTES <= len(hidden) <= HIDDEN_BYTES_MAX or len(hidden) % BLOCK_BYTES:
        return None
    blocks = [hidden[at : at + BLOCK_BYTES] for at in range(0, len(hidden), BLOCK_BYTES)]
    before = [authenticator, *blocks[:-1]]
    clear = [_xor(block, secret.md5_of_secret_and(last)) for block, last in zip(blocks, before, strict=True)]
    return b"".join(clear).rstrip(b"\0")


def hide(password: bytes, secret: Secret, authenticator: bytes) -> bytes:
    """The User-Password for a password, as a client sends it; over 128 bytes is `ValueError`."""
    if len(password) > HIDDEN_BYTES_MAX:
        raise ValueError(f"a password of {len(password)} bytes is longer than {HIDDEN_BYTES_MAX}")
    padded = password.ljust(max(1, -(-len(password) // BLOCK_BYTES)) * BLOCK_BYTES, b"\0")
    hidden: list[bytes] = [authenticator]
    for at in range(0, len(padded), BLOCK_BYTES):
        hidden.append(_xor(padded[at : at + BLOCK_BYTES], secret.md5_of_secret_and(hidden[-1])))
    return b"".join(hidden[1:])


def chap(packet: Packet) -> Chap | None:
    """The CHAP response in a packet; None where there is none of 17 bytes, or its challenge is empty.

    The challenge is CHAP-Challenge, or the Request Authenticator where there is none (RFC 2865 §2.2).
    """
    password = packet.first(CHAP_PASSWORD)
    if password is None or len(password) != _CHAP_PASSWORD_BYTES:
        return None
    challenge = packet.first(CHAP_CHALLENGE)
    if challenge is None:
        challenge = packet.authenticator
    return Chap(password[0], password[1:], challenge) if challenge else None


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(BLOCK_BYTES, "big")
