"""Digest responses out of packets, in both forms; what real clients send is in vectors.txt."""

import pytest

from protocol.messages import Digest
from protocol.radius.attribute import attribute
from protocol.radius.digest import (
    BY_RFC_5090,
    INSIDE_DRAFT_ATTRIBUTES,
    BadDigestError,
    asks_for_nonce,
    challenge,
    read_digest,
)
from protocol.radius.packet import Code, Packet, decode, encode

FIELDS = {
    "username": b"rose",
    "realm": b"example.net",
    "nonce": b"dcd98b",
    "uri": b"sip:100@example.net",
    "method": b"INVITE",
    "response": b"6629fae49393a05397450978507c4ef1",
    "qop": b"auth",
    "nc": b"00000001",
    "cnonce": b"0a4f113b",
    "algorithm": b"SHA-256",
}
ALL = Digest(**{field: value.decode() for field, value in FIELDS.items()})
NAME = attribute(1, b"rose@example.net")


def rfc_5090(fields: dict[str, bytes]) -> bytes:
    return b"".join(attribute(BY_RFC_5090[field], value) for field, value in fields.items())


def inside(fields: dict[str, bytes]) -> list[bytes]:
    kinds = INSIDE_DRAFT_ATTRIBUTES
    return [bytes((kinds[field], len(value) + 2)) + value for field, value in fields.items() if field in kinds]


def draft(fields: dict[str, bytes]) -> bytes:
    """One attribute 207 for each field, as Kamailio sends them."""
    return b"".join(attribute(207, value) for value in inside(fields)) + attribute(206, fields.get("response", b""))


def asked(attributes: bytes, code: Code = Code.ACCESS_REQUEST) -> Packet:
    return decode(encode(code, 1, bytes(16), attributes))


@pytest.mark.parametrize("form", [rfc_5090, draft])
def test_every_field_is_read(form) -> None:
    assert read_digest(asked(NAME + form(FIELDS))) == ALL


def test_draft_attributes_may_share_one_207() -> None:
    first, *rest = inside(FIELDS)
    wire = attribute(207, first) + attribute(207, b"".join(rest)) + attribute(206, FIELDS["response"])
    assert read_digest(asked(wire)) == ALL


@pytest.mark.parametrize("form", [rfc_5090, draft])
def test_optional_fields_stay_out(form) -> None:
    least = {field: FIELDS[field] for field in ("username", "realm", "nonce", "uri", "method", "response")}
    read = read_digest(asked(form(least)))
    assert read is not None
    assert (read.qop, read.nc, read.cnonce, read.algorithm) == (None, None, None, None)


@pytest.mark.parametrize("form", [rfc_5090, draft])
def test_user_name_serves_where_the_header_has_no_username(form) -> None:
    without = {field: value for field, value in FIELDS.items() if field != "username"}
    read = read_digest(asked(NAME + form(without)))
    assert read is not None
    assert read.username == "rose@example.net"


@pytest.mark.parametrize("form", [rfc_5090, draft])
@pytest.mark.parametrize("missing", ["username", "realm", "nonce", "uri", "method"])
def test_missing_field_is_named(form, missing: str) -> None:
    for wire in (form({f: v for f, v in FIELDS.items() if f != missing}), form({**FIELDS, missing: b""})):
        with pytest.raises(BadDigestError, match=f"{missing} is missing"):
            read_digest(asked(wire))


@pytest.mark.parametrize("form", [rfc_5090, draft])
def test_empty_response_is_a_missing_one(form) -> None:
    with pytest.raises(BadDigestError, match="response is missing"):
        read_digest(asked(form({**FIELDS, "response": b""})))


@pytest.mark.parametrize("form", [rfc_5090, draft])
def test_field_that_is_not_utf_8_is_named_and_not_shown(form) -> None:
    with pytest.raises(BadDigestError, match=r"^nonce is not UTF-8$"):
        read_digest(asked(form({**FIELDS, "nonce": b"\xff\xfe"})))


@pytest.mark.parametrize("wrong", [b"\x01", b"\x01\x00", b"\x01\x01a", b"\x01\x09rose", b"\x01\x03aX"])
def test_attribute_207_that_is_cut_short_is_told(wrong: bytes) -> None:
    with pytest.raises(BadDigestError, match="207 is cut short"):
        read_digest(asked(draft(FIELDS) + attribute(207, wrong)))


def test_old_dictionarys_meaning_of_103_does_not_disturb_the_draft() -> None:
    old = attribute(103, b"1 INVITE") + attribute(104, b"to-tag") + attribute(105, b"from-tag")
    assert read_digest(asked(old + draft(FIELDS))) == ALL


@pytest.mark.parametrize("wire", [b"", NAME, attribute(207, b"\x01\x06rose"), attribute(104, b"example.net")])
def test_no_response_no_digest(wire: bytes) -> None:
    assert read_digest(asked(wire)) is None


def test_accounting_carries_no_digest() -> None:
    assert read_digest(asked(attribute(103, b"1 INVITE"), Code.ACCOUNTING_REQUEST)) is None


METHOD_AND_URI = attribute(108, b"INVITE") + attribute(109, b"sip:100@example.net")


@pytest.mark.parametrize(
    ("wire", "asks"),
    [
        (METHOD_AND_URI, True),
        (METHOD_AND_URI + NAME + attribute(104, b"example.net"), True),
        (METHOD_AND_URI + attribute(105, b""), True),
        (METHOD_AND_URI + attribute(105, b"dcd98b"), False),
        (METHOD_AND_URI + attribute(103, b"6629"), False),
        (METHOD_AND_URI + attribute(206, b"6629"), False),
        (attribute(108, b"INVITE"), False),
        (attribute(109, b"sip:100@example.net"), False),
        (attribute(108, b"") + attribute(109, b"sip:100@example.net"), False),
        (b"", False),
    ],
)
def test_who_sends_method_and_uri_alone_asks_for_a_nonce(wire: bytes, asks: bool) -> None:
    assert asks_for_nonce(asked(wire)) is asks
    assert not asks_for_nonce(asked(wire, Code.ACCOUNTING_REQUEST))


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_challenge_has_one_each_of_what_rfc_5090_wants(is_stale: bool) -> None:
    wire = challenge("sip.example", "dcd98b", is_stale=is_stale)
    told = decode(encode(Code.ACCESS_CHALLENGE, 1, bytes(16), wire))
    wanted = {104: b"sip.example", 105: b"dcd98b", 110: b"auth", 111: b"MD5"}
    assert dict(told.firsts) == (wanted | {120: b"true"} if is_stale else wanted)
    assert all(len(told.every(key)) == 1 for key in wanted)
