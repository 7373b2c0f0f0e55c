"""The second factor: codes of an app by time (RFC 6238), their secret sealed, each code good once.

The secret is sealed with the key that also seals passwords of accounts, bound to this column and person; without a
key there is no second factor, because a dump of the database would hold it. Nothing here asks a clock or a database.
"""

import hmac
import os

import msgspec
import pyotp
import segno
from cryptography.exceptions import InvalidTag

from identd.credentials import NONCE_BYTES, KeyRing, Sealed

ISSUER = "identd"
STEP_SECONDS = 30
STEPS_OFF_MAX = 1
"""A code is also taken one step early or late: clocks of telephones are off, and people type slowly."""
DIGITS = 6
SECRET_CHARACTERS = 32

_DECODER = msgspec.msgpack.Decoder(Sealed)


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return pyotp.random_base32(SECRET_CHARACTERS)


def is_secret(text: str) -> bool:
    """Whether it can be one that `new_secret` made."""
    return len(text) == SECRET_CHARACTERS and all(letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for letter in text)


def qr_code(secret: str, name: str) -> str:
    """An `<svg>` element for the page itself, which a `default-src 'self'` lets be."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return segno.make(uri, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")


def step_of(secret: str, code: str, now: float) -> int | None:
    """The time step whose code this is, within STEPS_OFF_MAX of now; None where it is none."""
    digits = "".join(code.split())
    totp = pyotp.TOTP(secret)
    current = int(now) // STEP_SECONDS
    found = None
    for step in range(current - STEPS_OFF_MAX, current + STEPS_OFF_MAX + 1):
        expected = totp.generate_otp(step)
        if hmac.compare_digest(expected.encode(), digits.encode("utf-8", "surrogatepass")):
            found = step
    return found


def seal_secret(secret: str, person_id: int, keys: KeyRing) -> bytes:
    """What `console_users.totp_secret` holds."""
    cipher = keys.get(keys.current) if keys.current is not None else None
    assert cipher is not None, "without a key nobody is offered a second factor"
    assert keys.current is not None, "there is a cipher"
    nonce = os.urandom(NONCE_BYTES)
    return msgspec.msgpack.encode(
        Sealed(keys.current, nonce, cipher.encrypt(nonce, secret.encode(), _bound_to(person_id)))
    )


def open_secret(sealed: bytes, person_id: int, keys: KeyRing) -> str | None:
    """The secret; None where its key is not here or the value is damaged: then no code is right."""
    try:
        value = _DECODER.decode(sealed)
        cipher = keys.get(value.key_id)
        return None if cipher is None else cipher.decrypt(value.nonce, value.box, _bound_to(person_id)).decode()
    except (msgspec.DecodeError, InvalidTag, ValueError):
        return None


def _bound_to(person_id: int) -> bytes:
    """Column and row: a value copied elsewhere does not open, neither here nor as the password of an account."""
    return b"identd console_users.totp_secret 1\x00" + person_id.to_bytes(8, "big", signed=True)
