"""Who knows the secret: Message-Authenticator and the seal of accounting."""

import pytest

from protocol.radius.attribute import attribute
from protocol.radius.authenticator import MessageAuthenticator, check_accounting, check_message_authenticator
from protocol.radius.packet import Code, MalformedError, decode, encode
from protocol.radius.secret import Secret

SECRET = Secret(b"testing123")
AUTHENTICATOR = bytes(range(16))
UNSIGNED = attribute(80, bytes(16))


def signed(code: Code, before: bytes, behind: bytes, secret: Secret = SECRET) -> bytes:
    """A request that is signed between the attributes before and behind; accounting is sealed too."""
    authenticator = bytes(16) if code == Code.ACCOUNTING_REQUEST else AUTHENTICATOR
    wire = encode(code, 1, authenticator, before + UNSIGNED + behind)
    at = 20 + len(before) + 2
    wire = wire[:at] + secret.hmac(wire) + wire[at + 16 :]
    return wire[:4] + secret.md5(wire) + wire[20:] if code == Code.ACCOUNTING_REQUEST else wire


@pytest.mark.parametrize("code", [Code.ACCESS_REQUEST, Code.STATUS_SERVER, Code.ACCOUNTING_REQUEST])
@pytest.mark.parametrize("before", [b"", attribute(1, b"rose")])
@pytest.mark.parametrize("behind", [b"", attribute(31, b"4420712345")])
def test_signed_request_is_good_until_one_bit_of_it_turns(code: Code, before: bytes, behind: bytes) -> None:
    wire = signed(code, before, behind)
    assert check_message_authenticator(decode(wire), SECRET) is MessageAuthenticator.GOOD
    sealed_apart = range(4, 20) if code == Code.ACCOUNTING_REQUEST else ()
    for at in (1, *range(4, len(wire))):
        turned = wire[:at] + bytes((wire[at] ^ 1,)) + wire[at + 1 :]
        try:
            packet = decode(turned)
        except MalformedError:
            continue  # a length turned: it is not even a packet
        if at not in sealed_apart:
            assert check_message_authenticator(packet, SECRET) is not MessageAuthenticator.GOOD, at


def test_other_secret_makes_a_bad_signature() -> None:
    wire = signed(Code.ACCESS_REQUEST, b"", b"", Secret(b"testing124"))
    assert check_message_authenticator(decode(wire), SECRET) is MessageAuthenticator.BAD


def test_unsigned_request_is_neither_good_nor_bad() -> None:
    packet = decode(encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, attribute(1, b"rose")))
    assert check_message_authenticator(packet, SECRET) is MessageAuthenticator.ABSENT


def test_second_signature_spoils_the_first() -> None:
    wire = encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, UNSIGNED + UNSIGNED)
    wire = wire[:22] + SECRET.hmac(wire) + wire[38:]
    assert check_message_authenticator(decode(wire), SECRET) is MessageAuthenticator.BAD


def test_forged_signature_before_the_right_one_spoils_it() -> None:
    wire = encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, attribute(80, b"A" * 16) + UNSIGNED)
    wire = wire[:40] + SECRET.hmac(wire) + wire[56:]
    assert check_message_authenticator(decode(wire), SECRET) is MessageAuthenticator.BAD


@pytest.mark.parametrize("size", [0, 15, 17, 253])
def test_signature_of_another_length_is_bad(size: int) -> None:
    packet = decode(encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, attribute(80, bytes(size))))
    assert check_message_authenticator(packet, SECRET) is MessageAuthenticator.BAD


def test_padding_is_not_signed() -> None:
    wire = signed(Code.ACCESS_REQUEST, b"", b"") + b"padding"
    assert check_message_authenticator(decode(wire), SECRET) is MessageAuthenticator.GOOD


def test_accounting_is_sealed_over_everything() -> None:
    unsealed = encode(Code.ACCOUNTING_REQUEST, 1, bytes(16), attribute(40, b"\0\0\0\x01") + attribute(44, b"a84b4c"))
    wire = unsealed[:4] + SECRET.md5(unsealed) + unsealed[20:]
    assert check_accounting(decode(wire), SECRET)
    assert check_accounting(decode(wire + b"padding"), SECRET)
    assert not check_accounting(decode(wire), Secret(b"testing124"))
    assert not check_accounting(decode(unsealed), SECRET)
    for at in (1, *range(4, 20), *range(22, 26), *range(28, len(wire))):
        turned = wire[:at] + bytes((wire[at] ^ 1,)) + wire[at + 1 :]
        assert not check_accounting(decode(turned), SECRET), at
