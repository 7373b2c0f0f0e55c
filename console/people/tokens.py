"""Secrets that we hand out: one-time links, sessions and keys of the API; and what of them is kept.

Each is 256 random bits, so one fast hash keeps it: who reads the database can use none. Pure but for the randomness
of the system.
"""

import hashlib
import hmac
import secrets

TOKEN_BYTES = 32
TOKEN_CHARACTERS_MAX = 64
"""Of what may be one of ours: 43 characters and a prefix; anything longer is not looked at."""

KEY_PREFIX = "idk_"
KEY_SHOWN_CHARACTERS = len(KEY_PREFIX) + 6
"""36 of 256 bits: enough to tell keys apart, and no help in guessing one."""


def new_token() -> str:
    """For a link or a session: 43 characters that a URL and a cookie take as they are."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_key() -> str:
    """For a program: the prefix lets scanners of source code find a key that should not be there."""
    return KEY_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> bytes:
    """What the database keeps: SHA-256, 32 bytes. Never raises, whatever a peer sent."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def csrf_of(session_token: str) -> str:
    """What the forms of this session carry. Derived, so that it is stored nowhere and ends with the session."""
    return hmac.new(session_token.encode("utf-8", "surrogatepass"), b"identd console csrf", "sha256").hexdigest()
