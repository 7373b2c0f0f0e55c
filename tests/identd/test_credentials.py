"""Passwords: the vectors of RFC 7616, what a stored value may prove, and that a bad one proves nothing."""

import hashlib

import msgspec
import pytest

from identd.credentials import (
    MAGIC,
    Algorithm,
    CredentialsError,
    Ha1,
    KeyRing,
    Prover,
    StoredPassword,
    make_ha1,
    open_sealed,
    parse_stored,
    seal,
)
from matcher.account import Account
from matcher.attempt import CallAttempt, ChapResponse, ClearPassword, Credentials, DigestResponse

KEY, OLD_KEY, NONCE = bytes(range(32)), bytes(range(1, 33)), bytes(range(12))
KEYS = KeyRing((KEY,))
PASSWORD = "Circle of Life"
REALM = "http-auth@example.org"
BASE = DigestResponse(
    username="Mufasa",
    realm=REALM,
    nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    uri="/dir/index.html",
    method="GET",
    qop="auth",
    nc="00000001",
    cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    algorithm="MD5",
    response="8ca523f5e9506fed4657c9700eebdbec",
)
RFC_7616 = {  # RFC 7616 §3.9.1
    "MD5": BASE,
    "SHA-256": msgspec.structs.replace(
        BASE, algorithm="SHA-256", response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    ),
}


def account(password: bytes | None, account_id: int = 7, ident_name: str = "Mufasa") -> Account:
    return Account(id=account_id, client_id=1, name="a", ident_by="name", ident_name=ident_name, password=password)


def attempt(credentials: Credentials | None) -> CallAttempt:
    return CallAttempt(direction="orig", dnis="1", name="Mufasa", credentials=credentials)


def ha1s(*algorithms: Algorithm, realm: str = REALM) -> tuple[Ha1, ...]:
    return tuple(make_ha1(algorithm, realm, "Mufasa", PASSWORD) for algorithm in algorithms)


SEALED = StoredPassword(sealed=seal(PASSWORD, 7, KEYS, NONCE)).to_bytes()
HA1 = StoredPassword(ha1=ha1s("MD5", "SHA-256")).to_bytes()
BOTH = StoredPassword(ha1=ha1s("MD5", "SHA-256"), sealed=seal(PASSWORD, 7, KEYS, NONCE)).to_bytes()


@pytest.mark.rule("M2.8")
@pytest.mark.parametrize("stored", [SEALED, HA1, BOTH], ids=["sealed", "ha1", "both"])
@pytest.mark.parametrize("answer", RFC_7616.values(), ids=RFC_7616)
def test_the_examples_of_rfc_7616_prove_mufasas_password(stored: bytes, answer: DigestResponse) -> None:
    assert Prover(KEYS)(account(stored), attempt(answer))


@pytest.mark.rule("M2.8")
@pytest.mark.parametrize("stored", [SEALED, HA1, BOTH], ids=["sealed", "ha1", "both"])
def test_a_clear_password_is_proven_by_any_form(stored: bytes) -> None:
    assert Prover(KEYS)(account(stored), attempt(ClearPassword(PASSWORD)))
    for wrong in ("", "circle of life", PASSWORD + "\0", PASSWORD + "\x80", "\ud800", "x" * 10_000):
        assert not Prover(KEYS)(account(stored), attempt(ClearPassword(wrong)))


@pytest.mark.rule("M2.8")
def test_chap_is_proven_by_a_sealed_password_and_by_nothing_else() -> None:
    challenge = bytes(range(16))
    right = ChapResponse(7, challenge, hashlib.md5(b"\x07" + PASSWORD.encode() + challenge).digest())
    assert Prover(KEYS)(account(SEALED), attempt(right))
    assert Prover(KEYS)(account(BOTH), attempt(right))
    assert not Prover(KEYS)(account(HA1), attempt(right)), (
        "RFC 1994 §4.1 hashes the password, which HA1 does not keep"
    )
    for wrong in ({"identifier": 8}, {"challenge": b""}, {"response": b""}, {"response": bytes(16)}):
        assert not Prover(KEYS)(account(SEALED), attempt(msgspec.structs.replace(right, **wrong)))


@pytest.mark.parametrize("algorithm", ["md5", "MD5-sess", "SHA-256-sess"])
def test_session_variants_bind_ha1_to_nonce_and_cnonce(algorithm: str) -> None:
    # worked out with md5sum/sha256sum's algorithm by hand here, not with the code under test
    def h(text: str) -> str:
        return (hashlib.md5 if "md5" in algorithm.lower() else hashlib.sha256)(text.encode()).hexdigest()

    a1 = h(f"Mufasa:{REALM}:{PASSWORD}")
    if "sess" in algorithm:
        a1 = h(f"{a1}:{BASE.nonce}:{BASE.cnonce}")
    response = h(f"{a1}:{BASE.nonce}:{BASE.nc}:{BASE.cnonce}:auth:{h('GET:/dir/index.html')}")
    answer = msgspec.structs.replace(BASE, algorithm=algorithm, response=response)
    for stored in (SEALED, HA1):
        assert Prover(KEYS)(account(stored), attempt(answer))
    old_style = msgspec.structs.replace(
        BASE, algorithm="MD5", qop=None, nc=None, response=hashlib.md5(
            f"{hashlib.md5(f'Mufasa:{REALM}:{PASSWORD}'.encode()).hexdigest()}:{BASE.nonce}:"
            f"{hashlib.md5(b'GET:/dir/index.html').hexdigest()}".encode()
        ).hexdigest()
    )  # fmt: skip
    assert Prover(KEYS)(account(SEALED), attempt(old_style))


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "mufasa"},
        {"realm": "other"},
        {"nonce": "other"},
        {"uri": "/"},
        {"method": "INVITE"},
        {"nc": "00000002"},
        {"nc": None},
        {"cnonce": None},
        {"qop": "auth-int"},
        {"qop": ""},
        {"qop": None},
        {"algorithm": "SHA-256"},
        {"algorithm": "SHA-512-256"},
        {"algorithm": ""},
        {"response": ""},
        {"response": "é" * 32},
        {"response": "\ud800"},
    ],
    ids=str,
)
def test_a_digest_with_one_wrong_field_proves_nothing(wrong: dict[str, str | None]) -> None:
    answer = msgspec.structs.replace(BASE, **wrong)
    for stored in (SEALED, HA1, BOTH):
        assert not Prover(KEYS)(account(stored), attempt(answer))


def test_a_name_that_nobody_has_and_an_account_without_password_prove_nothing() -> None:
    heard: list[int] = []
    prover = Prover(KEYS, lambda account_id, _: heard.append(account_id))
    decoys = (
        ClearPassword("nobody's password"),
        ClearPassword(""),
        ChapResponse(1, b"c", hashlib.md5(b"\x01nobody's passwordc").digest()),
    )
    for credentials in (BASE, ClearPassword(PASSWORD), *decoys, None):
        for who in (None, account(None)):
            assert not prover(who, attempt(credentials))
    assert heard == []


def test_a_digest_made_for_another_name_is_not_this_accounts() -> None:
    assert not Prover(KEYS)(account(SEALED, ident_name="Scar"), attempt(BASE))
    assert not Prover(KEYS)(account(HA1, ident_name="Scar"), attempt(BASE))
    assert not Prover(KEYS)(account(HA1, ident_name="Scar"), attempt(ClearPassword(PASSWORD)))


@pytest.mark.parametrize(
    ("stored", "account_id", "keys"),
    [
        (SEALED, 8, KEYS),  # copied from another account's row
        (SEALED, 7, KeyRing((OLD_KEY,))),
        (SEALED, 7, KeyRing()),
        (SEALED[:-1] + bytes([SEALED[-1] ^ 1]), 7, KEYS),
        (SEALED[:-1], 7, KEYS),
        (SEALED + b"\0", 7, KEYS),
        (b"", 7, KEYS),
        (b"Circle of Life", 7, KEYS),
        (MAGIC, 7, KEYS),
        (MAGIC + b"\xc1", 7, KEYS),
        (MAGIC + msgspec.msgpack.encode([[], [b"", b"", b""]]), 7, KEYS),
        (MAGIC + msgspec.msgpack.encode([[["MD5", "r", "Mufasa", b"short"]], None]), 7, KEYS),
        (MAGIC + msgspec.msgpack.encode([[["MD5", "r", "Mufasa", bytes(16)]] * 9, None]), 7, KEYS),
        (MAGIC + b"\x91" * 3000, 7, KEYS),
        (MAGIC + b"\x92\x91\x94\xa1\xff", 7, KEYS),
        (MAGIC + bytes(5000), 7, KEYS),
    ],
)
def test_a_value_that_cannot_be_opened_proves_nothing_raises_nothing_and_is_told(
    stored: bytes, account_id: int, keys: KeyRing
) -> None:
    heard: list[tuple[int, str]] = []
    prover = Prover(keys, lambda *told: heard.append(told))
    assert not prover(account(stored, account_id), attempt(ClearPassword(PASSWORD)))
    assert not prover(account(stored, account_id), attempt(BASE))
    assert [account_id for account_id, _ in heard] == [account_id] * 2
    assert PASSWORD not in str(heard)


def test_a_key_can_be_changed_row_by_row_and_taken_away_by_a_reload() -> None:
    old = account(StoredPassword(sealed=seal(PASSWORD, 7, KeyRing((OLD_KEY,)), NONCE)).to_bytes())
    new = account(StoredPassword(sealed=seal(PASSWORD, 7, KeyRing((KEY, OLD_KEY)), NONCE)).to_bytes())
    prover = Prover(KeyRing((KEY, OLD_KEY)))
    assert prover(old, attempt(BASE))
    assert prover(new, attempt(BASE))
    prover.use(KEYS)
    assert not prover(old, attempt(BASE))
    assert prover(new, attempt(BASE))


def test_a_sealed_value_hides_the_length_of_its_password_and_the_password() -> None:
    boxes = [seal(password, 7, KEYS, NONCE).box for password in ("a", "a" * 63)]
    assert len(boxes[0]) == len(boxes[1])
    longest = "x" * 255
    stored = StoredPassword(sealed=seal(longest, 7, KEYS, NONCE)).to_bytes()
    assert b"xxx" not in stored
    assert Prover(KEYS)(account(stored), attempt(ClearPassword(longest)))


def test_what_cannot_be_sealed_is_refused() -> None:
    for bad in (
        lambda: seal("", 7, KEYS, NONCE),
        lambda: seal("x" * 256, 7, KEYS, NONCE),
        lambda: seal("x", 7, KeyRing(), NONCE),
        lambda: seal("x", 7, KEYS, b"short"),
        lambda: KeyRing((b"short",)),
        lambda: make_ha1("MD5", "r", "a:b", "x"),
    ):
        with pytest.raises(CredentialsError):
            bad()


def test_a_stored_value_reads_back_and_shows_no_secret_in_its_repr() -> None:
    stored = parse_stored(BOTH)
    assert (len(stored.ha1), stored.to_bytes()) == (2, BOTH)
    assert stored.ha1[0].value.hex() not in repr(stored)
    assert repr(stored.ha1[0].value) not in repr(stored)


def test_a_sealed_password_is_opened_for_whoever_asks_to_see_it() -> None:
    stored = StoredPassword(sealed=seal("pässwörd", 7, KEYS, NONCE))
    assert open_sealed(stored, 7, KeyRing((OLD_KEY, KEY))) == "pässwörd"
    for other, account_id, keys in ((stored, 8, KEYS), (stored, 7, KeyRing()), (StoredPassword(), 7, KEYS)):
        with pytest.raises(CredentialsError) as refused:
            open_sealed(other, account_id, keys)
        assert "pässwörd" not in str(refused.value)
