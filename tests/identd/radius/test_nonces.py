"""Nonces without memory: known again for whom and for as long as they were made, and for nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identd.radius.nonces import KEY_BYTES, NONCE_SECONDS, Nonces
from tests.identd.building import NOW

NONCES = Nonces(bytes(KEY_BYTES))
SALT, SPACE = b"a salt", b"gw1 sip.example"


@pytest.mark.parametrize(
    ("age", "fresh"), [(0.0, True), (NONCE_SECONDS - 0.01, True), (NONCE_SECONDS + 0.01, False), (86_400.0, False)]
)
def test_a_nonce_is_fresh_for_half_a_minute(age: float, fresh: bool) -> None:
    assert NONCES.is_fresh(NONCES.make(SPACE, SALT, NOW), SPACE, NOW + age) is fresh


def test_a_nonce_of_before_a_restart_or_for_somebody_else_is_none_of_ours() -> None:
    nonce = NONCES.make(SPACE, SALT, NOW)
    assert not Nonces(bytes(31) + b"\1").is_fresh(nonce, SPACE, NOW)
    assert not NONCES.is_fresh(nonce, b"gw2 sip.example", NOW)


def test_two_nonces_of_one_moment_differ_by_their_salt() -> None:
    assert NONCES.make(SPACE, SALT, NOW) != NONCES.make(SPACE, b"another", NOW)


@given(st.integers(0, 55), st.sampled_from("0123456789abcdef"))
def test_no_digit_of_a_nonce_can_be_changed(place: int, digit: str) -> None:
    nonce = NONCES.make(SPACE, SALT, NOW)
    changed = nonce[:place] + digit + nonce[place + 1 :]
    assert NONCES.is_fresh(changed, SPACE, NOW) is (changed == nonce)


@given(st.one_of(st.text(), st.text(min_size=56, max_size=56), st.text("0123456789abcdef", min_size=56, max_size=56)))
def test_no_text_of_a_strangers_is_a_nonce_of_ours(text: str) -> None:
    assert not NONCES.is_fresh(text, SPACE, NOW)
