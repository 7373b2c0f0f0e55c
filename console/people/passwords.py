"""Passwords of people: what one must be, and argon2id with our parameters, off the loop.

A hash takes some 60 ms and 32 MiB, so it runs in a worker thread, two at a time: however many knock, pages go on.
"""

import argon2
import trio
from argon2.exceptions import InvalidHashError, VerificationError

from console.errors import FieldErrors

CHARACTERS_MIN = 12
DIFFERENT_MIN = 4
BYTES_MAX = 1024
MEMORY_KIB, ROUNDS, LANES = 32_768, 2, 1
"""Above OWASP's least for argon2id (19 MiB, 2, 1); chosen for some 60 ms on one core of a small server."""
AT_ONCE_MAX = 2

_HASHER = argon2.PasswordHasher(
    time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES, hash_len=32, salt_len=16, type=argon2.Type.ID
)
_DECOY = _HASHER.hash("nobody's password", salt=bytes(16))
_AT_ONCE = trio.CapacityLimiter(AT_ONCE_MAX)


def check_password(password: str, again: str, name: str) -> None:
    """FieldErrors (`password`, `again`) where it cannot be this person's password."""
    if len(password) < CHARACTERS_MIN:
        raise FieldErrors({"password": f"Use at least {CHARACTERS_MIN} characters: three or four words will do."})
    if len(_bytes(password)) > BYTES_MAX:
        raise FieldErrors({"password": f"Use at most {BYTES_MAX} bytes."})
    if name.lower() in password.lower() and len(password) - len(name) < CHARACTERS_MIN:
        raise FieldErrors({"password": f"Beside your name it needs {CHARACTERS_MIN} characters more."})
    if len(set(password)) < DIFFERENT_MIN:
        raise FieldErrors({"password": f"Use at least {DIFFERENT_MIN} different characters."})
    if password != again:
        raise FieldErrors({"again": "The two are not the same: type the password once more."})


async def hash_password(password: str) -> str:
    """What the database keeps: argon2id with its parameters and a salt of its own."""
    return await trio.to_thread.run_sync(_HASHER.hash, _bytes(password), limiter=_AT_ONCE)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; without a hash the work is the same and the answer no."""
    return await trio.to_thread.run_sync(_verify, password_hash, _bytes(password)[: BYTES_MAX + 1], limiter=_AT_ONCE)


def _verify(password_hash: str | None, password: bytes) -> bool:
    try:
        _HASHER.verify(_DECOY if password_hash is None else password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
