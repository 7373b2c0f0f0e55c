"""Codes by time: when one is right, and that the secret is kept sealed for one person."""

import pyotp
import pytest

from console.people.second_factor import (
    STEP_SECONDS,
    is_secret,
    new_secret,
    open_secret,
    qr_code,
    seal_secret,
    step_of,
)
from identd.credentials import KeyRing

KEYS = KeyRing((bytes(32),))
NOW = 1_800_000_000.0
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_a_code_is_right_in_its_step_and_one_beside_it():
    code = pyotp.TOTP(SECRET).at(int(NOW))
    step = int(NOW) // STEP_SECONDS
    for steps_off, found in ((-2, None), (-1, step), (0, step), (1, step), (2, None)):
        assert step_of(SECRET, code, NOW + steps_off * STEP_SECONDS) == found


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-1], lambda c: c + "0", lambda c: "", lambda c: "٠" * 6, lambda c: "\ud800"]
)
def test_anything_else_is_no_code(spoil):
    assert step_of(SECRET, spoil(pyotp.TOTP(SECRET).at(int(NOW))), NOW) is None


def test_a_code_is_read_with_spaces_as_apps_show_it():
    code = pyotp.TOTP(SECRET).at(int(NOW))
    assert step_of(SECRET, f" {code[:3]} {code[3:]} ", NOW) is not None


def test_a_secret_is_sealed_for_one_person_and_opens_for_nobody_else():
    secret = new_secret()
    assert is_secret(secret)
    sealed = seal_secret(secret, 7, KEYS)
    assert secret.encode() not in sealed
    assert open_secret(sealed, 7, KEYS) == secret
    assert open_secret(sealed, 8, KEYS) is None
    assert open_secret(sealed, 7, KeyRing((bytes([1]) * 32,))) is None
    assert open_secret(sealed, 7, KeyRing()) is None
    for end in range(len(sealed)):
        assert open_secret(sealed[:end], 7, KEYS) is None


@pytest.mark.parametrize("text", ["", "x", SECRET[:-1], SECRET.lower(), SECRET[:-1] + "1", SECRET[:-1] + "\n"])
def test_what_a_form_brings_back_is_a_secret_of_ours_or_none(text: str):
    assert not is_secret(text)


def test_the_picture_is_an_element_without_style_or_script():
    """The policy of the console lets no inline style be."""
    picture = qr_code(SECRET, "<b>anna</b>&\"'")
    assert picture.startswith("<svg")
    assert picture.count("<") == picture.count(">")
    for forbidden in ("style", "script", "<b>", "anna", "http:"):
        assert forbidden not in picture
