"""The file of an import between its dry run and its writing: sealed, because there may be passwords in it.

Without a credentials key a file with passwords never gets here: none of them could be set.
"""

import os

from cryptography.exceptions import InvalidTag

from identd.credentials import NONCE_BYTES, KeyRing

_KEY_ID_BYTES = 4


class KeptFileError(Exception):
    """The file cannot be opened: the key was changed, or the row was tampered with."""


def seal_file(data: bytes, import_id: int, keys: KeyRing) -> tuple[bytes, bool]:
    """What to keep, and whether it is sealed (AES-256-GCM, bound to the import); without a key it is the file."""
    cipher = keys.get(keys.current) if keys.current is not None else None
    if keys.current is None or cipher is None:
        return data, False
    nonce = os.urandom(NONCE_BYTES)
    return keys.current + nonce + cipher.encrypt(nonce, data, _bound_to(import_id)), True


def open_file(kept: bytes, import_id: int, keys: KeyRing) -> bytes:
    """The file again. Raises `KeptFileError`."""
    cipher = keys.get(kept[:_KEY_ID_BYTES])
    if cipher is None:
        raise KeptFileError("sealed with a key that is not here")
    nonce, box = kept[_KEY_ID_BYTES : _KEY_ID_BYTES + NONCE_BYTES], kept[_KEY_ID_BYTES + NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, box, _bound_to(import_id))
    except (InvalidTag, ValueError):
        raise KeptFileError("damaged, or of another import") from None


def _bound_to(import_id: int) -> bytes:
    return b"identd imports.file 1\x00" + import_id.to_bytes(8, "big")
