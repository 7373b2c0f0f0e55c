"""One line of a file: what it would do to which account, or what is wrong with it. Pure.

A line with an id changes that account; without one it creates, or changes the account of its client and name where
that was asked for. Columns that the file does not have stay as they are; an empty cell clears, but for the password,
which nobody could have exported: an empty cell keeps it.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from console.errors import FieldErrors
from console.objects.account import (
    Account,
    AccountDraft,
    KeepPassword,
    PasswordChange,
    RemovePassword,
    SetPassword,
)
from console.objects.account_fields import FIELDS, PASSWORD_NAMES, changes, read_text
from console.objects.divided import divided
from console.objects.password_fields import read_password
from console.objects.references import Kind, References
from console.objects.row_id import read_id
from console.transfer.format import Record
from console.transfer.imports import ImportLine, Outcome

ID, PASSWORD = "id", PASSWORD_NAMES[0]
EXPORTED: Final = (ID, *(field.name for field in FIELDS))
"""All that a file of ours has."""
COLUMNS: Final = (*EXPORTED, *PASSWORD_NAMES)
"""All that a file may have."""

SHOWN_CHARACTERS_MAX = 500
"""Of one value in the report of a line: 4,096 networks are not read there."""

_REFERRING = tuple((field.name, field.refers_to, field.kind == "references") for field in FIELDS if field.refers_to)
_SAID_OTHERWISE = frozenset({ID, "client", "name", *PASSWORD_NAMES})
_NO_KEY = "There is no key to keep it with until it is written: set credentials.key_file in the configuration first."


class Judged(msgspec.Struct, frozen=True):
    """What a line would do, and, where it creates or changes, with what."""

    line: ImportLine
    draft: AccountDraft | None = None
    before: Account | None = None
    password: PasswordChange = KeepPassword()


def references_of(cells: Mapping[str, str]) -> set[tuple[Kind, str]]:
    """What the cells refer to, to be looked up before the line can be judged."""
    wanted: set[tuple[Kind, str]] = set()
    for name, kind, is_several in _REFERRING:
        text = cells.get(name)
        if text:
            wanted.update((kind, one) for one in (divided(text) if is_several else (text.strip(),)) if one)
    return wanted


def account_id_of(cells: Mapping[str, str]) -> int | None:
    """The id that the line gives; None for none. FieldErrors where it is no id."""
    text = cells.get(ID, "").strip()
    if not text:
        return None
    account_id = read_id(text)
    if account_id is None:
        raise FieldErrors(
            {ID: f"{text[:40]!r} is no id: give a whole number, or leave it empty to create an account."}
        )
    return account_id


def key_of(cells: Mapping[str, str], before: Account | None, references: References) -> tuple[int, str] | None:
    """(client id, name) that the account would have; None where the line does not say."""
    client_id = before.client_id if before is not None else None
    name = before.name if before is not None else ""
    if "client" in cells:
        client_id = references.ids.get(("client", cells["client"].strip()))
    if "name" in cells:
        name = cells["name"].strip()
    return None if client_id is None or not name else (client_id, name)


def judge(
    record: Record,
    before: Account | None,
    holder: int | None,
    references: References,
    *,
    update_existing: bool,
    has_key: bool,
) -> Judged:
    """What the line would do.

    `before`: the account of its id, or of its client and name; `holder`: the id of whoever has the name that the
    account would have; `has_key`: passwords can be sealed.
    """
    cells = record.cells
    account = " / ".join(cells.get(name, "").strip()[:100] for name in ("client", "name") if cells.get(name))
    if not account and before is not None:
        account = f"{before.client} / {before.name}"
    try:
        if record.error:
            raise FieldErrors({"": record.error})
        account_id = account_id_of(cells)
        if account_id is not None and before is None:
            raise FieldErrors({ID: f"There is no account {account_id}: leave the id empty to create one."})
        return _judged(record, account, before, holder, references, update_existing, has_key)
    except FieldErrors as errors:
        return Judged(failed_line(record.line, account, errors.errors))


def _judged(
    record: Record,
    account: str,
    before: Account | None,
    holder: int | None,
    references: References,
    update_existing: bool,
    has_key: bool,
) -> Judged:
    cells = record.cells
    errors: dict[str, str] = {}
    draft: AccountDraft | None = None
    password: PasswordChange = KeepPassword()
    if holder is not None and (before is None or holder != before.id):
        errors["name"] = f"This client has an account of that name already: it is {holder}."
    elif before is not None and not cells.get(ID, "").strip() and not update_existing:
        errors["name"] = (
            f"This client has an account of that name already: give its id, {before.id}, "
            "or choose to change accounts that are there."
        )
    try:
        draft = read_text(cells, references, before=before, source="line")
        password = read_password(cells, draft, source="line")
        if isinstance(password, SetPassword) and not has_key:
            errors[PASSWORD] = _NO_KEY
    except FieldErrors as wrong:
        errors.update(wrong.errors)
    if errors or draft is None:
        raise FieldErrors(errors)
    if before is None:
        outcome: Outcome = "creates"
        details = [
            (name, "", _short(text)) for name, text in cells.items() if text.strip() and name not in _SAID_OTHERWISE
        ]
    else:
        details = []
        if any(getattr(before, name) != getattr(draft, name) for name in AccountDraft.__struct_fields__):
            details = [
                (label, _short(was), _short(becomes)) for label, was, becomes in changes(before, draft, references)
            ]
        outcome = "changes" if details or not isinstance(password, KeepPassword) else "same"
    if not isinstance(password, KeepPassword):
        was = "set" if before is not None and before.has_password else ""
        details.append(
            ("Password", was, "" if isinstance(password, RemovePassword) else "set anew" if was else "set")
        )
    line = ImportLine(
        record.line,
        outcome,
        before.id if before is not None else None,
        account,
        tuple(details),
    )
    return Judged(line, draft, before, password)


def failed_line(line: int, account: str, errors: Mapping[str, str]) -> ImportLine:
    """A line that cannot be done, by field."""
    details = tuple((field, _short(text)) for field, text in errors.items())
    return ImportLine(line, "error", None, account, details)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"
