"""Keys and secrets as operators handle them: reading keys, making column values, gateway secrets.

`identd seal-password` and `identd gateway-secret` stand on this; the daemon reads keys and checks secrets with it.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from identd.credentials import (
    HA1_MAX,
    KEY_BYTES,
    NONCE_BYTES,
    STORED_BYTES_MAX,
    Algorithm,
    CredentialsError,
    KeyRing,
    StoredPassword,
    make_ha1,
    parse_stored,
    seal,
)
from identd.settings import Credentials

KEY_FILE_BYTES_MAX = 1024
SECRET_BYTES = 24  # 192 random bits: guessing is out of the question, so the hash need not be slow
SALT_BYTES = 16
NAME_BYTES_MAX = 255  # of accounts.ident_name, and of every string on the wire
ACCOUNT_ID_MAX = 2**63 - 1  # of accounts.id
_ALGORITHMS: tuple[Algorithm, ...] = ("MD5", "SHA-256")
_SCHEME = "sha256"
_TOO_OPEN = ((stat.S_IRWXO, "others may read it"), (stat.S_IWGRP, "its group may write it"))
"""Whoever may write the file chooses the key."""


def load_keys(settings: Credentials) -> KeyRing:
    """The keys in force: the one to seal with first, then earlier ones that still open. Raises `CredentialsError`."""
    keys = []
    if settings.key:
        keys.append(parse_key(settings.key, "IDENTD_CREDENTIALS_KEY"))
    keys += [read_key(Path(path)) for path in (settings.key_file, *settings.previous_key_files) if path]
    return KeyRing(tuple(keys))


def read_key(path: Path) -> bytes:
    """A key from a file that only its owner may write and others not even read. Raises `CredentialsError`."""
    return parse_key(_read_private(path, "key file").decode("ascii", "replace"), f"key file {path}")


def read_secret(path: Path) -> bytes:
    """A RADIUS client's secret from such a file: its bytes without white space around them. `CredentialsError`."""
    secret = _read_private(path, "secret file").strip()
    if not secret:
        raise CredentialsError(f"secret file {path}: is empty")
    return secret


def _read_private(path: Path, what: str) -> bytes:
    try:
        # O_NONBLOCK: a named pipe would have us wait for its writer for ever, before there is anything to look at
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(KEY_FILE_BYTES_MAX + 1) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise CredentialsError(f"{what} {path}: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise CredentialsError(f"{what} {path}: is no regular file")
    for bits, words in _TOO_OPEN:
        if mode & bits:
            raise CredentialsError(f"{what} {path}: {words}; chmod 640 or stricter")
    return text


def parse_key(text: str, where: str) -> bytes:
    """32 bytes as 64 hex digits or as base64, padded or not. Raises `CredentialsError` without quoting the text."""
    stripped = text.strip()
    for decode in (bytes.fromhex, _base64):
        try:
            key = decode(stripped)
        except (ValueError, binascii.Error):
            continue
        if len(key) == KEY_BYTES:
            return key
    raise CredentialsError(f"{where}: a key is {KEY_BYTES} bytes, as 64 hex digits or in base64")


def _base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def sealed_column(
    account_id: int, username: str, password: str, realms: Sequence[str] = (), key: bytes | None = None
) -> str:
    """What to write into `accounts.password`, as SQL understands it (`\\x…`). Raises `CredentialsError`.

    Sealed where a key is given, for what needs the password itself; HA1s of every algorithm for each realm. What is
    given back has been read as the daemon will read it: a value that it would not take is never made.
    """
    if not 1 <= account_id <= ACCOUNT_ID_MAX:
        raise CredentialsError(f"an account's id is a number from 1 to {ACCOUNT_ID_MAX}")
    for what, text in (("a username", username), *(("a realm", realm) for realm in realms)):
        if not _is_text(text):
            raise CredentialsError(f"{what} is UTF-8 text without a zero character")
        if len(text.encode()) > NAME_BYTES_MAX:
            raise CredentialsError(f"{what} has up to {NAME_BYTES_MAX} bytes: nobody could ask with a longer one")
    realms = tuple(dict.fromkeys(realms))
    if len(realms) * len(_ALGORITHMS) > HA1_MAX:
        raise CredentialsError(f"an account has HA1s for at most {HA1_MAX // len(_ALGORITHMS)} realms")
    if key is None and not realms:
        raise CredentialsError("without a key a password can only be kept as HA1: name a realm")
    sealed = None if key is None else seal(password, account_id, KeyRing((key,)), os.urandom(NONCE_BYTES))
    ha1 = tuple(make_ha1(algorithm, realm, username, password) for realm in realms for algorithm in _ALGORITHMS)
    value = StoredPassword(ha1=ha1, sealed=sealed).to_bytes()
    if len(value) > STORED_BYTES_MAX:
        raise CredentialsError(
            f"the value would have {len(value)} bytes, and accounts.password has up to {STORED_BYTES_MAX}:"
            " name fewer realms, or shorter ones"
        )
    parse_stored(value)
    return "\\x" + value.hex()


def _is_text(text: str) -> bool:
    """What PostgreSQL and the wire can carry; a byte of the command line that is no UTF-8 is a lone surrogate."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def new_secret() -> str:
    """A secret for a gateway."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str, salt: bytes | None = None) -> str:
    """What to write into `gateways.secret_hash`: `sha256$salt$hash`.

    One fast hash on purpose: `hello` is checked on the thread that answers calls, and our secrets are random.
    """
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    return f"{_SCHEME}${salt.hex()}${_digest(salt, secret)}"


def verify_secret(secret_hash: str | None, secret: str) -> bool:
    """Whether the secret is the gateway's, in constant time; no hash, or one of another form, costs the same."""
    scheme, _, rest = (secret_hash or _DECOY).partition("$")
    salt_hex, _, expected = rest.partition("$")
    try:
        salt = bytes.fromhex(salt_hex)
    except ValueError:
        salt, scheme = b"", ""
    same = hmac.compare_digest(_digest(salt, secret).encode(), expected.lower().encode())
    return same and scheme == _SCHEME and bool(secret_hash)


def _digest(salt: bytes, secret: str) -> str:
    return hashlib.sha256(salt + secret.encode()).hexdigest()


_DECOY = hash_secret("", bytes(SALT_BYTES))
