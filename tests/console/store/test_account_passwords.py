"""Passwords as the daemon reads them: what the console seals, the daemon's prover takes."""

import pytest

from console.errors import FieldErrors
from console.objects.account import AccountDraft, SetPassword
from console.store.account_passwords import REALMS_MAX, column_of, outlives, reveal
from identd.credentials import KeyRing, Prover
from matcher.account import Account
from matcher.attempt import CallAttempt, ClearPassword

KEYS = KeyRing((bytes(range(32)),))


def _proves(column: bytes, password: str, account_id: int = 7) -> bool:
    account = Account(id=account_id, client_id=1, name="x", ident_by="name", ident_name="rose", password=column)
    attempt = CallAttempt("orig", "44", None, None, name="rose", credentials=ClearPassword(password))
    return Prover(KEYS)(account, attempt)


@pytest.mark.parametrize(
    "change",
    [
        SetPassword("hunter2"),
        SetPassword("hunter2", sealed=False, realms=("sip.example.net",)),
        SetPassword("hunter2", realms=("a", "b", "a")),
    ],
)
def test_the_daemon_takes_the_password_that_was_set_and_no_other(change: SetPassword) -> None:
    column = column_of(change, 7, "rose", KEYS)
    assert _proves(column, "hunter2")
    assert not _proves(column, "hunter3")
    assert b"hunter2" not in column


def test_a_sealed_password_comes_back_for_its_own_account_alone() -> None:
    column = column_of(SetPassword("pässwörd"), 7, None, KEYS)
    assert reveal(column, 7, KEYS) == "pässwörd"
    assert reveal(column, 8, KEYS) is None
    assert reveal(column, 7, KeyRing((bytes(32),))) is None
    assert reveal(column, 7, KeyRing()) is None
    assert reveal(b"idp1nonsense", 7, KEYS) is None


def test_what_is_kept_as_ha1_does_not_come_back() -> None:
    assert reveal(column_of(SetPassword("x", sealed=False, realms=("r",)), 7, "rose", KEYS), 7, KEYS) is None


@pytest.mark.parametrize(
    ("change", "name", "keys", "says"),
    [
        (SetPassword("x"), "rose", KeyRing(), "credentials.key_file"),
        (SetPassword("x", sealed=False), "rose", KEYS, "at least one"),
        (SetPassword("x", realms=("r",)), None, KEYS, "known by name"),
        (SetPassword("x", realms=tuple(map(str, range(REALMS_MAX + 1)))), "rose", KEYS, "at most 4"),
        (SetPassword("x", realms=("r" * 4000,)), "rose", KEYS, "fewer"),
        (SetPassword("x", realms=("r",)), "ro:se", KEYS, "no colon"),
        (SetPassword(""), "rose", KEYS, "1 to 255"),
        (SetPassword("secret" * 50), "rose", KEYS, "1 to 255"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_not_quoted(
    change: SetPassword, name: str | None, keys: KeyRing, says: str
) -> None:
    with pytest.raises(FieldErrors) as refused:
        column_of(change, 7, name, keys)
    assert list(refused.value.errors) == ["password"]
    assert says in refused.value.errors["password"]
    assert "secret" not in refused.value.errors["password"]


def test_ha1_does_not_outlive_its_name_but_a_sealed_value_does() -> None:
    same = AccountDraft(client_id=1, name="x", ident_by="name", ident_name="rose")
    other = AccountDraft(client_id=1, name="x", ident_by="name", ident_name="rosa")
    by_address = AccountDraft(client_id=1, name="x", ident_by="ip", ip=("192.0.2.1",))
    ha1 = column_of(SetPassword("x", sealed=False, realms=("r",)), 7, "rose", KEYS)
    both = column_of(SetPassword("x", realms=("r",)), 7, "rose", KEYS)
    assert [outlives(ha1, "rose", draft) for draft in (same, other, by_address)] == [True, False, False]
    assert [outlives(both, "rose", draft) for draft in (same, other, by_address)] == [True, True, True]
    assert outlives(b"nonsense", "rose", other)
