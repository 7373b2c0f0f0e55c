"""What the switch saw of one call, in canonical form, before anyone has been asked whose it is."""

import msgspec

from matcher.account import Direction


class ClearPassword(msgspec.Struct, frozen=True, gc=False):
    """A password as the far end typed it; the edge lets it in over local or encrypted connections only."""

    password: str

    def __repr__(self) -> str:  # a password must not reach a log through a repr
        return "ClearPassword(***)"


class DigestResponse(msgspec.Struct, frozen=True, gc=False):
    """The answer to a SIP digest challenge (RFC 7616, RFC 8760), field by field as in the Authorization header."""

    username: str
    realm: str
    nonce: str
    uri: str
    method: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None
    nc: str | None = None
    cnonce: str | None = None


class ChapResponse(msgspec.Struct, frozen=True, gc=False):
    """The answer to a CHAP challenge (RFC 1994 §4.1, RFC 2865 §5.3): 16 bytes that only the clear password makes."""

    identifier: int
    challenge: bytes
    response: bytes

    def __repr__(self) -> str:  # passwords can be tried against it: it must not reach a log through a repr
        return "ChapResponse(***)"


Credentials = ClearPassword | DigestResponse | ChapResponse


class CallAttempt(msgspec.Struct, frozen=True, gc=False):
    """One call as the switch describes it. All of it is untrusted except what the switch vouches for.

    `address` is the packed far end (4 or 16 bytes; where an orig call comes from, where a term call goes to).
    `port` 0 and `protocol` None: unknown. `name_verified` already includes whether the gateway trusts names.
    """

    direction: Direction
    dnis: str
    address: bytes | None = None
    port: int = 0
    protocol: str | None = None
    name: str | None = None
    name_verified: bool = False
    credentials: Credentials | None = None
    ani: str | None = None
