"""The password of an account as its column holds it: made from what an operator set, opened to be shown.

Sealed values are bound to the account's id, HA1 values to the name it is known by (identd/credentials.py): whoever
changes that name must give the password again where only HA1 is kept. The column never leaves the store.
"""

import os

from console.errors import FieldErrors
from console.objects.account import AccountDraft, SetPassword
from identd.credentials import (
    HA1_MAX,
    NONCE_BYTES,
    STORED_BYTES_MAX,
    Algorithm,
    CredentialsError,
    KeyRing,
    StoredPassword,
    make_ha1,
    open_sealed,
    parse_stored,
    seal,
)

_ALGORITHMS: tuple[Algorithm, ...] = ("MD5", "SHA-256")
REALMS_MAX = HA1_MAX // len(_ALGORITHMS)


def column_of(change: SetPassword, account_id: int, ident_name: str | None, keys: KeyRing) -> bytes:
    """What accounts.password will hold. FieldErrors at `password` where it cannot be made."""
    realms = tuple(dict.fromkeys(change.realms))
    if change.sealed and keys.current is None:
        raise FieldErrors(
            {"password": "There is no key to keep it with: set credentials.key_file in the configuration first."}
        )
    if not change.sealed and not realms:
        raise FieldErrors({"password": "Kept as HA1 it needs the realm of your switch: name at least one."})
    if realms and ident_name is None:
        raise FieldErrors({"password": "HA1 is bound to the name: it needs an account that is known by name."})
    if len(realms) > REALMS_MAX:
        raise FieldErrors({"password": f"Name at most {REALMS_MAX} realms."})
    try:
        sealed = seal(change.text, account_id, keys, os.urandom(NONCE_BYTES)) if change.sealed else None
        ha1 = tuple(
            make_ha1(algorithm, realm, ident_name or "", change.text) for realm in realms for algorithm in _ALGORITHMS
        )
    except CredentialsError as error:  # a password's length, or a colon in the name; its texts quote neither
        raise FieldErrors({"password": f"{str(error).capitalize()}."}) from error
    value = StoredPassword(ha1=ha1, sealed=sealed).to_bytes()
    if len(value) > STORED_BYTES_MAX:
        raise FieldErrors({"password": "These realms take too much space: name fewer, or shorter ones."})
    return value


def outlives(column: bytes, ident_name_before: str | None, draft: AccountDraft) -> bool:
    """Whether a stored password is still of use to the account that `draft` describes."""
    if draft.ident_name == ident_name_before:
        return True
    try:
        stored = parse_stored(column)
    except CredentialsError:
        return True  # of no use already, and saying so is not for whoever changes the name
    return stored.sealed is not None


def reveal(column: bytes, account_id: int, keys: KeyRing) -> str | None:
    """The password in clear, where it is kept so and one of the keys opens it; else None."""
    try:
        return open_sealed(parse_stored(column), account_id, keys)
    except CredentialsError:
        return None
