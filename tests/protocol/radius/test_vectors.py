"""Every block of vectors.txt, read by the codec, and what pyrad says of the same bytes."""

import hashlib
from typing import NamedTuple

import pytest
from pyrad.packet import Packet as PyradPacket

from protocol.radius.attribute import USER_PASSWORD, VENDOR_SPECIFIC
from protocol.radius.authenticator import MessageAuthenticator, check_accounting, check_message_authenticator
from protocol.radius.dictionary import named
from protocol.radius.digest import read_digest
from protocol.radius.packet import Code, Malformed, MalformedError, Packet, decode
from protocol.radius.passwords import chap, reveal
from protocol.radius.value import READERS
from tests.protocol.radius.radius_vectors import DROPPED, PACKETS, Vector

LINES = {"secret", "request", "signed", "sealed", "password", "chap", "opaque", "digest", "response"}


class Judged(NamedTuple):
    signed: MessageAuthenticator
    sealed: bool | None


def judged(packet: Packet, vector: Vector) -> Judged:
    sealed = check_accounting(packet, vector.secret) if packet.code == Code.ACCOUNTING_REQUEST else None
    return Judged(check_message_authenticator(packet, vector.secret), sealed)


def read_value(packet: Packet, name: str) -> list[str]:
    attribute = named(name)
    assert attribute is not None, f"{name} is in no dictionary"
    return [str(READERS[attribute.kind](value)) for value in packet.every(attribute.key)]


@pytest.mark.parametrize("vector", PACKETS, ids=lambda v: v.name)
def test_packet_reads_as_the_block_says(vector: Vector) -> None:
    packet = decode(vector.wire("request"))
    sealed = {"yes": True, "no": False, None: None}[vector.first("sealed")]
    assert judged(packet, vector) == (vector.first("signed"), sealed)
    for name in {name for name, _ in vector.lines if name not in LINES}:
        assert read_value(packet, name) == [value for key, value in vector.lines if key == name], name
    if opaque := vector.first("opaque"):
        assert packet.firsts == {VENDOR_SPECIFIC: bytes.fromhex(opaque)}


@pytest.mark.parametrize("vector", [v for v in PACKETS if v.first("password")], ids=lambda v: v.name)
def test_password_is_revealed(vector: Vector) -> None:
    packet = decode(vector.wire("request"))
    clear = reveal(packet.firsts[USER_PASSWORD], vector.secret, packet.authenticator)
    assert clear == (vector.first("password") or "").encode()


@pytest.mark.parametrize("vector", [v for v in PACKETS if v.first("chap")], ids=lambda v: v.name)
def test_chap_response_proves_the_password(vector: Vector) -> None:
    asked = chap(decode(vector.wire("request")))
    assert asked is not None
    proof = bytes((asked.ident,)) + (vector.first("chap") or "").encode() + asked.challenge
    assert hashlib.md5(proof).digest() == asked.response


@pytest.mark.parametrize("vector", PACKETS, ids=lambda v: v.name)
def test_digest_is_read_where_there_is_one(vector: Vector) -> None:
    digest = read_digest(decode(vector.wire("request")))
    said = {} if digest is None else {name: getattr(digest, name) for name in digest.__struct_fields__}
    expected = dict(pair.split("=", 1) for pair in (vector.first("digest") or "").split())
    assert {name: value for name, value in said.items() if value is not None} == expected


@pytest.mark.parametrize("vector", [v for v in PACKETS if v.first("response")], ids=lambda v: v.name)
def test_response_belongs_to_its_request(vector: Vector) -> None:
    request, response = decode(vector.wire("request")), decode(vector.wire("response"))
    sealed = response.raw[:4] + request.authenticator + response.raw[20:]
    assert (response.identifier, response.authenticator) == (request.identifier, vector.secret.md5(sealed))


@pytest.mark.parametrize("vector", PACKETS, ids=lambda v: v.name)
def test_nothing_is_read_from_half_a_packet(vector: Vector) -> None:
    request = decode(vector.wire("request")).raw
    for end in range(len(request)):
        with pytest.raises(MalformedError):
            decode(request[:end])


@pytest.mark.parametrize("vector", [v for v in PACKETS if v.first("response")], ids=lambda v: v.name)
def test_pyrad_verifies_the_response_too(vector: Vector) -> None:
    secret = vector.secret.value
    asked = PyradPacket(secret=secret, packet=vector.wire("request"))
    assert asked.VerifyReply(PyradPacket(secret=secret, packet=vector.wire("response")))


@pytest.mark.parametrize("vector", DROPPED, ids=lambda v: v.name)
def test_malformed_datagram_is_dropped_with_its_reason(vector: Vector) -> None:
    with pytest.raises(MalformedError) as dropped:
        decode(vector.wire("request"))
    assert dropped.value.reason == Malformed(vector.kind)


def test_every_reason_for_a_drop_but_those_of_size_has_a_block() -> None:
    assert {v.kind for v in DROPPED} == set(Malformed) - {Malformed.TOO_MANY_ATTRIBUTES}
