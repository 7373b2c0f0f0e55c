"""What is typed about a password: nothing changes nothing, and every form of keeping it is said."""

from typing import Any

import msgspec
import pytest

from console.errors import FieldErrors
from console.objects.account import AccountDraft, KeepPassword, PasswordChange, RemovePassword, SetPassword
from console.objects.password_fields import REALMS_MAX, has_password_after, read_password, read_password_values
from identd.credentials import HA1_MAX

NAMED = AccountDraft(client_id=1, name="a", ident_by="name", ident_name="rose")
BY_IP = AccountDraft(client_id=1, name="a", ident_by="ip", ip=("10.0.0.1",))
COLON = msgspec.structs.replace(NAMED, ident_name="ro:se")


@pytest.mark.parametrize(
    ("values", "source", "change"),
    [
        ({}, "form", KeepPassword()),
        ({"password": ""}, "line", KeepPassword()),
        ({"password": "", "password_remove": "on"}, "form", RemovePassword()),
        ({"password": " s3 cret ", "password_keep": "on"}, "form", SetPassword(" s3 cret ")),
        ({"password": "s3cret"}, "line", SetPassword("s3cret")),
        ({"password": "s3cret", "password_realms": "pbx, sip.example"}, "form",
         SetPassword("s3cret", sealed=False, realms=("pbx", "sip.example"))),
        ({"password": "s3cret", "password_keep": "no", "password_realms": "pbx"}, "line",
         SetPassword("s3cret", sealed=False, realms=("pbx",))),
    ],
)  # fmt: skip
def test_a_password_is_kept_as_was_chosen(values: dict[str, str], source: Any, change: PasswordChange) -> None:
    assert read_password(values, NAMED, source=source) == change


@pytest.mark.parametrize(
    ("values", "draft", "field", "sentence"),
    [
        ({"password": "x"}, NAMED, "password_keep", "Check that it may be shown again, or name the realms"),
        ({"password": "x", "password_remove": "on", "password_keep": "on"}, NAMED, "password_remove", "Either set"),
        ({"password": "é" * 128, "password_keep": "on"}, NAMED, "password", "Shorten it to 255 bytes: it has 256"),
        ({"password": "a\x00", "password_keep": "on"}, NAMED, "password", "NUL"),
        ({"password": "x", "password_realms": "a;b;c;d;e"}, NAMED, "password_realms", "at most 4"),
        ({"password": "x", "password_realms": "r" * 256}, NAMED, "password_realms", "Shorten it"),
        ({"password": "x", "password_realms": "pbx"}, BY_IP, "password_realms", "known by Name"),
        ({"password": "x", "password_realms": "pbx"}, COLON, "password_realms", "colon"),
        ({"password_keep": "perhaps"}, NAMED, "password_keep", "write yes or no"),
    ],
)
def test_what_cannot_be_kept_is_told_at_its_field(
    values: dict[str, str], draft: AccountDraft, field: str, sentence: str
) -> None:
    with pytest.raises(FieldErrors) as caught:
        read_password(values, draft)
    assert list(caught.value.errors) == [field]
    assert sentence in caught.value.errors[field]


def test_no_error_repeats_the_password() -> None:
    with pytest.raises(FieldErrors) as caught:
        read_password({"password": "s3cret\x00" * 50, "password_keep": "on"}, NAMED)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "change"),
    [
        ({}, KeepPassword()),
        ({"password": None}, RemovePassword()),
        ({"password": "s3cret"}, SetPassword("s3cret")),
        ({"password": "s3cret", "password_keep": False, "password_realms": ["pbx", "pbx"]},
         SetPassword("s3cret", sealed=False, realms=("pbx",))),
    ],
)  # fmt: skip
def test_the_api_sets_and_removes_a_password(values: Any, change: PasswordChange) -> None:
    assert read_password_values(values, NAMED) == change


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"password": ""}, "password"),
        ({"password": 5}, "password"),
        ({"password": "x", "password_keep": "yes"}, "password_keep"),
        ({"password": "x", "password_realms": "pbx"}, "password_realms"),
        ({"password": "x", "password_realms": [1]}, "password_realms"),
    ],
)
def test_json_of_another_type_is_told_at_its_field(values: Any, field: str) -> None:
    with pytest.raises(FieldErrors) as caught:
        read_password_values(values, NAMED)
    assert list(caught.value.errors) == [field]


def test_all_realms_that_may_be_named_fit_into_a_stored_password() -> None:
    assert REALMS_MAX * 2 <= HA1_MAX


@pytest.mark.parametrize(
    ("change", "after"),
    [(KeepPassword(), (False, True)), (RemovePassword(), (False, False)), (SetPassword("x"), (True, True))],
)
def test_whether_there_is_a_password_afterwards(change: PasswordChange, after: tuple[bool, bool]) -> None:
    assert (has_password_after(change, had=False), has_password_after(change, had=True)) == after
