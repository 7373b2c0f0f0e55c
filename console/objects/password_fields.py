"""What is typed about an account's password, as a change of it. Pure.

Apart from the other fields because it is never read back: what is left empty stays what it is, also in a file.
"""

from collections.abc import Mapping

from console.errors import FieldErrors
from console.objects import field_values as v
from console.objects.account import AccountDraft, KeepPassword, PasswordChange, RemovePassword, SetPassword
from console.objects.account_fields import PASSWORD_NAMES, Source
from console.objects.divided import divided
from console.objects.field_values import BadValueError, Json

PASSWORD, KEEP, REALMS, REMOVE = PASSWORD_NAMES
PASSWORD_BYTES_MAX = 255
REALMS_MAX = 4
"""Each is kept for two algorithms, and a stored password holds eight HA1 values (identd/credentials.py)."""

_HOW_KEPT = "Check that it may be shown again, or name the realms in which digest proves it"


def read_password(values: Mapping[str, str], draft: AccountDraft, *, source: Source = "form") -> PasswordChange:
    """From texts: `password` (exactly as typed; empty: stays), `password_keep`, `password_realms`, `password_remove`.

    `password_keep`: sealed, so that it can be shown again and proves CHAP and any realm; in a `line` unless it says
    no. `draft`: the account that it is for. Raises FieldErrors.
    """
    errors: dict[str, str] = {}
    keep = _flag(values, KEEP, errors, default=source == "line")
    remove = _flag(values, REMOVE, errors, default=False)
    return _change(values.get(PASSWORD, ""), keep, divided(values.get(REALMS, "")), remove, draft, errors)


def read_password_values(values: Mapping[str, Json], draft: AccountDraft) -> PasswordChange:
    """From typed JSON; `password` null removes it, left out it stays. Raises FieldErrors."""
    errors: dict[str, str] = {}
    password, keep, realms = values.get(PASSWORD), values.get(KEEP, True), values.get(REALMS)
    remove = PASSWORD in values and password is None
    if password is not None and not isinstance(password, str):
        errors[PASSWORD] = "Send a string, or null to remove the password"
        password = None
    elif password == "":
        errors[PASSWORD] = "Send null to remove the password: this is an empty string"
    if not isinstance(keep, bool):
        errors[KEEP] = "Send true or false"
        keep = True
    if realms is not None and not (isinstance(realms, list) and all(isinstance(realm, str) for realm in realms)):
        errors[REALMS] = "Send an array of strings"
        realms = None
    named = tuple(dict.fromkeys(realm for realm in realms or () if isinstance(realm, str)))
    return _change(password or "", keep, named, remove, draft, errors)


def has_password_after(change: PasswordChange, *, had: bool) -> bool:
    """Whether there is one when this change is saved."""
    return had if isinstance(change, KeepPassword) else isinstance(change, SetPassword)


def _flag(values: Mapping[str, str], name: str, errors: dict[str, str], *, default: bool) -> bool:
    text = values.get(name, "").strip()
    try:
        return v.flag(text) if text else default
    except BadValueError as fault:
        errors[name] = str(fault)
        return default


def _change(
    text: str, keep: bool, realms: tuple[str, ...], remove: bool, draft: AccountDraft, errors: dict[str, str]
) -> PasswordChange:
    if text and remove:
        errors[REMOVE] = "Either set a password or remove it: uncheck one"
    if text and not errors:
        _look_at(text, keep, realms, draft, errors)
    if errors:
        raise FieldErrors(errors)
    if text:
        return SetPassword(text, keep, realms)
    return RemovePassword() if remove else KeepPassword()


def _look_at(text: str, keep: bool, realms: tuple[str, ...], draft: AccountDraft, errors: dict[str, str]) -> None:
    try:
        v.line(text, PASSWORD_BYTES_MAX)
    except BadValueError as fault:
        errors[PASSWORD] = str(fault)
    try:
        for realm in realms:
            v.line(realm)
    except BadValueError as fault:
        errors[REALMS] = str(fault)
    if not keep and not realms:
        errors[KEEP] = _HOW_KEPT
    if len(realms) > REALMS_MAX:
        errors[REALMS] = f"Name at most {REALMS_MAX} realms, or let the password be shown again"
    if not realms:
        return
    if draft.ident_by != "name":
        errors[REALMS] = "Leave the realms empty: digest needs an account that is known by Name"
    elif ":" in (draft.ident_name or ""):
        errors[REALMS] = "Leave the realms empty: digest cannot prove a name with a colon"
