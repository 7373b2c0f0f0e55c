"""The secret that a client and we share, with what can be computed from it once for all packets.

HMAC-MD5 (RFC 2104) hashes one block made of the key before each of its two passes. Both are hashed here once and
copied for each packet: that makes signing twice as quick as `hmac.digest`.
"""

from hashlib import md5

KEPT_MAX = 256
"""Of signatures: as many as identifiers, since an answer to accounting says nothing else."""

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Secret:
    """A shared secret; at least one byte, as RFC 2865 §3 asks. Its bytes stay out of its repr."""

    __slots__ = ("_inner", "_kept", "_outer", "value")

    def __init__(self, value: bytes) -> None:
        if not value:
            raise ValueError("a RADIUS secret has at least one byte (RFC 2865 §3)")
        self.value = value
        self._kept: dict[bytes, bytes] = {}
        key = value if len(value) <= _BLOCK_BYTES else md5(value, usedforsecurity=False).digest()
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = md5(block.translate(_INNER), usedforsecurity=False)
        self._outer = md5(block.translate(_OUTER), usedforsecurity=False)

    def __repr__(self) -> str:
        return "Secret(***)"

    def hmac(self, message: bytes) -> bytes:
        """HMAC-MD5 of a message with this secret: 16 bytes."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def kept_hmac(self, message: bytes) -> bytes:
        """The same, made once for each message: for those of which there are `KEPT_MAX` at most."""
        kept = self._kept.get(message)
        if kept is None:
            assert len(self._kept) < KEPT_MAX, "more messages than are kept"
            kept = self._kept[message] = self.hmac(message)
        return kept

    def md5(self, message: bytes) -> bytes:
        """MD5 of a message with this secret behind it, as RFC 2865 §3 and RFC 2866 §3 seal a packet: 16 bytes."""
        return md5(message + self.value, usedforsecurity=False).digest()

    def md5_of_secret_and(self, message: bytes) -> bytes:
        """MD5 of this secret with a message behind it, as RFC 2865 §5.2 hides a password: 16 bytes."""
        return md5(self.value + message, usedforsecurity=False).digest()
