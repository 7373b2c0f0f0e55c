"""The shared secret: its hashes are those of the standard library, and it does not show itself."""

import hashlib
import hmac

import pytest

from protocol.radius.secret import KEPT_MAX, Secret


@pytest.mark.parametrize("value", [b"x", b"testing123", b"s" * 64, b"s" * 65, bytes(range(256))])
@pytest.mark.parametrize("message", [b"", b"x", b"m" * 4096])
def test_hashes_are_those_of_the_standard_library(value: bytes, message: bytes) -> None:
    secret = Secret(value)
    for _ in range(2):  # what is copied for each message stays as it was
        assert secret.hmac(message) == hmac.digest(value, message, "md5")
        assert secret.kept_hmac(message) == secret.hmac(message)
        assert secret.md5(message) == hashlib.md5(message + value).digest()
        assert secret.md5_of_secret_and(message) == hashlib.md5(value + message).digest()


def test_no_more_signatures_are_kept_than_there_are_identifiers() -> None:
    secret = Secret(b"testing123")
    kept = [secret.kept_hmac(bytes((identifier,))) for identifier in range(KEPT_MAX)]
    assert [secret.kept_hmac(bytes((identifier,))) for identifier in range(KEPT_MAX)] == kept
    with pytest.raises(AssertionError, match="more messages than are kept"):
        secret.kept_hmac(b"one more")


def test_no_secret_is_no_secret() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        Secret(b"")


def test_secret_does_not_show_itself() -> None:
    assert "testing123" not in repr(Secret(b"testing123")) + str(Secret(b"testing123"))
