"""Answers: the signature first, Proxy-State returned, and never longer than a packet."""

import pytest

from protocol.radius.answer import ATTRIBUTES_BYTES_MAX, AnswerTooLongError, answer
from protocol.radius.attribute import MESSAGE_AUTHENTICATOR, PROXY_STATE, attribute, vendor_attribute
from protocol.radius.packet import PACKET_BYTES_MAX, Code, decode, encode
from protocol.radius.secret import Secret

SECRET = Secret(b"testing123")
AUTHENTICATOR = bytes(range(16))
ASKED = decode(encode(Code.ACCESS_REQUEST, 200, AUTHENTICATOR, attribute(1, b"rose")))

ANSWERS = [
    (Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT, AUTHENTICATOR),
    (Code.ACCESS_REQUEST, Code.ACCESS_REJECT, AUTHENTICATOR),
    (Code.ACCOUNTING_REQUEST, Code.ACCOUNTING_RESPONSE, bytes(16)),
    (Code.STATUS_SERVER, Code.ACCESS_ACCEPT, AUTHENTICATOR),
    (Code.STATUS_SERVER, Code.ACCOUNTING_RESPONSE, AUTHENTICATOR),
]
"""Request, answer, and the authenticator over which the answer is signed."""


@pytest.mark.parametrize(("asked", "answered", "signed_over"), ANSWERS)
def test_answer_is_signed_first_and_sealed(asked: Code, answered: Code, signed_over: bytes) -> None:
    request = decode(encode(asked, 200, AUTHENTICATOR, b""))
    wire = answer(answered, request, attribute(18, b"hello") + vendor_attribute(9, 1, b"a=b"), SECRET)
    read = decode(wire)
    assert (read.code, read.identifier) == (answered, 200)
    assert list(read.firsts) == [MESSAGE_AUTHENTICATOR, 18, 9 << 8 | 1]
    unsigned = wire[:4] + signed_over + wire[20:22] + bytes(16) + wire[38:]
    assert read.first(MESSAGE_AUTHENTICATOR) == SECRET.hmac(unsigned)
    assert read.authenticator == SECRET.md5(wire[:4] + AUTHENTICATOR + wire[20:])


def test_answers_to_accounting_differ_by_identifier_authenticator_and_secret() -> None:
    secrets = (SECRET, Secret(b"testing124"))
    answered = set()
    for _ in range(2):  # what was kept of the first round is good for the second
        for secret in secrets:
            for identifier in (0, 255):
                for authenticator in (AUTHENTICATOR, bytes(16)):
                    request = decode(encode(Code.ACCOUNTING_REQUEST, identifier, authenticator, b""))
                    wire = answer(Code.ACCOUNTING_RESPONSE, request, b"", secret)
                    assert wire[22:38] == secret.hmac(wire[:4] + bytes(16) + wire[20:22] + bytes(16))
                    assert wire[4:20] == secret.md5(wire[:4] + authenticator + wire[20:])
                    answered.add(wire)
    assert len(answered) == 8


def test_proxy_state_comes_back_unchanged_and_in_order() -> None:
    states = [b"second", b"", b"first", b"x" * 253]
    wire = b"".join(attribute(PROXY_STATE, state) + attribute(31, b"1") for state in states)
    request = decode(encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, wire))
    assert decode(answer(Code.ACCESS_REJECT, request, b"", SECRET)).every(PROXY_STATE) == states


def test_no_proxy_state_is_made_up() -> None:
    assert PROXY_STATE not in decode(answer(Code.ACCESS_ACCEPT, ASKED, b"", SECRET)).firsts


def test_longest_answer_goes_out_and_no_longer_one() -> None:
    full = attribute(18, b"x" * 253) * 15
    full += attribute(18, b"x" * (ATTRIBUTES_BYTES_MAX - len(full) - 2))
    assert len(answer(Code.ACCESS_ACCEPT, ASKED, full, SECRET)) == PACKET_BYTES_MAX
    with pytest.raises(AnswerTooLongError, match="4059 bytes"):
        answer(Code.ACCESS_ACCEPT, ASKED, full + b"\0", SECRET)


def test_proxy_state_counts_too() -> None:
    request = decode(encode(Code.ACCESS_REQUEST, 1, AUTHENTICATOR, attribute(PROXY_STATE, b"p")))
    full = attribute(18, b"x" * 253) * 15
    full += attribute(18, b"x" * (ATTRIBUTES_BYTES_MAX - len(full) - 2 - 3))
    assert len(answer(Code.ACCESS_ACCEPT, request, full, SECRET)) == PACKET_BYTES_MAX
    with pytest.raises(AnswerTooLongError):
        answer(Code.ACCESS_ACCEPT, request, full + attribute(18, b""), SECRET)


def test_same_request_and_attributes_make_the_same_bytes() -> None:
    assert answer(Code.ACCESS_ACCEPT, ASKED, b"", SECRET) == answer(Code.ACCESS_ACCEPT, ASKED, b"", SECRET)
