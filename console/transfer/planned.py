"""What is to be written of a file that was checked, kept between the dry run and the writing. Pure but for the nonce.

A part is the lines of one turn in MessagePack, under AES-256-GCM where there is a key, because there may be passwords
in them. Without a key no line with a password passes the dry run, and a part is plain.
"""

import msgspec
from cryptography.exceptions import InvalidTag

from console.objects.account import (
    AccountDraft,
    KeepPassword,
    PasswordChange,
    RemovePassword,
    SetPassword,
)
from console.transfer.judging import Judged
from identd.credentials import NONCE_BYTES, KeyRing

_KEY_ID_BYTES = 4
_PLAIN = b"\x00" * _KEY_ID_BYTES


class PlanError(Exception):
    """A part cannot be opened: the key was changed, or somebody wrote into the table."""


class _Draft(AccountDraft, frozen=True, kw_only=True, array_like=True):
    """The same without the names of its fields: a third of the bytes."""


class PlannedLine(msgspec.Struct, frozen=True, array_like=True):
    """A line that creates an account, or changes the one with this id while its etag is still this."""

    line: int
    draft: _Draft
    account_id: int | None = None
    etag: str = ""
    password: str = ""
    is_sealed: bool = True
    realms: tuple[str, ...] = ()
    removes_password: bool = False

    @property
    def password_change(self) -> PasswordChange:
        """What becomes of the password."""
        if self.password:
            return SetPassword(self.password, self.is_sealed, self.realms)
        return RemovePassword() if self.removes_password else KeepPassword()

    def __repr__(self) -> str:  # a password must not reach a log through a repr
        return f"PlannedLine(line={self.line}, account_id={self.account_id})"


_DECODER = msgspec.msgpack.Decoder(tuple[PlannedLine, ...])


def planned(judged: Judged) -> PlannedLine | None:
    """What is to be written of a line; None where there is nothing."""
    if judged.draft is None or judged.line.outcome not in ("creates", "changes"):
        return None
    draft = _Draft(**{name: getattr(judged.draft, name) for name in AccountDraft.__struct_fields__})
    before, password = judged.before, judged.password
    line = PlannedLine(
        judged.line.line,
        draft,
        before.id if before is not None else None,
        before.etag if before is not None else "",
        removes_password=isinstance(password, RemovePassword),
    )
    if isinstance(password, SetPassword):
        return msgspec.structs.replace(
            line, password=password.text, is_sealed=password.sealed, realms=password.realms
        )
    return line


def seal_part(lines: tuple[PlannedLine, ...], import_id: int, part: int, keys: KeyRing, nonce: bytes) -> bytes:
    """The part as it is kept, bound to its place. `nonce`: 12 random bytes, never used twice."""
    data = msgspec.msgpack.encode(lines)
    cipher = keys.get(keys.current) if keys.current is not None else None
    if keys.current is None or cipher is None:
        assert not any(line.password for line in lines), "without a key no password passes the dry run"
        return _PLAIN + data
    return keys.current + nonce + cipher.encrypt(nonce, data, _bound_to(import_id, part))


def open_part(kept: bytes, import_id: int, part: int, keys: KeyRing) -> tuple[PlannedLine, ...]:
    """The lines again. Raises `PlanError`."""
    key_id, rest = kept[:_KEY_ID_BYTES], kept[_KEY_ID_BYTES:]
    try:
        if key_id == _PLAIN and not len(keys):
            return _DECODER.decode(rest)
        cipher = keys.get(key_id)
        if cipher is None:
            raise PlanError("sealed with a key that is not here")
        return _DECODER.decode(cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound_to(import_id, part)))
    except (InvalidTag, ValueError, msgspec.DecodeError) as error:
        raise PlanError("damaged, or of another import") from error


def _bound_to(import_id: int, part: int) -> bytes:
    return b"identd import_parts.lines 1\x00" + import_id.to_bytes(8, "big") + part.to_bytes(8, "big")
