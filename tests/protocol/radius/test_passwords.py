"""Passwords in packets: hidden ones and CHAP responses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.radius.attribute import CHAP_CHALLENGE, CHAP_PASSWORD, attribute
from protocol.radius.packet import Code, Packet, decode, encode
from protocol.radius.passwords import chap, hide, reveal
from protocol.radius.secret import Secret

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")


def asked(attributes: bytes) -> Packet:
    return decode(encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, attributes))


def test_password_of_rfc_2865_is_hidden_as_there() -> None:
    assert hide(b"arctangent", SECRET, AUTHENTICATOR).hex() == "0dbe708d93d413ce3196e43f782a0aee"


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=128).filter(lambda password: not password.endswith(b"\0")), st.binary(min_size=16, max_size=16)
)
def test_password_is_revealed_as_it_was_hidden(password: bytes, authenticator: bytes) -> None:
    hidden = hide(password, SECRET, authenticator)
    assert len(hidden) == max(16, (len(password) + 15) // 16 * 16)
    assert reveal(hidden, SECRET, authenticator) == password


@pytest.mark.parametrize("size", [0, 1, 15, 17, 127, 129, 144, 253])
def test_hidden_password_is_one_to_eight_whole_blocks(size: int) -> None:
    assert reveal(bytes(size), SECRET, AUTHENTICATOR) is None


def test_too_long_a_password_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="129 bytes"):
        hide(b"x" * 129, SECRET, AUTHENTICATOR)


def test_other_secret_reveals_something_else() -> None:
    assert reveal(hide(b"arctangent", SECRET, AUTHENTICATOR), Secret(b"xyzzy5462"), AUTHENTICATOR) != b"arctangent"


def test_chap_challenge_comes_along_or_is_the_authenticator() -> None:
    response = bytes(range(100, 116))
    own = chap(asked(attribute(CHAP_PASSWORD, b"\x16" + response) + attribute(CHAP_CHALLENGE, b"dare")))
    assert own is not None
    assert (own.ident, own.response, own.challenge) == (22, response, b"dare")
    without = chap(asked(attribute(CHAP_PASSWORD, b"\x16" + response)))
    assert without is not None
    assert without.challenge == AUTHENTICATOR


@pytest.mark.parametrize(
    "attributes",
    [
        b"",
        attribute(CHAP_CHALLENGE, b"dare"),
        attribute(CHAP_PASSWORD, bytes(16)),
        attribute(CHAP_PASSWORD, bytes(18)),
        attribute(CHAP_PASSWORD, bytes(17)) + attribute(CHAP_CHALLENGE, b""),
    ],
)
def test_no_chap_without_a_whole_response_and_a_challenge(attributes: bytes) -> None:
    assert chap(asked(attributes)) is None


def test_chap_response_does_not_show_itself() -> None:
    read = chap(asked(attribute(CHAP_PASSWORD, b"\x16" + b"response-of-sixt")))
    assert "response-of" not in repr(read)
