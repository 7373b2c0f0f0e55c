"""Nonces for SIP digests that are ours, without memory: when one was made, under a key that only this daemon has.

A nonce is good for the space it was made for, and for `NONCE_SECONDS`. What of it was used already is not remembered:
who overhears a response can repeat it for as long, for the method and URI that are hashed into it.
"""

import hmac
from binascii import unhexlify

NONCE_SECONDS = 30.0
"""A phone answers a challenge by itself at once, and a nonce that is too old costs one more turn, no call."""

KEY_BYTES = 32
SALT_BYTES = 6
_TIME_BYTES = 6
_TIMES_PER_SECOND = 1000
_SEAL_BYTES = 16
_CHARACTERS = 2 * (_TIME_BYTES + SALT_BYTES + _SEAL_BYTES)


class Nonces:
    """Makes nonces and knows them again. `space`: for whom one is, as bytes that tell any two apart."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES, len(key)
        self._key = key

    def make(self, space: bytes, salt: bytes, now: float) -> str:
        """A nonce in hexadecimal digits; `salt` keeps two of one moment apart, `now` in seconds that never step."""
        head = int(now * _TIMES_PER_SECOND).to_bytes(_TIME_BYTES, "big") + salt[:SALT_BYTES].ljust(SALT_BYTES, b"\0")
        return (head + self._seal(head, space)).hex()

    def is_fresh(self, nonce: str, space: bytes, now: float) -> bool:
        """Whether it was made here for this space, and not more than `NONCE_SECONDS` ago."""
        if len(nonce) != _CHARACTERS:
            return False
        try:
            whole = unhexlify(nonce)
        except ValueError:
            return False
        head = whole[:-_SEAL_BYTES]
        if not hmac.compare_digest(self._seal(head, space), whole[-_SEAL_BYTES:]):
            return False
        made_at = int.from_bytes(head[:_TIME_BYTES], "big") / _TIMES_PER_SECOND
        return now - made_at <= NONCE_SECONDS

    def _seal(self, head: bytes, space: bytes) -> bytes:
        return hmac.digest(self._key, head + space, "sha256")[:_SEAL_BYTES]
