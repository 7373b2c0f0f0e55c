"""Passwords of accounts: how the column `accounts.password` holds them, and whether a request proves one.

The column is `idp1` and an array in MessagePack: HA1 values (RFC 7616 §3.4.2: H(username:realm:password), enough for
digest in one realm) and a sealed value (AES-256-GCM, bound to the account's id, for what must come back in clear).
The key is never in the database. HA1 stands in for the password in its realm: the column stays as secret as one.

Pure. Every path of `Prover` does the same work, whether the account exists, has either form, or can be opened: how
long a refusal takes tells nobody which names exist. Nothing is cached, for the same reason.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from matcher.account import Account
from matcher.attempt import CallAttempt, ChapResponse, ClearPassword, DigestResponse

MAGIC = b"idp1"
STORED_BYTES_MAX = 4096
KEY_BYTES = 32
NONCE_BYTES = 12
HA1_MAX = 8
"""Realms × algorithms of one account; more is a mistake and would make its refusals slower than others."""

PASSWORD_BYTES_MAX = 255
PADDED_TO_BYTES = 64
"""A sealed value is padded to whole such blocks: the length of a password is not in the database either."""

Algorithm = Literal["MD5", "SHA-256"]
OnUnusable = Callable[[int, str], None]
"""(account id, why its stored password cannot be used); told at each attempt, so the listener bounds its log."""

ALGORITHMS: dict[str, tuple[Algorithm, bool]] = {
    "MD5": ("MD5", False),
    "MD5-SESS": ("MD5", True),
    "SHA-256": ("SHA-256", False),
    "SHA-256-SESS": ("SHA-256", True),
}
"""RFC 7616 §3.3 and RFC 8760 §2, upper-cased -> (the hash, whether HA1 is bound to the session)."""


class CredentialsError(ValueError):
    """A stored value or a key is not what it must be. The message never has a secret in it."""


class Ha1(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """H(username:realm:password), bound to the name it was made for: in another's row it proves nothing."""

    algorithm: Algorithm
    realm: str
    username: str
    value: bytes

    def __repr__(self) -> str:
        return f"Ha1({self.algorithm}, realm={self.realm!r}, username={self.username!r})"


class Sealed(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A password under AES-256-GCM. `key_id` says with which key, so that keys can be changed one row at a time."""

    key_id: bytes
    nonce: bytes
    box: bytes


class StoredPassword(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What the column holds: HA1 values, a sealed value, or both."""

    ha1: tuple[Ha1, ...] = ()
    sealed: Sealed | None = None

    def to_bytes(self) -> bytes:
        return MAGIC + msgspec.msgpack.encode(self)


_DECODER = msgspec.msgpack.Decoder(StoredPassword)


def parse_stored(value: bytes) -> StoredPassword:
    """The column's value as a type. CredentialsError for anything else: clear text, a torn value, a later version."""
    if not value.startswith(MAGIC) or len(value) > STORED_BYTES_MAX:
        raise CredentialsError("not a value that `identd seal-password` makes")
    try:
        stored = _DECODER.decode(value[len(MAGIC) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsError("damaged") from None
    if len(stored.ha1) > HA1_MAX or any(len(ha1.value) != _hash(ha1.algorithm).digest_size for ha1 in stored.ha1):
        raise CredentialsError("an HA1 of the wrong length, or too many")
    return stored


class KeyRing:
    """The keys that open sealed passwords. The first seals; the others only open what was sealed before it."""

    __slots__ = ("_keys", "current")

    def __init__(self, keys: tuple[bytes, ...] = ()) -> None:
        for key in keys:
            if len(key) != KEY_BYTES:
                raise CredentialsError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
        self.current: bytes | None = key_id(keys[0]) if keys else None
        self._keys = {key_id(key): AESGCM(key) for key in keys}

    def get(self, wanted: bytes) -> AESGCM | None:
        return self._keys.get(wanted)

    def __len__(self) -> int:
        return len(self._keys)


def key_id(key: bytes) -> bytes:
    """Four bytes that tell keys apart and say nothing about the key."""
    return hashlib.sha256(b"identd key id\x00" + key).digest()[:4]


def seal(password: str, account_id: int, keys: KeyRing, nonce: bytes) -> Sealed:
    """Seal under the current key for this account's row alone. `nonce`: 12 random bytes, never used twice."""
    cipher = keys.get(keys.current) if keys.current is not None else None
    if keys.current is None or cipher is None:
        raise CredentialsError("there is no key to seal with")
    if len(nonce) != NONCE_BYTES:
        raise CredentialsError(f"a nonce has {NONCE_BYTES} bytes")
    return Sealed(keys.current, nonce, cipher.encrypt(nonce, _pad(_checked(password)), _bound_to(account_id)))


def open_sealed(stored: StoredPassword, account_id: int, keys: KeyRing) -> str:
    """The password in clear, for an operator who asks to see it; the account's calls are judged by `Prover`.

    Raises `CredentialsError` where it is kept as HA1 only, or no key here opens it, or it is another account's.
    """
    cipher = keys.get(stored.sealed.key_id) if stored.sealed is not None else None
    if stored.sealed is None or cipher is None:
        raise CredentialsError("not sealed, or sealed with a key that is not here")
    try:
        clear = _unpad(cipher.decrypt(stored.sealed.nonce, stored.sealed.box, _bound_to(account_id)))
        return clear.decode("utf-8", "surrogatepass")
    except (InvalidTag, ValueError):
        raise CredentialsError("damaged, or copied from another account's row") from None


def make_ha1(algorithm: Algorithm, realm: str, username: str, password: str) -> Ha1:
    """The HA1 of one realm and algorithm. A `:` in the username would make two names one (RFC 7616 §3.4.2)."""
    if ":" in username:
        raise CredentialsError("a username for digest has no colon")
    return Ha1(algorithm, realm, username, _ha1(algorithm, username, realm, _checked(password)))


def digest_response(ha1: bytes, answer: DigestResponse, algorithm: Algorithm, *, in_session: bool) -> bytes:
    """The `response` that proves `ha1` (RFC 7616 §3.4.1; without qop as RFC 2069), as lower-case hex."""
    nonce, cnonce = _bytes(answer.nonce), _bytes(answer.cnonce or "")
    key = ha1.hex().encode()
    if in_session:
        key = _hash(algorithm, b":".join((key, nonce, cnonce))).hexdigest().encode()
    request = _hash(algorithm, _bytes(answer.method) + b":" + _bytes(answer.uri)).hexdigest().encode()
    parts: tuple[bytes, ...] = (key, nonce, request)
    if answer.qop is not None:
        parts = (key, nonce, _bytes(answer.nc or ""), cnonce, _bytes(answer.qop), request)
    return _hash(algorithm, b":".join(parts)).hexdigest().encode()


def chap_response(identifier: int, password: bytes, challenge: bytes) -> bytes:
    """The 16 bytes that prove a password (RFC 1994 §4.1). `identifier`: 0 to 255."""
    return hashlib.md5(bytes((identifier,)) + password + challenge, usedforsecurity=False).digest()


def _ignore(account_id: int, reason: str) -> None:
    """Nobody listens."""


class Prover:
    """Whether a request proves an account's password: `prover(account, attempt)`, as the matcher asks.

    A stored value that cannot be opened proves nothing and raises nothing; `on_unusable` hears of it.
    """

    __slots__ = ("_keys", "_on_unusable")

    def __init__(self, keys: KeyRing, on_unusable: OnUnusable = _ignore) -> None:
        self._keys = keys
        self._on_unusable = on_unusable

    def use(self, keys: KeyRing) -> None:
        """From now on these keys: a reload of the configuration."""
        self._keys = keys

    def __call__(self, account: Account | None, attempt: CallAttempt) -> bool:
        """Constant in what is stored; `account` None is a name that nobody has. No credentials prove nothing."""
        match attempt.credentials:
            case ClearPassword(password):
                return self._clear(account, password)
            case DigestResponse() as answer:
                return self._digest(account, answer)
            case ChapResponse() as chap:
                return self._chap(account, chap)
        return False

    def _clear(self, account: Account | None, password: str) -> bool:
        stored, clear = self._open(account)
        presented = _bytes(password)
        # Any one HA1 tells whether the password is right; the work is one HA1 whether there are none or eight.
        ha1 = stored.ha1[0] if stored.ha1 else _DECOY_HA1
        name = account.ident_name if account is not None else None
        by_ha1 = hmac.compare_digest(_ha1(ha1.algorithm, ha1.username, ha1.realm, presented), ha1.value)
        # hashed, so that comparing does not depend on where or how long the two differ
        by_seal = hmac.compare_digest(hashlib.sha256(presented).digest(), hashlib.sha256(clear or _DECOY).digest())
        return (by_seal & (clear is not None)) | (by_ha1 & bool(stored.ha1) & (ha1.username == name))

    def _digest(self, account: Account | None, answer: DigestResponse) -> bool:
        algorithm, in_session = ALGORITHMS.get(answer.algorithm.upper(), ("SHA-256", False))
        stored, clear = self._open(account)
        derived = _ha1(algorithm, answer.username, answer.realm, clear or _DECOY)
        kept = next(
            (
                ha1.value
                for ha1 in stored.ha1
                if (ha1.algorithm, ha1.realm, ha1.username) == (algorithm, answer.realm, answer.username)
            ),
            None,
        )
        expected = digest_response(kept or derived, answer, algorithm, in_session=in_session)
        is_right = hmac.compare_digest(expected, _bytes(answer.response.lower()))
        is_known = (clear is not None or kept is not None) and account is not None
        return (
            is_right & is_known & _is_whole(answer) & (account is not None and answer.username == account.ident_name)
        )

    def _chap(self, account: Account | None, chap: ChapResponse) -> bool:
        """RFC 1994 §4.1 hashes the password itself, so an account that keeps HA1s alone proves nothing this way."""
        _, clear = self._open(account)
        expected = chap_response(chap.identifier, clear or _DECOY, chap.challenge)
        return hmac.compare_digest(expected, chap.response) & (clear is not None)

    def _open(self, account: Account | None) -> tuple[StoredPassword, bytes | None]:
        """What is stored, and the sealed password if any. Always opens one box, the account's or a decoy."""
        stored, trouble = _NOTHING, None
        value = account.password if account is not None else None
        try:
            parsed = parse_stored(_DECOY_STORED if value is None else value)
            stored = _NOTHING if value is None else parsed
        except CredentialsError as error:
            trouble = str(error)
        sealed, bound_to = stored.sealed, _bound_to(account.id if account is not None else 0)
        cipher = self._keys.get(sealed.key_id) if sealed is not None else None
        if sealed is not None and cipher is None:
            trouble = "sealed with a key that is not here"
        if sealed is None or cipher is None:
            sealed, cipher, bound_to = _DECOY_SEALED, _DECOY_CIPHER, _bound_to(0)
        try:
            clear: bytes | None = _unpad(cipher.decrypt(sealed.nonce, sealed.box, bound_to))
        except (InvalidTag, ValueError):  # ValueError: a nonce or box of impossible length
            clear, trouble = None, "damaged, or copied from another account's row"
        if trouble is not None and account is not None:
            self._on_unusable(account.id, trouble)
        return stored, None if sealed is _DECOY_SEALED else clear


def _is_whole(answer: DigestResponse) -> bool:
    """Whether we can judge it: an algorithm of the table, no qop or `auth`; `auth-int` would need the body."""
    return (
        answer.algorithm.upper() in ALGORITHMS
        and (answer.qop is None or (answer.qop == "auth" and bool(answer.nc) and bool(answer.cnonce)))
        and (not answer.algorithm.upper().endswith("-SESS") or bool(answer.cnonce))
    )


def _hash(algorithm: Algorithm, data: bytes = b"") -> "hashlib._Hash":
    if algorithm == "MD5":  # what most SIP phones still answer with; RFC 8760 keeps it for them
        return hashlib.md5(data, usedforsecurity=False)
    return hashlib.sha256(data)


def _ha1(algorithm: Algorithm, username: str, realm: str, password: bytes) -> bytes:
    return _hash(algorithm, _bytes(username) + b":" + _bytes(realm) + b":" + password).digest()


def _bytes(text: str) -> bytes:
    return text.encode(
        "utf-8", "surrogatepass"
    )  # never raises: a lone surrogate proves nothing, but must not stop us


def _checked(password: str) -> bytes:
    data = _bytes(password)
    if not 1 <= len(data) <= PASSWORD_BYTES_MAX:
        raise CredentialsError(f"a password has 1 to {PASSWORD_BYTES_MAX} bytes")
    return data


def _pad(clear: bytes) -> bytes:
    return (clear + b"\x80").ljust(-(-(len(clear) + 1) // PADDED_TO_BYTES) * PADDED_TO_BYTES, b"\x00")


def _unpad(padded: bytes) -> bytes:
    return padded.rstrip(b"\x00")[:-1]


def _bound_to(account_id: int) -> bytes:
    """What AES-GCM authenticates beside the box: column and row, so that a value copied elsewhere does not open."""
    return b"identd accounts.password 1\x00" + account_id.to_bytes(8, "big", signed=True)


_NOTHING = StoredPassword()
_DECOY = b"nobody's password"
_DECOY_HA1 = Ha1("MD5", "", "", bytes(16))
_DECOY_CIPHER = AESGCM(bytes(KEY_BYTES))  # seals nothing of worth: it only has to cost what a real one costs
_DECOY_SEALED = Sealed(
    bytes(4), bytes(NONCE_BYTES), _DECOY_CIPHER.encrypt(bytes(NONCE_BYTES), _pad(_DECOY), _bound_to(0))
)
_DECOY_STORED = StoredPassword((_DECOY_HA1, _DECOY_HA1), _DECOY_SEALED).to_bytes()
