"""Keys and secrets as operators handle them: what is made here is what the daemon accepts, and nothing else is."""

import base64
import os
from pathlib import Path

import pytest

from identd.credentials import STORED_BYTES_MAX, CredentialsError, KeyRing, Prover
from identd.sealing import hash_secret, load_keys, new_secret, parse_key, sealed_column, verify_secret
from identd.settings import Credentials
from matcher.account import Account
from matcher.attempt import CallAttempt, ClearPassword

KEY = bytes(range(32))


def test_a_sealed_column_is_what_the_daemon_can_prove() -> None:
    for realms, key in (((), KEY), (("sip.example",), None), (("a", "b"), KEY)):
        column = sealed_column(7, "rose", "s3cret", realms, key)
        assert column.startswith("\\x")
        assert b"s3cret" not in bytes.fromhex(column[2:])
        account = Account(
            id=7, client_id=1, name="n", ident_by="name", ident_name="rose", password=bytes.fromhex(column[2:])
        )
        for password, right in (("s3cret", True), ("S3cret", False)):
            attempt = CallAttempt(direction="orig", dnis="1", name="rose", credentials=ClearPassword(password))
            assert Prover(KeyRing((KEY,)))(account, attempt) is right


@pytest.mark.parametrize(
    ("username", "password", "realms"), [("rose", "x", ()), ("a:b", "x", ("r",)), ("rose", "", ("r",))]
)
def test_what_cannot_be_kept_is_refused(username: str, password: str, realms: tuple[str, ...]) -> None:
    with pytest.raises(CredentialsError):
        sealed_column(7, username, password, realms)


REALMS = tuple(f"{number}.sip.example" for number in range(5))


def test_four_realms_of_the_longest_name_are_what_the_daemon_can_prove_and_a_realm_named_twice_is_one() -> None:
    value = bytes.fromhex(sealed_column(7, "n" * 255, "p" * 255, (*REALMS[:4], REALMS[0]), KEY)[2:])
    assert len(value) <= STORED_BYTES_MAX
    account = Account(id=7, client_id=1, name="n", ident_by="name", ident_name="n" * 255, password=value)
    attempt = CallAttempt(direction="orig", dnis="1", name="n" * 255, credentials=ClearPassword("p" * 255))
    assert Prover(KeyRing((KEY,)))(account, attempt)


@pytest.mark.parametrize(
    ("account_id", "username", "realms", "words"),
    [
        (7, "rose", REALMS, "at most 4 realms"),
        (7, "n" * 256, ("r",), "up to 255 bytes"),
        (7, "rose", ("r" * 256,), "a realm has up to 255 bytes"),
        (7, "n" * 255, tuple(f"{number:0255}" for number in range(4)), "up to 4096"),
        (7, "ros\udce9", ("r",), "a username is UTF-8"),
        (7, "rose", ("r\0",), "a realm is UTF-8"),
        (0, "rose", ("r",), "id is a number from 1"),
        (2**63, "rose", ("r",), "id is a number from 1"),
    ],
)
def test_no_value_is_made_that_the_daemon_or_the_column_would_not_take(
    account_id: int, username: str, realms: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CredentialsError, match=words):
        sealed_column(account_id, username, "s3cret", realms, KEY)


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper() + "\n",
        base64.b64encode(KEY).decode(),
        base64.b64encode(KEY).decode().rstrip("=") + "\n",
    ],
)
def test_a_key_is_hex_or_base64(text: str) -> None:
    assert parse_key(text, "here") == KEY


@pytest.mark.parametrize(
    "text", ["", "00" * 31, "00" * 33, "zz" * 32, base64.b64encode(KEY + b"x").decode(), "A" * 41, "é" * 32]
)
def test_what_is_no_key_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        parse_key(text, "here")
    assert not text or text not in str(caught.value)


def test_keys_come_from_files_that_others_cannot_read_and_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.hex())
    path.chmod(0o640)
    assert load_keys(Credentials(key_file=str(path))).current == KeyRing((KEY,)).current
    from_environment = load_keys(Credentials(key=bytes(32).hex(), previous_key_files=(str(path),)))
    assert (len(from_environment), from_environment.current) == (2, KeyRing((bytes(32),)).current)
    assert len(load_keys(Credentials())) == 0
    path.chmod(0o644)
    with pytest.raises(CredentialsError, match="others may read"):
        load_keys(Credentials(key_file=str(path)))
    path.chmod(0o660)
    with pytest.raises(CredentialsError, match="its group may write it"):
        load_keys(Credentials(key_file=str(path)))


def test_what_is_no_file_of_a_key_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)  # nobody writes: opening it as a file is opened would never return
    for name, words in (("", "Is a directory"), ("pipe", "no regular file"), ("absent", "No such file")):
        with pytest.raises(CredentialsError, match=words):
            load_keys(Credentials(key_file=str(tmp_path / name)))


def test_a_gateways_secret_is_verified_against_its_hash_alone() -> None:
    secret = new_secret()
    kept = hash_secret(secret)
    assert len(base64.urlsafe_b64decode(secret)) >= 16
    assert (kept.split("$")[0], hash_secret(secret) != kept) == ("sha256", True)
    assert verify_secret(kept, secret)
    for wrong in ("", secret[:-1], secret + "x", "é"):
        assert not verify_secret(kept, wrong)


@pytest.mark.parametrize(
    "kept", [None, "", "sha256", "sha256$$", "sha256$zz$00", "md5$00$00", "plain", "sha256$00$é"]
)
def test_no_hash_or_one_of_another_form_is_never_right(kept: str | None) -> None:
    for secret in ("", "plain", os.urandom(4).hex()):
        assert not verify_secret(kept, secret)
