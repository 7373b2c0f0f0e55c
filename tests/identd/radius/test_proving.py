"""What may prove a name: PAP, CHAP and both forms of a SIP digest, against real stored passwords."""

import hashlib
from typing import Any

import pytest
from pyrad.packet import AccessRequest

from identd.credentials import KeyRing, Prover, StoredPassword, make_ha1, seal
from identd.engine import Engine
from identd.live_calls import LiveCalls
from matcher.change import ChangeSet
from matcher.directory import Directory
from protocol.radius.passwords import hide
from protocol.radius.secret import Secret
from tests.identd.building import NOW, account, client, gateway, put
from tests.identd.radius.building import SECRET, Said, Switch, door

KEYS = KeyRing((bytes(range(32)),))
REALM, NONCE, URI = "sip.example", "abc123", "sip:4420@sip.example"
SEALED = StoredPassword(sealed=seal("s3cret", 1, KEYS, bytes(12))).to_bytes()
HA1 = StoredPassword(ha1=(make_ha1("MD5", REALM, "alice", "s3cret"),)).to_bytes()


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def digest(password: str = "s3cret", qop: bool = True) -> dict[str, str]:
    ha1, ha2 = md5(f"alice:{REALM}:{password}"), md5(f"INVITE:{URI}")
    between = "00000001:cn:auth:" if qop else ""
    fields = {"username": "alice", "realm": REALM, "nonce": NONCE, "uri": URI, "method": "INVITE"}
    fields["response"] = md5(f"{ha1}:{NONCE}:{between}{ha2}")
    return fields | ({"nc": "00000001", "cnonce": "cn", "qop": "auth"} if qop else {})


RFC_5090 = {
    "response": 103,
    "realm": 104,
    "nonce": 105,
    "method": 108,
    "uri": 109,
    "qop": 110,
    "algorithm": 111,
    "cnonce": 113,
    "nc": 114,
    "username": 115,
}
STERMAN = {
    "realm": 1,
    "nonce": 2,
    "method": 3,
    "uri": 4,
    "qop": 5,
    "algorithm": 6,
    "cnonce": 8,
    "nc": 9,
    "username": 10,
}


def switch(stored: bytes, preset: str = "generic") -> Switch:
    row = account(1, ident_by="name", networks=(), ident_name="alice", password=stored)
    made = Engine(Directory(Prover(KEYS)), LiveCalls())
    rows = (row, client(), gateway())
    made.applied(made.directory.apply(ChangeSet(tuple(map(put, rows)), full=True)), NOW)
    return Switch(door(made, {"network": "192.0.2.7", "gateway": "gw1", "preset": preset})[0])


def asks(at: Switch, name: str | None = "alice", **raw: Any) -> Said:
    """An Access-Request with attributes by number (`a103`), and with User-Password as `password`."""
    words = {"Called-Station-Id": "4420", "Acct-Session-Id": "c"}
    made = at.packet(AccessRequest, words if name is None else {**words, "User-Name": name})
    if (password := raw.pop("password", None)) is not None:
        made.authenticator = made.CreateAuthenticator()
        made[2] = [hide(password, Secret(SECRET), made.authenticator)]
    for number, value in raw.items():
        made[int(number[1:])] = value if isinstance(value, list) else [value]
    said = at.send(made)
    assert said is not None
    return said


def by_rfc_5090(fields: dict[str, str]) -> dict[str, bytes]:
    return {f"a{RFC_5090[field]}": value.encode() for field, value in fields.items()}


def by_sterman(fields: dict[str, str], together: bool) -> dict[str, Any]:
    inside = [
        bytes((STERMAN[field], len(value) + 2)) + value.encode()
        for field, value in fields.items()
        if field in STERMAN
    ]
    return {"a206": fields["response"].encode(), "a207": [b"".join(inside)] if together else inside}


@pytest.mark.parametrize("stored", [SEALED, HA1], ids=["sealed", "ha1"])
@pytest.mark.parametrize("qop", [True, False])
@pytest.mark.parametrize("form", ["rfc5090", "sterman", "sterman together"])
def test_a_digest_proves_the_name_in_it_whatever_user_name_says(stored: bytes, qop: bool, form: str) -> None:
    for password, code in (("s3cret", "accept"), ("wrong", "reject")):
        fields = digest(password, qop)
        raw = by_rfc_5090(fields) if form == "rfc5090" else by_sterman(fields, form.endswith("together"))
        said = asks(switch(stored), name="alice@sip.example", **raw)
        assert said.code == code
    assert said.texts["identd-reason"] == "bad_password"


@pytest.mark.parametrize(
    ("algorithm", "hashes"), [("MD5", hashlib.md5), ("MD5-sess", hashlib.md5), ("SHA-256", hashlib.sha256)]
)
def test_a_digest_is_judged_by_the_algorithm_that_it_names(algorithm: str, hashes: Any) -> None:
    def hashed(text: str) -> str:
        return str(hashes(text.encode()).hexdigest())

    ha1 = hashed(f"alice:{REALM}:s3cret")
    if algorithm.endswith("-sess"):
        ha1 = hashed(f"{ha1}:{NONCE}:cn")
    response = hashed(f"{ha1}:{NONCE}:00000001:cn:auth:{hashed(f'INVITE:{URI}')}")
    fields = digest() | {"algorithm": algorithm, "response": response}
    assert asks(switch(SEALED), **by_rfc_5090(fields)).code == "accept"
    other = "SHA-256" if algorithm == "MD5" else "MD5"
    assert asks(switch(SEALED), **by_rfc_5090(fields | {"algorithm": other})).code == "reject"


def test_kamailios_user_name_is_no_name_but_its_digest_is() -> None:
    at = switch(SEALED, "kamailio")
    assert asks(at, name="source:192.0.2.9", **by_rfc_5090(digest())).code == "accept"
    unnamed = asks(at, name="alice")
    assert (unnamed.code, unnamed.texts["identd_reason"]) == ("reject", "bad_request")


@pytest.mark.parametrize("stored", [SEALED, HA1], ids=["sealed", "ha1"])
def test_a_hidden_password_proves_the_user_name(stored: bytes) -> None:
    assert asks(switch(stored), password=b"s3cret").code == "accept"
    for wrong in (b"S3cret", b"\xff\xfe", b"x" * 128):
        refused = asks(switch(stored), password=wrong)
        assert (refused.code, refused.texts["identd-reason"]) == ("reject", "bad_password")


def test_an_empty_password_is_none() -> None:
    refused = asks(switch(SEALED), password=b"")
    assert refused.texts["identd-reason"] == "unknown_source"


@pytest.mark.parametrize("challenge", [b"a challenge", None], ids=["CHAP-Challenge", "request authenticator"])
def test_chap_proves_a_sealed_password(challenge: bytes | None) -> None:
    for password, code in ((b"s3cret", "accept"), (b"wrong", "reject")):
        at = switch(SEALED)
        made = at.packet(AccessRequest, {"User-Name": "alice", "Called-Station-Id": "1", "Acct-Session-Id": "c"})
        made.authenticator = made.CreateAuthenticator()
        if challenge is not None:
            made[60] = [challenge]
        made[3] = [b"\x07" + hashlib.md5(b"\x07" + password + (challenge or made.authenticator)).digest()]
        said = at.send(made)
        assert said is not None
        assert said.code == code


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"a103": b"x"}, b"bad_request: digest realm is missing"),
        ({"a206": b"x", "a207": b"\x01\x09ab"}, b"bad_request: digest an attribute 207 is cut short"),
        ({"a3": b"x" * 16}, b"bad_request: chap has not 17 bytes, or no challenge"),
        ({"a2": b"x" * 17}, b"bad_request: password has not 16 to 128 bytes in whole blocks of 16"),
    ],
)
def test_a_proof_that_cannot_be_read_is_said(raw: dict[str, bytes], words: bytes) -> None:
    said = asks(switch(SEALED), **raw)
    assert (said.code, said.every("Reply-Message")) == ("reject", [words])


def test_a_name_alone_proves_nothing_unless_the_gateway_is_trusted_with_names() -> None:
    row = account(1, ident_by="name", networks=(), ident_name="alice")
    for trusts_name, code in ((False, "reject"), (True, "accept")):
        made = Engine(Directory(Prover(KEYS)), LiveCalls())
        rows = (row, client(), gateway(trusts_name=trusts_name))
        made.applied(made.directory.apply(ChangeSet(tuple(map(put, rows)), full=True)), NOW)
        assert asks(Switch(door(made)[0])).code == code
